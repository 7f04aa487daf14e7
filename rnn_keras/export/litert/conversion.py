"""A network as a LiteRT (TFLite) file, converted in a process of its own, since the converter can crash."""

import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.export.litert import int8
from rnn_keras.export.litert.calibration import calibrate_stream, prepare_calibration
from rnn_keras.export.litert.cuts import CutEngine
from rnn_keras.export.litert.graft import graft
from rnn_keras.export.litert.recurrent import LiteRTEngine, prepared_for_litert
from rnn_keras.export.litert.states import separate_states
from rnn_keras.export.model_function import describe_model
from rnn_keras.export.recurrent.calls import find_recurrent_layers
from rnn_keras.export.recurrent.engine import Engine, Note, get_cells, is_standard_lstm, list_states
from rnn_keras.export.recurrent.streams import make_stream, require_stream
from rnn_keras.layers.segments import SplitSegments
from rnn_keras.runtime.litert_model import append_associated_files
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.faults import find_disk_fault
from rnn_keras.utils.files import make_write_error, translate_disk_faults
from rnn_keras.utils.processes import make_child_environment

Signature = tuple[Callable[..., dict[str, Any]], Sequence[tf.TensorSpec]]


def convert(
    model: keras.Model,
    steps: int | None,
    quantisation: str,
    calibration: Sequence[Any] = (),
    *,
    padding: Literal["any", "unused"] = "any",
    pad_value: float = 0,
    stream: bool = False,
    notes: list[Note] | None = None,
    target: Literal["litert", "micro"] = "litert",
) -> bytes:
    """A model as the content of a `.tflite` file, for any batch size and length unless `fix_sizes` fixes them.

    The content ends with its checksum; `rnn_keras.runtime.litert_model.append_associated_files` puts files inside.

    Args:
        model: any; see `rnn_keras.export.export_model`.
        steps: the most steps of an input. Where the file fixes their number, shorter sequences are padded with zeros,
            which the model must mask.
        quantisation: "none": float32; "dynamic": 8-bit weights; "float16": 16-bit weights; "int8": 8-bit weights and
            activations wherever LiteRT has such an operation.
        calibration: for int8, inputs without the batch, such as `(steps, ...)`, whose activations show the ranges.
        padding: see `rnn_keras.export.recurrent.calls.replaced`.
        pad_value: what the model masks, for shorter sequences of the calibration.
        stream: whether the states of what is not fused are inputs and outputs; see `list_stream_layers`.
        notes: is filled with how each recurrent layer is computed.
        target: "micro": for microcontrollers, with operators of tflite-micro alone and of fixed sizes, in float32 or
            int8. `rnn_keras.export.micro.arena.measure_arena` says how much memory the file needs there.

    Raises:
        UserError: the converter refuses the model, or crashes; or the target has no such quantisation.
    """
    is_micro = target == "micro"
    if is_micro and quantisation not in ("none", "int8"):
        raise UserError(f"files for microcontrollers are none or int8; got the quantisation {quantisation}")
    function = describe_model(model, calibration)
    specs = fix_sizes(model, function.inputs, steps, quantisation, is_micro=is_micro)
    layers = list_stream_layers(model, quantisation) if stream else []

    def make_serve(engine: Engine) -> tuple[Callable[..., dict[str, Any]], list[tf.TensorSpec]]:
        prepare = functools.partial(prepared_for_litert, model, engine, padding=padding)
        return make_stream(function, specs, layers, prepare, notes)

    if quantisation != "int8" and not is_micro:
        signature = make_serve(LiteRTEngine(is_batch_fixed=all(spec.shape[0] is not None for spec in specs)))
        return convert_functions({"serving_default": signature}, model.variables, quantisation)
    engine, arrays = CutEngine(), prepare_calibration(specs, calibration, pad_value) if len(calibration) else {}
    serve, all_specs = make_serve(engine)
    if arrays and layers:
        arrays = calibrate_stream(serve, engine, specs, calibration, list_states(layers))
    cut = int8.cut_network(serve, all_specs, engine, arrays)
    signatures = {"serving_default": cut.signature}
    content = run_on_functions(signatures, model.variables, quantisation, cut.calibration)
    content = graft(content, cut.recording, quantized=quantisation == "int8", is_micro=is_micro)
    return append_associated_files(content, {})


def list_stream_layers(model: keras.Model, quantisation: str) -> list[Any]:
    """The recurrent layers whose states a stream hands on: in floating point a fused LSTM keeps its own."""
    layers = require_stream(model)
    return [layer for layer in layers if quantisation == "int8" or not all(map(is_standard_lstm, get_cells(layer)))]


