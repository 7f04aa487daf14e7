"""A network as a LiteRT file whose recurrent layers are written by this package, in 8 bits or for microcontrollers."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.export.litert_cuts import CutEngine, Recording, cut, name_input, record
from rnn_keras.export.litert_graft import HEADROOM, graft

Convert = Callable[[str, str], None]


def convert_function(
    serve: Callable[..., dict[str, Any]],
    spec: tf.TensorSpec,
    engine: CutEngine,
    variables: list[Any],
    quantisation: str,
    calibration: np.ndarray,
    run_converter: Convert,
) -> bytes:
    """A network as the content of a LiteRT file of fixed sizes, for one sequence at a time; without a checksum.

    Within it a fused LSTM starts where the last call ended, until the runtime's variables are reset; a loop starts at
    zero, or at the given states.

    Args:
        serve: the network, whose recurrent layers call the engine (`recurrent_calls.replaced`).
        spec: of its input, `(1, time, ...)`.
        engine: the engine.
        variables: all Keras variables that it reads.
        quantisation: "int8", or "none": float32.
        calibration: sequences `(n, time, ...)` whose values show the ranges. For float32, one is enough, of any values.
        run_converter: runs `converter.main` on a folder.

    Raises:
        UserError: the converter refuses the network, or crashes.
    """
    recording = record(serve, spec, engine, calibration)
    constants: list[Any] = [(variable, keras.ops.convert_to_numpy(variable)) for variable in variables]
    serve_cut, specs = cut(serve, spec, engine, recording)

    def serve_constants(*inputs: Any) -> dict[str, Any]:
        with keras.StatelessScope(state_mapping=[(variable, tf.constant(value)) for variable, value in constants]):
            return serve_cut(*inputs)

    module: Any = tf.Module()
    module.serve = tf.function(serve_constants, input_signature=specs, autograph=False)
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        tf.saved_model.save(module, str(folder / "model"), signatures={"serving_default": module.serve})
        arrays: Any = make_calibration(spec, recording, calibration)
        np.savez(folder / "calibration.npz", **arrays)
        run_converter(str(folder), quantisation)
        content = (folder / "model.tflite").read_bytes()
    return graft(content, recording, quantized=quantisation == "int8")


def make_calibration(spec: tf.TensorSpec, recording: Recording, calibration: np.ndarray) -> dict[str, np.ndarray]:
    """What the converter runs the network on: all inputs by name, and some of the hidden states a little enlarged.

    New data go beyond what a calibration shows, and 8 bits have no room for it otherwise.
    """
    arrays = {spec.name or "inputs": calibration}
    for number, sequences in enumerate(recording.sequences):
        for position, values in enumerate(sequences):
            arrays[name_input(number, position)] = values
    rows = [values.reshape(len(values), -1) for values in list(arrays.values())[1:]]
    chosen = sorted({int(np.argmax(row.max(1))) for row in rows} | {int(np.argmin(row.min(1))) for row in rows})
    first = next(iter(arrays))
    return {
        name: np.concatenate([values, values[chosen] * (1 if name == first else HEADROOM)]).astype(values.dtype)
        for name, values in arrays.items()
    }
