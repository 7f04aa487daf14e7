"""Tensors of gRPC requests: what they claim is checked before they are unpacked."""

import numpy as np
import pytest

pytest.importorskip("tensorflow_serving")
import tensorflow as tf

from rnn_keras.serving.limits import Limits
from rnn_keras.serving.request import Input, RequestError
from rnn_keras.serving.tensors import to_arrays

STEPS = {"steps": Input(np.dtype(np.float32), (None, None))}
TEXT = {"text": Input(np.dtype(object), (None,))}


def claim(shape, dtype=tf.float32, **values):
    tensor = tf.make_tensor_proto(np.zeros(1, np.float32))
    tensor.Clear()
    tensor.dtype = dtype.as_datatype_enum
    for size in shape:
        tensor.tensor_shape.dim.add().size = size
    for name, value in values.items():
        if name == "tensor_content":
            tensor.tensor_content = value
        else:
            getattr(tensor, name).extend(value)
    return tensor


def test_tensors_are_read():
    for array in (np.ones((2, 3), np.float32), np.array([[1.5]], np.float32)):
        np.testing.assert_array_equal(
            to_arrays({"steps": tf.make_tensor_proto(array)}, STEPS, Limits())["steps"], array
        )
    texts = to_arrays({"text": tf.make_tensor_proto([b"a", b"\xff\x00"])}, TEXT, Limits())
    assert texts["text"].tolist() == [b"a", b"\xff\x00"]


@pytest.mark.parametrize(
    ("tensor", "sentence"),
    [
        (claim((1000, 1_000_000), float_val=[1.0]), "1,000,000 values in its open dimensions"),
        (claim((1000, 1000), float_val=[1.0]), r"shape \(1000, 1000\), which is 1,000,000 values, but brings 1;"),
        (claim((10, 10), float_val=[1.0] * 99), "brings 99"),
        (claim((10, 10), tensor_content=bytes(396)), "brings 99"),
        (claim((10, 10)), "brings 0"),
        (claim((20_000, 1), float_val=[1.0]), "20,000 instances, more than the 10,000"),
        (claim((10_000, 60_000), float_val=[1.0]), "600,000,000 values, more than the 1,000,000"),
        (claim((-1, 2), float_val=[1.0]), "at least one row"),
        (claim((2, -1), float_val=[1.0]), "at least one row"),
        (claim((0, 2**40)), "at least one row"),
        (claim((2**62, 2**62), float_val=[1.0]), "instances, more than"),
        (claim((1,) * 300, float_val=[1.0]), "must be float32 of shape"),
        (claim((1, 1), tf.float64, double_val=[1.0]), "got float64"),
        (claim((1, 1), tf.string, string_val=[b"a"]), "got strings"),
    ],
)
def test_claims_that_do_not_hold_are_refused(tensor, sentence):
    with pytest.raises(RequestError, match=sentence):
        to_arrays({"steps": tensor}, STEPS, Limits())


def test_strings_are_counted_too():
    with pytest.raises(RequestError, match="which is 9 values, but brings 1"):
        to_arrays({"text": claim((9,), tf.string, string_val=[b"a"])}, TEXT, Limits())
    with pytest.raises(RequestError, match="10,001 instances"):
        to_arrays({"text": claim((10_001,), tf.string, string_val=[b""] * 10_001)}, TEXT, Limits())
    tensor = claim((1, 1), float_val=[1.0])
    tensor.dtype = 99
    with pytest.raises(RequestError, match="unknown type"):
        to_arrays({"steps": tensor}, STEPS, Limits())
    tensor.tensor_shape.unknown_rank, tensor.dtype = True, tf.float32.as_datatype_enum
    with pytest.raises(RequestError, match="at least one row"):
        to_arrays({"steps": tensor}, STEPS, Limits())
