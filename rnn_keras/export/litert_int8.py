"""A network as a LiteRT file whose recurrent layers are written by this package, in 8 bits or for microcontrollers."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.export.litert_cuts import INPUT_HEADROOM, CutEngine, Recording, cut, enlarge, name_input, record
from rnn_keras.export.litert_graft import graft

Convert = Callable[[str, str], None]


def convert_function(
    serve: Callable[..., dict[str, Any]],
    specs: Sequence[tf.TensorSpec],
    engine: CutEngine,
    variables: Sequence[Any],
    quantisation: str,
    calibration: Mapping[str, np.ndarray],
    run_converter: Convert,
    *,
    is_micro: bool = False,
) -> bytes:
    """A network as the content of a LiteRT file of fixed sizes, for one sequence at a time; without a checksum.

    Within it a fused LSTM starts where the last call ended, until the runtime's variables are reset; a loop starts at
    zero, or at the given states.

    Args:
        serve: the network, whose recurrent layers call the engine (`recurrent_calls.replaced`).
        specs: of its inputs, `(1, time, ...)`, with names.
        engine: the engine.
        variables: all Keras variables that it reads.
        quantisation: "int8", or "none": float32.
        calibration: by the inputs' names, sequences `(n, time, ...)` whose values show the ranges; may be empty for
            float32.
        run_converter: runs `converter.main` on a folder.
        is_micro: whether the file is for microcontrollers.

    Raises:
        UserError: the converter refuses the network, or crashes.
    """
    if not calibration:
        calibration = {str(spec.name): tf.zeros(spec.shape, spec.dtype).numpy() for spec in specs}
    recording = record(serve, specs, engine, calibration)
    constants: list[Any] = [(variable, keras.ops.convert_to_numpy(variable)) for variable in variables]
    serve_cut, all_specs = cut(serve, specs, engine, recording)

    def serve_constants(*inputs: Any) -> dict[str, Any]:
        with keras.StatelessScope(state_mapping=[(variable, tf.constant(value)) for variable, value in constants]):
            return serve_cut(*inputs)

    module: Any = tf.Module()
    module.serve = tf.function(serve_constants, input_signature=all_specs, autograph=False)
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        tf.saved_model.save(module, str(folder / "model"), signatures={"serving_default": module.serve})
        arrays: Any = make_calibration(recording, calibration)
        np.savez(folder / "calibration.npz", **arrays)
        run_converter(str(folder), quantisation)
        content = (folder / "model.tflite").read_bytes()
    return graft(content, recording, quantized=quantisation == "int8", is_micro=is_micro)


def make_calibration(recording: Recording, calibration: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the converter runs the network on, `(n, rows, ...)` by name, and once more with larger inputs and states."""

    def split(values: np.ndarray) -> np.ndarray:
        return values.reshape(recording.count, -1, *values.shape[1:])

    results = {
        name_input(number, position): np.concatenate([split(values), split(enlarge(values))]).astype(np.float32)
        for number, call in enumerate(recording.results)
        for position, values in enumerate(call)
    }
    inputs = {
        name: np.concatenate([split(values), split(values * INPUT_HEADROOM).astype(values.dtype)])
        if values.dtype.kind == "f"
        else np.concatenate([split(values)] * 2)
        for name, values in calibration.items()
    }
    return inputs | results
