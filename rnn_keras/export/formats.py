"""A model in the formats that are asked for, each a file or folder."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from rnn_keras.export.answers import describe_signature
from rnn_keras.export.litert import conversion as litert_conversion
from rnn_keras.export.model_function import flatten_example
from rnn_keras.export.onnx import conversion as onnx_conversion
from rnn_keras.export.parity import Variant
from rnn_keras.export.recurrent.engine import Note
from rnn_keras.export.recurrent.streams import describe_states
from rnn_keras.export.saved_model import export_saved_model, make_endpoint
from rnn_keras.export.spec import ExportSpec
from rnn_keras.runtime.litert_model import append_associated_files
from rnn_keras.runtime.onnx_seq2seq import name_onnx_files
from rnn_keras.utils.errors import UserError


def name_files(name: str, formats: Sequence[str], quantisations: Sequence[str], spec: ExportSpec) -> list[str]:
    """The names of the files in these formats, beside a SavedModel."""
    names = []
    if "onnx" in formats:
        names = [f"{name}.onnx"] if spec.network is not None else list(name_onnx_files(name))
    if "litert" in formats:
        names += [name_litert(name, quantisation, spec.conversion.target) for quantisation in quantisations]
    return names


def name_litert(name: str, quantisation: str, target: str) -> str:
    """The name of a LiteRT file."""
    parts = [name, *([target] if target != "litert" else []), *([quantisation] if quantisation != "none" else [])]
    return f"{'_'.join(parts)}.tflite"


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
        endpoint = make_endpoint(spec.model, spec.outputs, spec.comparison.inputs)
        variants.append(Variant("saved_model", export_saved_model(spec.model, endpoint, folder)))
    if "onnx" in formats:
        log("ONNX ...")
        variants.append(convert_onnx(spec, folder, name))
    if "litert" in formats:
        for quantisation in quantisations:
            log(f"LiteRT, {quantisation} ...")
            path = folder / name_litert(name, quantisation, spec.conversion.target)
            variants.append(Variant("litert", path, quantisation, target=spec.conversion.target))
            content = convert_litert(spec, quantisation, variants[-1].notes)
            files = spec.files(quantisation)
            if spec.conversion.stream and spec.network is not None:
                files = describe_states(litert_conversion.list_stream_layers(spec.network, quantisation), files)
            variants[-1].path.write_bytes(append_associated_files(content, files))
    return variants


def convert_onnx(spec: ExportSpec, folder: Path, name: str) -> Variant:
    """Writes the ONNX file, or the files of a model that writes step by step."""
    if spec.network is None:
        if spec.conversion.onnx is None:
            raise UserError("this model has no ONNX form; leave onnx out of --formats")
        contents = spec.conversion.onnx(name)
        first, *others = (folder / file for file in contents)
        for path, content in zip((first, *others), contents.values(), strict=True):
            path.write_bytes(content)
        return Variant("onnx", first, others=tuple(others))
    variant = Variant("onnx", folder / f"{name}.onnx")
    content = onnx_conversion.convert(
        spec.network,
        describe_signature(spec, spec.files("none")),
        examples=spec.comparison.inputs,
        padding=spec.conversion.padding,
        stream=spec.conversion.stream,
        notes=variant.notes,
    )
    variant.path.write_bytes(content)
    return variant


def convert_litert(spec: ExportSpec, quantisation: str, notes: list[Note]) -> bytes:
    """The content of a LiteRT file, without the files inside. `notes`: is filled with what becomes of each layer."""
    if spec.conversion.litert is not None:
        return spec.conversion.litert(quantisation)
    if spec.network is None:
        raise UserError("this model has no LiteRT form; leave litert out of --formats")
    calibration = spec.encode(spec.calibration()) if quantisation == "int8" else []
    if quantisation == "int8" and not calibration:
        raise UserError("this model has no examples to calibrate int8 with; leave int8 out of --quantize")
    examples, steps, inputs = calibration, spec.conversion.steps, getattr(spec.network, "inputs", None) or []
    takes_any_length = any(len(tensor.shape) > 1 and tensor.shape[1] is None for tensor in inputs)
    if not inputs or (takes_any_length and steps is None):  # to encode the examples may mean to decode all images
        examples = [*spec.encode(spec.comparison.inputs), *calibration]
        parts = [np.asarray(part) for example in examples for part in flatten_example(example)]
        steps = steps or max((len(part) for part in parts if part.ndim), default=1)
    return litert_conversion.convert(
        spec.network,
        steps,
        quantisation,
        calibration or examples,
        padding=spec.conversion.padding,
        pad_value=spec.conversion.pad_value,
        stream=spec.conversion.stream,
        target=spec.conversion.target,
        notes=notes,
    )
