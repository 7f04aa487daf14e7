"""All files that `export` writes: made in a temporary folder, compared with Keras, and only then moved into place."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from rnn_keras.data.batching import predict_sequences
from rnn_keras.export import litert, onnx_export
from rnn_keras.export.parity import Variant, compare
from rnn_keras.export.saved_model import export_saved_model, make_endpoint, versions
from rnn_keras.export.spec import ExportSpec
from rnn_keras.runtime.litert_model import append_associated_files
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import UNFINISHED, remove_unfinished, write_json

REPORT = "report.json"


def export(
    spec: ExportSpec,
    trained: Path,
    directory: Path,
    formats: Sequence[str],
    quantisations: Sequence[str],
    log: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Writes the formats into a folder, with the report; the SavedModel's version is one above the highest there.

    Args:
        spec: what to export.
        trained: the model in Keras's format, a `.keras` file.
        directory: the folder. Its name is that of the `.tflite` and `.onnx` files.
        formats: of `rnn_keras.export.FORMATS`.
        quantisations: of the LiteRT files; of `rnn_keras.export.QUANTISATIONS`.
        log: is called with a line before each step.

    Returns:
        `saved_model`, the folder of the new version, and `onnx`, the file, or None; `litert`, a list of files; and
        `report`, a list of its rows, empty without examples.

    Raises:
        UserError: a format cannot be made, or its decisions are not those of Keras; the folder is as it was.
    """
    if "onnx" in formats:
        if spec.network is None:
            raise UserError(
                "this model writes its output step by step and has no ONNX form; leave onnx out of --formats"
            )
        onnx_export.require_onnx()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        remove_unfinished(directory)
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=directory) as folder:
            variants = convert(spec, Path(folder), directory.name, formats, quantisations, log)
            rows = report(spec, [Variant("keras", trained), *variants], log) if len(spec.comparison.inputs) else []
            written: dict[str, Any] = {"saved_model": None, "onnx": None, "litert": [], "report": rows}
            for variant in variants:
                place = directory / variant.path.name
                if variant.format == "litert":
                    written["litert"].append(str(place))
                else:
                    if variant.format == "saved_model":
                        place = directory / str(1 + max(versions(directory), default=0))
                    written[variant.format] = str(place)
                variant.path.replace(place)
            if rows:
                write_json(directory / REPORT, rows)
    except OSError as error:
        raise UserError(
            f"cannot write to {directory}: {error.strerror or error}; free some space, or name another folder with "
            "--saved-models; what was there is unchanged"
        ) from error
    return written


def convert(
    spec: ExportSpec,
    folder: Path,
    name: str,
    formats: Sequence[str],
    quantisations: Sequence[str],
    log: Callable[[str], None],
) -> list[Variant]:
    """Writes the formats into a folder, in files of that name."""
    variants = []
    if "saved_model" in formats:
        log("SavedModel ...")
        endpoint = make_endpoint(spec.model, spec.outputs)
        variants.append(Variant("saved_model", export_saved_model(spec.model, endpoint, folder)))
    if "onnx" in formats and spec.network is not None:
        log("ONNX ...")
        variants.append(Variant("onnx", folder / f"{name}.onnx"))
        variants[-1].path.write_bytes(onnx_export.convert(spec.network, spec.files("none")))
    if "litert" in formats:
        for quantisation in quantisations:
            log(f"LiteRT, {quantisation} ...")
            suffix = "" if quantisation == "none" else f"_{quantisation}"
            variants.append(Variant("litert", folder / f"{name}{suffix}.tflite", quantisation))
            content = convert_litert(spec, quantisation)
            variants[-1].path.write_bytes(append_associated_files(content, spec.files(quantisation)))
    return variants


def convert_litert(spec: ExportSpec, quantisation: str) -> bytes:
    """The content of a LiteRT file, without the files inside."""
    if spec.convert_litert is not None:
        return spec.convert_litert(quantisation)
    if spec.network is None:
        raise UserError("this model has no LiteRT form; leave litert out of --formats")
    calibration = spec.encode(spec.calibration()) if quantisation == "int8" else []
    if quantisation == "int8" and not calibration:
        raise UserError("this model has no examples to calibrate int8 with; leave int8 out of --quantize")
    steps = spec.steps or spec.network.inputs[0].shape[1]
    if steps is None:
        steps = max(map(len, [*spec.encode(spec.comparison.inputs), *calibration]), default=1)
    return litert.convert(spec.network, steps, quantisation, calibration)


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
    if not spec.per_step:
        return predict_sequences(spec.network, tensors)
    function: Any = tf.function(spec.network, autograph=False, reduce_retracing=True)
    return np.concatenate([function(tensor[np.newaxis])[0].numpy() for tensor in tensors])
