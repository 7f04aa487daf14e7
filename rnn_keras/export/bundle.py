"""All files that `export` writes: made in a temporary folder, compared with Keras, and only then moved into place."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.data.batching import predict_sequences
from rnn_keras.export.formats import convert, name_files
from rnn_keras.export.measure import flatten_outputs
from rnn_keras.export.model_function import describe_model, flatten_example
from rnn_keras.export.onnx import conversion as onnx_conversion
from rnn_keras.export.parity import Variant, compare
from rnn_keras.export.publish import publish, require_places
from rnn_keras.export.spec import ExportSpec
from rnn_keras.export.standalone import NAME as RUNNER
from rnn_keras.export.standalone import write_runner
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.faults import find_disk_fault
from rnn_keras.utils.files import UNFINISHED, lock_directory, remove_unfinished, require_unicode, write_json

REPORT = "report.json"


def export(
    spec: ExportSpec,
    trained: Path | None,
    directory: Path,
    formats: Sequence[str],
    quantisations: Sequence[str],
    log: Callable[[str], None] = print,
    flag: str = "--saved-models",
) -> dict[str, Any]:
    """Writes the formats and the report as one version, numbered one above the highest there; see `publish`.

    Args:
        spec: what to export.
        trained: the model in Keras's format, a `.keras` file, which the report compares with; None: no row of its own.
        directory: the folder. Its name is that of the `.tflite` and `.onnx` files.
        formats: of `rnn_keras.export.FORMATS`.
        quantisations: of the LiteRT files; of `rnn_keras.export.QUANTISATIONS`.
        log: is called with a line before each step.
        flag: what names the directory, for errors.

    Returns:
        `saved_model`, the folder of the new version, and `onnx`, the link to the file, or None; `litert`, a list of
        links to files; and `report`, a list of its rows, empty without examples.

    Raises:
        UserError: a format cannot be made, or its decisions are not those of Keras; the folder is as it was.
    """
    if "onnx" in formats:
        onnx_conversion.require_onnx()
    names = [*name_files(directory.name, formats, quantisations, spec), RUNNER, REPORT]
    require_unicode(directory, flag)
    try:
        with lock_directory(directory, flag):
            require_places(directory, names)
            remove_unfinished(directory)
            with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=directory) as folder:
                variants = convert(spec, Path(folder), directory.name, formats, quantisations, log)
                compared = variants if trained is None else [Variant("keras", trained), *variants]
                rows = report(spec, compared, log) if len(spec.comparison.inputs) else []
                version = publish_variants(variants, rows, Path(folder), directory, log)
    except Exception as error:
        if isinstance(error, UserError) and UNFINISHED not in str(error):
            raise  # it names a place that the user knows
        fault = find_disk_fault(error) or (isinstance(error, OSError) and (error.strerror or str(error)))
        if not fault:
            raise
        raise UserError(
            f"cannot write to {directory}: {fault}; free some space, or name another folder with {flag}; what was "
            "there is unchanged"
        ) from error
    places = {variant.format: str(directory / variant.path.name) for variant in variants}
    return {
        "saved_model": str(version) if "saved_model" in formats else None,
        "onnx": places.get("onnx"),
        "litert": [str(directory / variant.path.name) for variant in variants if variant.format == "litert"],
        "report": rows,
    }


def publish_variants(
    variants: Sequence[Variant],
    rows: Sequence[dict[str, Any]],
    folder: Path,
    directory: Path,
    log: Callable[[str], None] = lambda line: None,
) -> Path:
    """Moves what was written to a temporary folder into place, as one version; see `publish`."""
    prepared = next((variant.path for variant in variants if variant.format == "saved_model"), None)
    has_saved_model = prepared is not None
    if prepared is None:
        prepared = folder / "files"
        prepared.mkdir()
    files = [
        path for variant in variants if variant.format != "saved_model" for path in (variant.path, *variant.others)
    ]
    for file in files:
        file.rename(prepared / file.name)
    names = [file.name for file in files]
    if names:
        names.append(write_runner(prepared, [prepared / name for name in names]).name)
    if rows:
        write_json(prepared / REPORT, rows)
        names.append(REPORT)
    return publish(prepared, directory, names, has_saved_model=has_saved_model, log=log)


def report(spec: ExportSpec, variants: Sequence[Variant], log: Callable[[str], None]) -> list[dict[str, Any]]:
    """The rows of the report, one for each variant.

    Raises:
        UserError: the decisions of a variant are not those of Keras.
    """
    log(f"comparing with Keras on {len(spec.comparison.inputs)} examples ...")
    expected = spec.comparison.expected
    if expected is None:
        outputs = compute_outputs(spec)
        return [compare(variant, spec, outputs) for variant in variants]
    return [compare(variant, spec, expected(variant.format)) for variant in variants]


def compute_outputs(spec: ExportSpec) -> np.ndarray:
    """What the network computes in Keras for the examples, `(n, ...)`."""
    if spec.network is None:
        raise ValueError("a spec without a network must have comparison.expected")
    tensors = spec.encode(spec.comparison.inputs)
    if spec.output is None:
        return compute_all_outputs(spec.network, tensors)
    if not spec.per_step:
        return predict_sequences(spec.network, tensors)
    function: Any = tf.function(spec.network, autograph=False, reduce_retracing=True)
    return np.concatenate([function(tensor[np.newaxis])[0].numpy() for tensor in tensors])


def compute_all_outputs(network: keras.Model, examples: Sequence[Any]) -> np.ndarray:
    """All numbers that a model computes in Keras for examples without the batch, each alone: `(n,)`."""
    described = describe_model(network, examples)
    specs = list(described.inputs.values())
    function: Any = tf.function(described, autograph=False, reduce_retracing=True)
    outputs = []
    for example in examples:
        parts = flatten_example(example, described.inputs)
        tensors = [tf.cast(np.asarray(part)[None], spec.dtype) for part, spec in zip(parts, specs, strict=True)]
        outputs.append(flatten_outputs(function(*tensors)))
    return np.concatenate(outputs)
