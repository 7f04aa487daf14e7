"""All that `export` writes: made beside its place, held against Keras, and only then put there."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from rnn_keras.data.batching import predicted
from rnn_keras.export import litert, onnx_export
from rnn_keras.export.parity import Variant, measured
from rnn_keras.export.saved_model import export_saved_model, versions
from rnn_keras.export.spec import ExportSpec
from rnn_keras.runtime.litert_model import with_associated_files
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import UNFINISHED, remove_unfinished, write_json

REPORT = "report.json"


def export(
    deployment: ExportSpec,
    trained: Path,
    directory: Path,
    formats: Sequence[str],
    quantisations: Sequence[str],
    tell: Callable[[str], None] = print,
) -> dict:
    """Writes the formats into the app's folder, with the report; the version is one above the highest there.

    Args:
        trained: the run's model in Keras's format.
        directory: the folder; its name is that of the `.tflite` files.
        quantisations: of the LiteRT files.
        tell: is called with a line before each step.

    Returns:
        `saved_model`, the new version's folder, and `onnx`, the file, or None; `litert`, the files; `report`, its rows,
        none without examples.

    Raises:
        UserError: a format cannot be made, or decides otherwise than Keras; the folder is as it was.
    """
    if "onnx" in formats:
        if deployment.litert:
            raise UserError(
                "this model writes its answer step by step and has no ONNX form; leave onnx out of --formats"
            )
        onnx_export.require_onnx()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        remove_unfinished(directory)
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=directory) as folder:
            variants = made(deployment, Path(folder), directory, formats, quantisations, tell)
            rows = report(deployment, [Variant("keras", trained), *variants], tell) if deployment.examples else []
            written = {"saved_model": None, "onnx": None, "litert": [], "report": rows}
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


def made(deployment, folder, directory, formats, quantisations, tell) -> list[Variant]:
    """The formats, in the temporary folder."""
    variants = []
    if "saved_model" in formats:
        tell("SavedModel ...")
        variants.append(Variant("saved_model", export_saved_model(deployment.model, deployment.endpoint, folder)))
    if "onnx" in formats:
        tell("ONNX ...")
        variants.append(Variant("onnx", folder / f"{directory.name}.onnx"))
        variants[-1].path.write_bytes(onnx_export.convert(deployment.network, deployment.files("none")))
    if "litert" in formats:
        calibration = deployment.tensors(deployment.calibration) if "int8" in quantisations else []
        for quantisation in quantisations:
            tell(f"LiteRT, {quantisation} ...")
            name = directory.name if quantisation == "none" else f"{directory.name}_{quantisation}"
            if deployment.litert:
                content = with_associated_files(deployment.litert(quantisation), deployment.files(quantisation))
            else:
                content = litert.convert(
                    deployment.network,
                    deployment.steps,
                    quantisation,
                    calibration if quantisation == "int8" else (),
                    deployment.files(quantisation),
                )
            variants.append(Variant("litert", folder / f"{name}.tflite", quantisation))
            variants[-1].path.write_bytes(content)
    return variants


def report(deployment, variants, tell) -> list[dict]:
    tell(f"holding them against Keras on {len(deployment.examples)} examples ...")
    expected = deployment.expected
    if expected is None:
        outputs = outputs_of(deployment)

        def expected(kind):
            return outputs

    return [measured(variant, deployment, expected(variant.format)) for variant in variants]


def outputs_of(deployment) -> np.ndarray:
    """Keras's outputs for the examples, `(n, ...)`."""
    tensors = deployment.tensors(deployment.examples)
    if not deployment.in_step:
        return predicted(deployment.network, tensors)
    function = tf.function(deployment.network, autograph=False, reduce_retracing=True)
    return np.concatenate([function(tensor[np.newaxis])[0].numpy() for tensor in tensors])
