"""The child process of `litert.py`: a folder with `model/` and the calibration -> `model.tflite` in it."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.lite.tools import flatbuffer_utils

from rnn_keras.utils.processes import end_with_parent


def main(directory: str, quantisation: str) -> None:
    """Converts the SavedModel in a folder; for the quantisations see `litert.convert`."""
    folder = Path(directory)
    converter: Any = tf.lite.TFLiteConverter.from_saved_model(str(folder / "model"))
    if quantisation != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantisation == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantisation == "int8":
        converter.representative_dataset = read_calibration(folder)
        # The second for what has no 8-bit operation, such as the arithmetic of ids; never Flex.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS]
    (folder / "model.tflite").write_bytes(remove_cell_clipping(converter.convert()))


def read_calibration(folder: Path) -> Callable[[], Iterator[dict[str, np.ndarray]]]:
    """What the network is run on, by the inputs' names."""
    with np.load(folder / "calibration.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    count = len(next(iter(arrays.values())))
    return lambda: ({name: values[i] for name, values in arrays.items()} for i in range(count))


def remove_cell_clipping(content: bytes) -> bytes:
    """The model without the clipping of the cell state at 10, which the converter gives each fused LSTM unasked.

    Keras clips nothing, and over hundreds of steps a cell state does get that large.
    """
    model: Any = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    for graph in model.subgraphs:
        for operator in graph.operators:
            if hasattr(operator.builtinOptions, "cellClip"):
                operator.builtinOptions.cellClip = 0.0
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


if __name__ == "__main__":
    end_with_parent()
    main(*sys.argv[1:])
