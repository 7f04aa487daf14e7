"""What REST and gRPC requests have in common: the inputs of a signature, what fits them, and refusals."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from rnn_keras.serving.limits import Limits

Arrays = dict[str, np.ndarray]


class RequestError(Exception):
    """What is wrong with a request, in a sentence for the client.

    Args:
        sentence: for the client.
        status: the HTTP status.
        headers: additional HTTP headers.
    """

    def __init__(self, sentence: str, status: int = 400, headers: dict[str, str] | None = None):
        super().__init__(sentence)
        self.status = status
        self.headers = headers or {}


class UnavailableError(RequestError):
    """The server cannot answer this request now; the client may send it again.

    Args:
        sentence: for the client.
    """

    def __init__(self, sentence: str):
        super().__init__(sentence, 503, {"retry-after": "1"})


class Input(NamedTuple):
    """An input of a signature: a dtype whose kind JSON can hold, and its shape with the batch first, None for any."""

    dtype: np.dtype
    shape: tuple[int | None, ...] | None  # None: any number of dimensions


def check_sizes(shapes: Mapping[str, tuple[int, ...]], inputs: Mapping[str, Input], limits: Limits) -> None:
    """Refuses inputs that are too large together, or not for the same number of instances.

    Args:
        shapes: of each input, with the batch first.
        inputs: of the signature.
        limits: of the server.

    Raises:
        RequestError: there are too many instances or values, or an instance is too long.
    """
    rows = {name: shape[0] for name, shape in shapes.items() if shape}
    for name, count in rows.items():
        check_instances(count, limits)
        if count != next(iter(rows.values())):
            counts = ", ".join(f"{other} {number:,}" for other, number in rows.items())
            raise RequestError(f"the inputs have different numbers of instances ({counts}); send the same of each")
        expected = inputs[name].shape
        sizes = shapes[name][1:]
        opened = sizes if expected is None else [s for s, e in zip(sizes, expected[1:], strict=True) if e is None]
        if (length := math.prod(opened)) > limits.max_length:
            raise RequestError(
                f"an instance of {name} has {length:,} values in its open dimensions, more than the "
                f"{limits.max_length:,} that are allowed; send shorter instances"
            )
    if (values := sum(map(math.prod, shapes.values()))) > limits.max_values:
        raise RequestError(
            f"the request has {values:,} values, more than the {limits.max_values:,} that are allowed; send fewer "
            "instances in a request"
        )


def check_instances(count: int, limits: Limits) -> None:
    """Refuses a request with too many instances.

    Raises:
        RequestError: there are more than allowed.
    """
    if count > limits.max_instances:
        raise RequestError(
            f"the request has {count:,} instances, more than the {limits.max_instances:,} that are allowed; send "
            "fewer in a request"
        )
