"""A signature of a SavedModel: its inputs, what a request costs it, and computing it."""

import contextlib
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from rnn_keras.serving.images import count_pixels
from rnn_keras.serving.json_arrays import KINDS
from rnn_keras.serving.limits import Limits
from rnn_keras.serving.request import Arrays, Input, RequestError

VALUES_PER_CELL = 64  # pixels and other numbers; see `Signature.measure`
ROW_CELLS = 32  # of any row, since short texts take time too


class Signature:
    """A signature with names, dtypes and shapes, and the function that computes it.

    Args:
        name: of the signature.
        function: a concrete function of a SavedModel.
        decodes_images: whether the graph decodes image files.

    Raises:
        ValueError: an input or output has a dtype or shape that TF Serving's REST format cannot hold.
    """

    def __init__(self, name: str, function: Any, decodes_images: bool = False):
        self.name = name
        self.function: Callable[..., Mapping[str, Any]] = function
        self.decodes_images = decodes_images
        specs = function.structured_input_signature[1]
        outputs = function.structured_outputs
        for spec in (*specs.values(), *outputs.values()):
            if np.dtype(spec.dtype.as_numpy_dtype).kind not in KINDS or spec.shape.rank == 0:
                raise ValueError(
                    f"{spec.name} of {spec.dtype.name} and shape {spec.shape}, which TF Serving's REST format cannot "
                    "hold; give every input and output a batch dimension, and cast them in the endpoint"
                )
        self.inputs = {name: Input(np.dtype(s.dtype.as_numpy_dtype), _shape(s.shape)) for name, s in specs.items()}
        self.outputs = list(outputs)
        # Where an output has another open dimension, such as the length of a sentence, a larger batch could change it.
        self.can_batch = all(spec.shape.rank and spec.shape[0] is None for spec in specs.values()) and all(
            spec.shape.rank and spec.shape[1:].is_fully_defined() for spec in outputs.values()
        )

    def measure(self, arrays: Arrays, limits: Limits) -> np.ndarray:
        """What computing each row costs, `(rows,)`, in cells.

        A cell is a byte of a text, a step of a sequence, or 64 pixels or other numbers, which take about as much
        memory. Each row costs 32 more. In a batch, each text costs as much as the longest.

        Raises:
            RequestError: a text is longer than allowed, or an image larger.
        """
        costs = np.full(count_rows(arrays), ROW_CELLS, np.int64)
        for name, array in arrays.items():
            if array.dtype.kind == "O":
                costs += self._measure_strings(name, array.reshape(len(array), -1), limits)
            else:
                fixed = self.inputs[name].shape
                sizes = array.shape[1:]
                opened = [size for axis, size in enumerate(sizes, 1) if fixed is None or fixed[axis] is None]
                costs += math.prod(opened) + math.prod(sizes) // VALUES_PER_CELL
        return costs

    def _measure_strings(self, name: str, array: np.ndarray, limits: Limits) -> np.ndarray:
        cells = np.fromiter(map(len, array.flat), np.int64, array.size)
        pixels = np.zeros(len(array), np.int64)
        if self.decodes_images:
            counts = np.fromiter((count_pixels(content, limits) for content in array.flat), np.int64, array.size)
            pixels = counts.reshape(array.shape).sum(axis=1)
            cells[counts > 0] = 0
        if array.size > len(array):
            cells = cells.reshape(array.shape).max(axis=1) * array.shape[1]
        if (longest := cells.max(initial=0)) > limits.max_length:
            raise RequestError(
                f"an instance of {name} takes {longest:,} bytes, more than the {limits.max_length:,} that are allowed; "
                "send shorter texts"
            )
        return cells + pixels // VALUES_PER_CELL

    def compute(self, arrays: Arrays) -> Arrays:
        """The outputs for one batch of inputs; may be called from any thread.

        Raises:
            RequestError: the model cannot compute with these values.
        """
        try:
            outputs = self.function(**{name: tf.constant(array) for name, array in arrays.items()})
        except tf.errors.InvalidArgumentError as error:
            # What is wrong with the values is between the lines about where the graph was made.
            lines = [line for line in error.message.splitlines() if line and not line[0].isspace()]
            raise RequestError(
                f"the model refused the values of these instances ({lines[-1][:200]}); send values like those that it "
                "was trained on"
            ) from error
        except tf.errors.ResourceExhaustedError as error:
            raise RequestError("the model lacks memory for these instances; send fewer or smaller ones", 413) from error
        return {name: output.numpy() for name, output in outputs.items()}

    def warm_up(self) -> None:
        """Computes one row of empty values, since the first call of a loaded model is slow."""
        arrays = {
            name: np.full([size or 1 for size in shape or (1,)], b"" if dtype.kind == "O" else 0, dtype)
            for name, (dtype, shape) in self.inputs.items()
        }
        with contextlib.suppress(Exception):  # the model need not take such values
            self.compute(arrays)


def count_rows(arrays: Arrays) -> int:
    """The number of instances."""
    return len(next(iter(arrays.values())))


def _shape(shape: tf.TensorShape) -> tuple[int | None, ...] | None:
    return None if shape.rank is None else tuple(shape.as_list())
