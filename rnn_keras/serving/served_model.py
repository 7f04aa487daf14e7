"""What one version of a model is, by whichever engine: its signatures, their description, and computing requests."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from google.protobuf.json_format import MessageToDict

from rnn_keras.serving.limits import Limits
from rnn_keras.serving.request import Arrays, RequestError
from rnn_keras.serving.rest import DEFAULT_SIGNATURE
from rnn_keras.serving.scheduler import Scheduler
from rnn_keras.serving.signature import Signature


class ServedModel:
    """The signatures of one version of a model; the engines are subclasses, see `rnn_keras.serving.engines`.

    Attributes:
        computed_by: the name of the engine.
        version: its number.
        signatures: by their names; `serving_default` among them.
        definitions: the same as messages `SignatureDef`.
        scheduler: is set by the server.
    """

    computed_by = ""  # `engine` is an attribute of kserve's
    version: int
    signatures: Mapping[str, Signature]
    definitions: Mapping[str, Any]
    scheduler: Scheduler | None = None

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
        """The outputs for a request.

        Args:
            signature: one of the signatures.
            arrays: its inputs.
            costs: from `Signature.measure`.

        Raises:
            RequestError: the model refuses the values, or too many requests are waiting.
        """
        assert self.scheduler is not None, "the server sets it"
        return await self.scheduler.compute(signature, arrays, costs)
