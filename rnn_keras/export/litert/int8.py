"""A network without its recurrent layers, for the converter; they are put into its result by `litert.graft`."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from rnn_keras.export.litert.cuts import INPUT_HEADROOM, CutEngine, Recording, cut, enlarge, name_input, record


@dataclasses.dataclass(frozen=True)
class CutNetwork:
    """See `cut_network`.

    Attributes:
        recording: the values at the cuts.
        signature: the network without its recurrent layers, and the specs of its inputs.
        calibration: what the converter runs it on.
    """

    recording: Recording
    signature: tuple[Callable[..., dict[str, Any]], Sequence[tf.TensorSpec]]
    calibration: dict[str, np.ndarray]


def cut_network(
    serve: Callable[..., dict[str, Any]],
    specs: Sequence[tf.TensorSpec],
    engine: CutEngine,
    calibration: Mapping[str, np.ndarray],
) -> CutNetwork:
    """A network of fixed sizes, for one sequence at a time, without its recurrent layers.

    Once they are in the file, a fused LSTM starts where the last call ended, until the runtime's variables are reset; a
    loop starts at zero, or at the given states.

    Args:
        serve: the network, whose recurrent layers call the engine (`recurrent.calls.replaced`).
        specs: of its inputs, `(1, time, ...)`, with names.
        engine: the engine.
        calibration: by the inputs' names, sequences `(n, time, ...)` whose values show the ranges; may be empty for
            float32.
    """
    if not calibration:
        calibration = {str(spec.name): tf.zeros(spec.shape, spec.dtype).numpy() for spec in specs}
    recording = record(serve, specs, engine, calibration)
    return CutNetwork(recording, cut(serve, specs, engine, recording), make_calibration(recording, calibration))


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