def fix_sizes(
    model: keras.Model,
    inputs: Mapping[str, tf.TensorSpec],
    steps: int | None,
    quantisation: str,
    *,
    is_micro: bool = False,
) -> list[tf.TensorSpec]:
    """The inputs with the sizes that the file fixes; those of None may be any.

    Full int8 fixes the batch size and the number of steps, and so do microcontrollers. The fused LSTM keeps its state
    for a fixed number of rows, and the segments of a sequence are rows. Otherwise the number of steps is the model's
    own, if it has one: an image's height.
    """
    layers = model._flatten_layers(include_self=True, recursive=True)
    cells = [cell for layer in find_recurrent_layers(model) for cell in get_cells(layer)]
    is_fused, is_static = any(map(is_standard_lstm, cells)), quantisation == "int8" or is_micro
    fixes_steps = is_static or (is_fused and any(isinstance(layer, SplitSegments) for layer in layers))
    specs = []
    for name, spec in inputs.items():
        batch, *sizes = spec.shape
        if fixes_steps:
            sizes = [steps if size is None else size for size in sizes]
        specs.append(tf.TensorSpec([1 if is_fused or is_static else batch, *sizes], spec.dtype, name))
    return specs


def convert_functions(functions: Mapping[str, Signature], variables: Sequence[Any], quantisation: str) -> bytes:
    """Functions as the signatures of one LiteRT file, with its checksum.

    Args:
        functions: by the signature's name, a function that returns a dict of tensors, and its arguments.
        variables: all Keras variables that the functions read.
        quantisation: see `convert`; not int8.

    Raises:
        UserError: the converter refuses them, or crashes.
    """
    return append_associated_files(separate_states(run_on_functions(functions, variables, quantisation)), {})


def run_on_functions(
    functions: Mapping[str, Signature],
    variables: Sequence[Any],
    quantisation: str,
    calibration: Mapping[str, np.ndarray] | None = None,
) -> bytes:
    """The converter's own result for functions, without a checksum.

    Args:
        functions, variables: see `convert_functions`.
        quantisation: see `convert`.
        calibration: for int8, `(n, ...)` by the names of the inputs of the only function.

    Raises:
        UserError: the converter refuses them, or crashes.
    """
    constants: list[tuple[Any, Any]] = [(variable, keras.ops.convert_to_numpy(variable)) for variable in variables]

    # The converter fuses an LSTM only if its weights are constants, and only if it is given a SavedModel.
    def with_constants(function: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def call(*inputs: Any) -> dict[str, Any]:
            with keras.StatelessScope(state_mapping=[(variable, tf.constant(value)) for variable, value in constants]):
                return function(*inputs)

        return call

    module: Any = tf.Module()
    module.functions = {
        name: tf.function(with_constants(function), input_signature=signature, autograph=False)
        for name, (function, signature) in functions.items()
    }
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        with translate_disk_faults(folder):
            tf.saved_model.save(module, str(folder / "model"), signatures=module.functions)
            if calibration is not None:
                arrays: Any = dict(calibration)
                np.savez(folder / "calibration.npz", **arrays)
        run_converter(str(folder), quantisation)
        return (folder / "model.tflite").read_bytes()


def run_converter(folder: str, quantisation: str) -> None:
    """Runs `rnn_keras.export.litert.converter` on a folder, in a process of its own.

    Raises:
        UserError: it fails, or crashes.
    """
    command = [sys.executable, "-m", "rnn_keras.export.litert.converter", folder, quantisation]
    environment = os.environ | make_child_environment()
    process = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment)
    if process.returncode:
        if fault := find_disk_fault(process.stderr):
            raise make_write_error(Path(folder), fault)
        lines = [line for line in process.stderr.splitlines() if line.strip()]
        if quantisation == "int8" and "gather index out of bounds" in process.stderr:
            raise UserError(
                "int8 turns the numbers of a float input into 8-bit ones, and an Embedding needs whole ids: make the "
                'input with keras.Input(..., dtype="int32"), or leave int8 out'
            )
        reason = "crashed" if process.returncode < 0 else f"refused it: {lines[-1] if lines else 'no reason given'}"
        raise UserError(
            f"LiteRT's converter {reason} (exit status {process.returncode}, quantisation {quantisation}); leave "
            "this quantisation out, or export another network"
        )
