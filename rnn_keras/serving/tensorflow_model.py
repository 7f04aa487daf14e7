"""A SavedModel as a model of kserve. It runs in TensorFlow alone: Keras and this project's layers are not needed."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import kserve
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from rnn_keras.serving.graph import decodes_images
from rnn_keras.serving.request import Arrays, Input, RequestError
from rnn_keras.serving.rest import DEFAULT_SIGNATURE
from rnn_keras.serving.served_model import ServedModel
from rnn_keras.serving.signature import Signature
from rnn_keras.utils.errors import UserError, first_line


class TensorFlowSignature(Signature):
    """A signature of a SavedModel.

    Args:
        name: of the signature.
        function: a concrete function of a SavedModel.
        decodes_images: whether the graph decodes image files.

    Raises:
        ValueError: see `Signature`.
    """

    def __init__(self, name: str, function: Any, decodes_images: bool = False):
        inputs = {key: _describe(spec) for key, spec in function.structured_input_signature[1].items()}
        outputs = {key: _describe(spec) for key, spec in function.structured_outputs.items()}
        super().__init__(name, inputs, outputs, decodes_images=decodes_images)
        self.function: Callable[..., Mapping[str, Any]] = function

    def compute(self, arrays: Arrays) -> Arrays:
        """See `Signature`."""
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


class TensorFlowModel(ServedModel, kserve.Model):
    """The signatures of one version of a SavedModel.

    Args:
        name: the model's name in the paths.
        folder: of the version, whose name is its number.

    Raises:
        UserError: the folder holds no SavedModel with `serving_default`, or this one has dtypes that JSON cannot hold.
    """

    computed_by = "tensorflow"

    def __init__(self, name: str, folder: Path):
        kserve.Model.__init__(self, name)
        self.version = int(folder.name)
        try:
            self.saved_model: Any = tf.saved_model.load(str(folder))  # the functions live only as long as it does
            stored: Any = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
            functions = dict(self.saved_model.signatures)
        except Exception as error:  # TensorFlow's own errors, protobuf's, OSError: all mean a damaged folder
            raise UserError(
                f"{folder} cannot be loaded as a SavedModel ({first_line(error)}); export it again"
            ) from error
        if DEFAULT_SIGNATURE not in functions:
            raise UserError(f"{folder} has no signature {DEFAULT_SIGNATURE}; export it with `export`, which writes one")
        graphs = {key: graph for graph in stored.meta_graphs for key in graph.signature_def}
        signatures: dict[str, Signature] = {}
        for key, function in functions.items():
            try:
                signatures[key] = TensorFlowSignature(key, function, decodes_images(graphs[key], key))
            except ValueError as error:
                if key == DEFAULT_SIGNATURE:
                    raise UserError(f"{folder} has {error}") from error
        self.signatures = signatures
        self.definitions = {key: graphs[key].signature_def[key] for key in signatures}
        self.ready = True

    async def compute(self, signature: Signature, arrays: Arrays, costs: np.ndarray) -> Arrays:
        """See `ServedModel`; by way of kserve, which counts and times it."""
        answer: Any = await self((signature, arrays, costs))  # pyright: ignore[reportArgumentType]
        return answer[0]

    async def predict(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, payload: "tuple[Signature, Arrays, np.ndarray]", headers: dict[str, str] | None = None
    ) -> Arrays:
        """Computes a request, as kserve calls it.

        Args:
            payload: the arguments of `compute`.
            headers: none are needed.

        Raises:
            rnn_keras.serving.request.RequestError: the model refuses the values, or too many requests are waiting.
        """
        return await super().compute(*payload)


def _describe(spec: tf.TensorSpec) -> Input:
    shape = None if spec.shape.rank is None else tuple(spec.shape.as_list())
    return Input(np.dtype(spec.dtype.as_numpy_dtype), shape)
