"""The child process of `litert.py`: a folder with `model/` and `calibration.npy` -> `model.tflite` in it."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
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
        calibration = np.load(folder / "calibration.npy")
        converter.representative_dataset = lambda: ([values[np.newaxis]] for values in calibration)
        # The second for what has no 8-bit operation, such as the arithmetic of ids; never Flex.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS]
    (folder / "model.tflite").write_bytes(mend_cell_states(converter.convert()))


def mend_cell_states(content: bytes) -> bytes:
    """The model with the cell states of its fused LSTMs as the runtime computes them right.

    - Without the clipping at 10, which the converter adds unasked. Keras clips nothing, and over hundreds of steps a cell
      state does get that large.
    - An 8-bit LSTM keeps its cell state in 16 bits, and the runtime has a tanh for ranges of 1, 2, 4 ... 64 alone. For any
      other it leaves the outputs unwritten, without an error, and the converter does choose others: 0.5 where the last
      step's cell state is below it. No weight depends on that range.
      Source: TensorFlow, lite/kernels/internal/reference/portable_tensor_utils.cc, PortableApplyTanh.
    """
    model: Any = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    for graph in model.subgraphs:
        for operator in graph.operators:
            if hasattr(operator.builtinOptions, "cellClip"):
                operator.builtinOptions.cellClip = 0.0
                cell_state = graph.tensors[operator.inputs[19]]
                if cell_state.type == schema.TensorType.INT16:
                    cell_state.quantization.scale = np.clip(cell_state.quantization.scale, 2.0**-15, 2.0**-9)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


if __name__ == "__main__":
    end_with_parent()
    main(*sys.argv[1:])
