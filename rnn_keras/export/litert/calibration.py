"""Examples as the arrays of fixed sizes from which the ranges of an 8-bit file are taken."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from rnn_keras.export.litert.cuts import CutEngine
from rnn_keras.export.model_function import flatten_example
from rnn_keras.export.recurrent.streams import NEXT


def prepare_calibration(
    specs: Sequence[tf.TensorSpec], examples: Sequence[Any], pad_value: float
) -> dict[str, np.ndarray]:
    """Examples as arrays `(n, ...)` of the sizes that the file fixes: shorter ones are padded, longer ones cut.

    Args:
        specs: of the inputs.
        examples: arrays without the batch, or dicts or lists of these.
        pad_value: what is padded with.
    """
    arrays, names = {}, [str(spec.name) for spec in specs]
    for number, spec in enumerate(specs):
        parts = [np.asarray(flatten_example(example, names)[number]) for example in examples]
        sizes = spec.shape[1:]
        parts = [part[tuple(slice(0, size) for size in sizes)] for part in parts]
        padded = [
            np.pad(part, [(0, size - n) for size, n in zip(sizes, part.shape, strict=True)], constant_values=pad_value)
            for part in parts
        ]
        arrays[str(spec.name)] = np.array(padded, spec.dtype.as_numpy_dtype)
    return arrays


def calibrate_stream(
    serve: Callable[..., dict[str, Any]],
    engine: CutEngine,
    specs: Sequence[tf.TensorSpec],
    calibration: Sequence[Any],
    states: Mapping[str, int],
) -> dict[str, np.ndarray]:
    """The calibration's sequences in parts of the length that the file fixes, each with the states after the last."""
    names, steps = [str(spec.name) for spec in specs], max(int(spec.shape[1] or 1) for spec in specs)
    rows = []
    for example in calibration:
        values = {name: np.zeros((1, size), "float32") for name, size in states.items()}
        parts = [np.asarray(part) for part in flatten_example(example, names)]
        for start in range(0, max(map(len, parts)) - steps + 1, steps):
            taken = zip(names, parts, specs, strict=True)
            inputs = {n: part[None, start : start + steps].astype(spec.dtype.as_numpy_dtype) for n, part, spec in taken}
            rows.append(inputs | values)
            engine.start()
            outputs = serve(*map(tf.constant, rows[-1].values()))
            values = {name: outputs[NEXT + name].numpy() for name in states}
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
