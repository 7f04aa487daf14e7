"""A network as a LiteRT (TFLite) file, converted in a process of its own, since the converter can crash."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.export.litert_network import for_litert, sizes
from rnn_keras.runtime.litert_model import with_associated_files
from rnn_keras.utils.errors import UserError


def convert(
    network: keras.Model,
    steps: int,
    quantisation: str,
    calibration: Sequence[np.ndarray] = (),
    files: dict[str, bytes] | None = None,
) -> bytes:
    """The network as the content of a `.tflite` file, for any batch and length where `sizes` says so.

    Args:
        network: with one input, `(batch, steps, ...)`.
        steps: the most that are given. Where the file fixes their number, a shorter sequence is filled up with zeros,
            which the network must mask.
        quantisation: "none": float32; "dynamic": 8-bit weights; "float16": 16-bit weights; "int8": 8-bit weights and
            activations wherever LiteRT has such an operation.
        calibration: sequences `(steps, ...)` that show int8 which values come up.
        files: what is to travel inside the file, by name.

    Raises:
        UserError: the converter refuses the network, or crashes.
    """
    (given,) = network.inputs
    batch, length = sizes(network, steps, quantisation)
    fixed = for_litert(network, batch, length, unroll=quantisation == "int8")

    def serve(inputs):
        return {"output": fixed(inputs, training=False)}

    signature = [tf.TensorSpec((batch, length, *given.shape[2:]), given.dtype, name=given.name)]
    values = np.array(filled(calibration, steps), given.dtype)
    content = convert_functions({"serving_default": (serve, signature)}, fixed.variables, quantisation, values)
    return with_associated_files(content, files or {})


def convert_functions(
    functions: dict[str, tuple[Callable, list[tf.TensorSpec]]],
    variables: Sequence[keras.Variable],
    quantisation: str,
    calibration: np.ndarray | None = None,
) -> bytes:
    """Functions as the signatures of one LiteRT file.

    Args:
        functions: by the signature's name, a function that returns a dict of tensors, and its arguments.
        variables: all that the functions read.
        calibration: arguments of the one function, for int8.

    Raises:
        UserError: the converter refuses them, or crashes.
    """
    constants = [(variable, keras.ops.convert_to_numpy(variable)) for variable in variables]

    # The converter fuses an LSTM only if its weights are constants, and only if it is given a SavedModel.
    def with_constants(function):
        def call(*inputs):
            with keras.StatelessScope(state_mapping=[(variable, tf.constant(value)) for variable, value in constants]):
                return function(*inputs)

        return call

    module = tf.Module()
    module.functions = {
        name: tf.function(with_constants(function), input_signature=signature, autograph=False)
        for name, (function, signature) in functions.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        tf.saved_model.save(module, folder / "model", signatures=module.functions)
        np.save(folder / "calibration.npy", np.zeros(0) if calibration is None else calibration)
        command = [sys.executable, "-m", "rnn_keras.export.converter", str(folder), quantisation]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            said = "crashed" if done.returncode < 0 else f"refused it: {lines[-1] if lines else 'no reason given'}"
            raise UserError(
                f"LiteRT's converter {said} (exit status {done.returncode}, quantisation {quantisation}); leave this "
                "quantisation out, or export another network"
            )
        return (folder / "model.tflite").read_bytes()


def filled(sequences: Sequence[np.ndarray], steps: int) -> list[np.ndarray]:
    """Each sequence `(steps, ...)` twice: filled up with zeros, and repeated until there is no room left.

    The converter takes the range of an LSTM's cell state from its last value alone; after padding that is far smaller
    than on the way, where an 8-bit LSTM would then be cut off.
    """
    padded = [np.pad(x, [(0, steps - len(x)), *((0, 0) for _ in x.shape[1:])]) for x in sequences]
    return padded + [np.resize(x, (steps, *x.shape[1:])) for x in sequences]
