"""The child process of `conversion.py`: a folder with `model/` and the calibration -> `model.tflite` in it."""

import copy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rnn_keras.utils.processes import end_with_parent
from rnn_keras.utils.quick_start import start_quickly

if __name__ == "__main__":
    start_quickly()  # TensorFlow imports Keras

import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils


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
    (folder / "model.tflite").write_bytes(mend(converter.convert()))


def read_calibration(folder: Path) -> Callable[[], Iterator[dict[str, np.ndarray]]]:
    """What the network is run on, by the inputs' names."""
    with np.load(folder / "calibration.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    count = len(next(iter(arrays.values())))
    return lambda: ({name: values[i] for name, values in arrays.items()} for i in range(count))


def mend(content: bytes) -> bytes:
    """The model without what the converter does wrong."""
    model: Any = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    for graph in model.subgraphs:
        for operator in graph.operators:
            # It lets each fused LSTM clip its cell state at 10, unasked. Keras clips nothing, and over hundreds of
            # steps a cell state does get that large.
            if hasattr(operator.builtinOptions, "cellClip"):
                operator.builtinOptions.cellClip = 0.0
            if isinstance(operator.builtinOptions, schema.OneHotOptionsT):
                rescale_one_hot(model, graph, operator)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def rescale_one_hot(model: Any, graph: Any, operator: Any) -> None:
    """Gives the two values of an 8-bit ONE_HOT the scale of its output, into which their bytes are copied.

    The converter gives each a scale of its own, in which zero is another byte.
    """
    output = graph.tensors[operator.outputs[0]]
    if output.type != schema.TensorType.INT8:
        return
    scale, zero = output.quantization.scale[0], output.quantization.zeroPoint[0]
    for place in (2, 3):  # on, off
        tensor = graph.tensors[operator.inputs[place]]
        byte = np.frombuffer(bytes(model.buffers[tensor.buffer].data), np.int8)[0]
        value = (float(byte) - tensor.quantization.zeroPoint[0]) * tensor.quantization.scale[0]
        buffer: Any = schema.BufferT()
        buffer.data = np.clip(np.round([value / scale + zero]), -128, 127).astype(np.int8).view(np.uint8)
        own = copy.copy(tensor)  # another operator may read the old one
        own.buffer, own.quantization = len(model.buffers), output.quantization
        model.buffers.append(buffer)
        operator.inputs[place] = len(graph.tensors)
        graph.tensors.append(own)


if __name__ == "__main__":
    end_with_parent()
    main(*sys.argv[1:])
