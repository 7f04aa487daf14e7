"""What a signature of any engine is: its inputs and outputs, what a request costs it, and computing it."""

import abc
import contextlib
import math
from collections.abc import Mapping

import numpy as np

from rnn_keras.serving.json_arrays import KINDS
from rnn_keras.serving.limits import Limits
from rnn_keras.serving.request import Arrays, Input, RequestError

VALUES_PER_CELL = 64  # pixels and other numbers; see `Signature.measure`
ROW_CELLS = 32  # of any row, since short texts take time too


class Signature(abc.ABC):
    """Names, dtypes and shapes, and the function that computes the outputs from the inputs.

    Args:
        name: of the signature.
        inputs: by their names.
        outputs: by their names.
        decodes_images: whether strings are image files that it decodes.

    Attributes:
        can_batch: whether rows of several requests may be computed together, and those of one apart.

    Raises:
        ValueError: an input or output has a dtype or shape that TF Serving's REST format cannot hold.
    """

    def __init__(
        self, name: str, inputs: Mapping[str, Input], outputs: Mapping[str, Input], *, decodes_images: bool = False
    ):
        for key, spec in (*inputs.items(), *outputs.items()):
            if spec.dtype.kind not in KINDS or spec.shape == ():
                dtype = "string" if spec.dtype.kind == "O" else spec.dtype.name
                raise ValueError(
                    f"{key} of {dtype} and shape {spec.shape}, which TF Serving's REST format cannot hold; give every "
                    "input and output a batch dimension, and cast them in the endpoint"
                )
        self.name = name
        self.inputs = dict(inputs)
        self.outputs = list(outputs)
        self.decodes_images = decodes_images
        # Where an output has another open dimension, such as the length of a sentence, a larger batch could change it.
        self.can_batch = all(spec.shape and spec.shape[0] is None for spec in inputs.values()) and all(
            spec.shape and None not in spec.shape[1:] for spec in outputs.values()
        )

    @abc.abstractmethod
    def compute(self, arrays: Arrays) -> Arrays:
        """The outputs for one batch of inputs; may be called from any thread.

        Raises:
            RequestError: the model cannot compute with these values.
        """

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
            from rnn_keras.serving.images import count_pixels

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
