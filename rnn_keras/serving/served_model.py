"""A SavedModel as a model of kserve. It runs in TensorFlow alone: Keras and this project's layers are not needed."""

from pathlib import Path
from typing import Any

import kserve
import numpy as np
import tensorflow as tf
from google.protobuf.json_format import MessageToDict
from tensorflow.core.protobuf import saved_model_pb2

from rnn_keras.serving.graph import decodes_images
from rnn_keras.serving.limits import Limits
from rnn_keras.serving.request import Arrays, RequestError
from rnn_keras.serving.rest import DEFAULT_SIGNATURE
from rnn_keras.serving.scheduler import Scheduler
from rnn_keras.serving.signature import Signature
from rnn_keras.utils.errors import UserError, first_line
from rnn_keras.utils.sums import require_sums


class ServedModel(kserve.Model):
    """The signatures of one version of a SavedModel.

    Args:
        name: the model's name in the paths.
        folder: of the version, whose name is its number.

    Raises:
        UserError: the folder is damaged, holds no SavedModel with `serving_default`, or this one has dtypes that JSON
            cannot hold.
    """

    def __init__(self, name: str, folder: Path):
        super().__init__(name)
        self.version = int(folder.name)
        require_sums(folder)  # TensorFlow would load some damaged files, and answer wrongly
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
        self.signatures: dict[str, Signature] = {}
        for key, function in functions.items():
            try:
                self.signatures[key] = Signature(key, function, decodes_images(graphs[key], key))
            except ValueError as error:
                if key == DEFAULT_SIGNATURE:
                    raise UserError(f"{folder} has {error}") from error
        self.definitions = {key: graphs[key].signature_def[key] for key in self.signatures}
        self.scheduler: Scheduler | None = None
        self.ready = True

    def find_signature(self, name: str) -> Signature:
        """The signature of this name; "" is the default.

        Raises:
            RequestError: there is none.
        """
        signature = self.signatures.get(name or DEFAULT_SIGNATURE)
        if signature is None:
            raise RequestError(f"there is no signature {name[:60]!r}; there are {', '.join(self.signatures)}")
        return signature

    def count_values(self, limits: Limits) -> int:
        """The most values that the JSON of a request can have, those in lists and objects included."""
        signatures = [signature.inputs for signature in self.signatures.values()]
        if not all(dtype.kind == "O" and shape == (None,) for inputs in signatures for dtype, shape in inputs.values()):
            return limits.max_values
        # An instance is an object of objects {"b64": ...} at most.
        return min(limits.max_instances * (2 * max(map(len, signatures)) + 1) + 16, limits.max_values)

    def describe(self) -> dict[str, Any]:
        """The signatures as TF Serving's `/metadata` describes them."""
        described = {
            key: MessageToDict(definition, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
            for key, definition in self.definitions.items()
        }
        return {"signature_def": {"signature_def": described}}

    def warm_up(self) -> None:
        """Computes one row with each signature."""
        for signature in self.signatures.values():
            signature.warm_up()

    async def compute(self, signature: Signature, arrays: Arrays, costs: np.ndarray) -> Arrays:
        """The outputs for a request; see `predict`."""
        answer: Any = await self((signature, arrays, costs))  # pyright: ignore[reportArgumentType]
        return answer[0]

    async def predict(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, payload: "tuple[Signature, Arrays, np.ndarray]", headers: dict[str, str] | None = None
    ) -> Arrays:
        """Computes a request, as kserve calls it.

        Args:
            payload: one of the signatures, its inputs, and their costs from `Signature.measure`.
            headers: none are needed.

        Raises:
            rnn_keras.serving.request.RequestError: the model refuses the values, or too many requests are waiting.
        """
        assert self.scheduler is not None, "the server sets it"
        return await self.scheduler.compute(*payload)
