"""A network as a LiteRT (TFLite) file, converted in a process of its own, since the converter can crash."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.export.litert_network import clone_for_litert, fixed_sizes
from rnn_keras.runtime.litert_model import append_associated_files
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.faults import find_disk_fault
from rnn_keras.utils.files import make_write_error, translate_disk_faults
from rnn_keras.utils.processes import make_child_environment

Signature = tuple[Callable[..., dict[str, Any]], Sequence[tf.TensorSpec]]


def convert(network: keras.Model, steps: int, quantisation: str, calibration: Sequence[np.ndarray] = ()) -> bytes:
    """The network as the content of a `.tflite` file, for any batch size and length unless `fixed_sizes` fixes them.

    The content ends with its checksum; `rnn_keras.runtime.litert_model.append_associated_files` puts files inside.

    Args:
        network: with one input, `(batch, steps, ...)`.
        steps: the most steps of an input. Where the file fixes their number, shorter sequences are padded with zeros,
            which the network must mask.
        quantisation: "none": float32; "dynamic": 8-bit weights; "float16": 16-bit weights; "int8": 8-bit weights and
            activations wherever LiteRT has such an operation.
        calibration: for int8, sequences `(steps, ...)` whose activations show the ranges.

    Raises:
        UserError: the converter refuses the network, or crashes.
    """
    (network_input,) = network.inputs
    batch, length = fixed_sizes(network, steps, quantisation)
    clone = clone_for_litert(network, batch, length, unroll=quantisation == "int8")

    def serve(inputs: Any) -> dict[str, Any]:
        return {"output": clone(inputs, training=False)}

    signature = [tf.TensorSpec((batch, length, *network_input.shape[2:]), network_input.dtype, network_input.name)]
    examples = np.array(pad_and_repeat(calibration, steps), network_input.dtype)
    return convert_functions({"serving_default": (serve, signature)}, clone.variables, quantisation, examples)


def convert_functions(
    functions: Mapping[str, Signature],
    variables: Sequence[Any],
    quantisation: str,
    calibration: np.ndarray | None = None,
) -> bytes:
    """Functions as the signatures of one LiteRT file, with its checksum.

    Args:
        functions: by the signature's name, a function that returns a dict of tensors, and its arguments.
        variables: all Keras variables that the functions read.
        quantisation: see `convert`.
        calibration: for int8, arguments of the only function, `(n, ...)`.

    Raises:
        UserError: the converter refuses them, or crashes.
    """
    constants: list[tuple[Any, Any]] = [(variable, keras.ops.convert_to_numpy(variable)) for variable in variables]

    # The converter fuses an LSTM only if its weights are constants, and only if it is given a SavedModel.
    def with_constants(function: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def call(*inputs: Any) -> dict[str, Any]:
            with keras.StatelessScope(state_mapping=[(variable, tf.constant(value)) for variable, value in constants]):
                return function(*inputs)

        return call

    module: Any = tf.Module()
    module.functions = {
        name: tf.function(with_constants(function), input_signature=signature, autograph=False)
        for name, (function, signature) in functions.items()
    }
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        with translate_disk_faults(folder):
            tf.saved_model.save(module, str(folder / "model"), signatures=module.functions)
            np.save(folder / "calibration.npy", np.zeros(0) if calibration is None else calibration)
        run_converter(str(folder), quantisation)
        return append_associated_files((folder / "model.tflite").read_bytes(), {})


def run_converter(folder: str, quantisation: str) -> None:
    """Runs `rnn_keras.export.converter` on a folder, in a process of its own.

    Raises:
        UserError: it fails, or crashes.
    """
    command = [sys.executable, "-m", "rnn_keras.export.converter", folder, quantisation]
    environment = os.environ | make_child_environment()
    process = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment)
    if process.returncode:
        if fault := find_disk_fault(process.stderr):
            raise make_write_error(Path(folder), fault)
        lines = [line for line in process.stderr.splitlines() if line.strip()]
        reason = "crashed" if process.returncode < 0 else f"refused it: {lines[-1] if lines else 'no reason given'}"
        raise UserError(
            f"LiteRT's converter {reason} (exit status {process.returncode}, quantisation {quantisation}); leave "
            "this quantisation out, or export another network"
        )


def pad_and_repeat(sequences: Sequence[np.ndarray], steps: int) -> list[np.ndarray]:
    """Each sequence `(time, ...)` twice, as `(steps, ...)`: padded with zeros, and repeated until it is long enough.

    The converter takes the range of an LSTM's cell state from its last value alone. After padding that is far smaller
    than before it, and an 8-bit LSTM would saturate there.
    """
    padded = [np.pad(x, [(0, steps - len(x)), *((0, 0) for _ in x.shape[1:])]) for x in sequences]
    return padded + [np.resize(x, (steps, *x.shape[1:])) for x in sequences]
