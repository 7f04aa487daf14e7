"""The messages made without TensorFlow are those of tensorflow-serving-api, and tensors those of TensorFlow."""

import numpy as np
import pytest

pytest.importorskip("tensorflow_serving")
import tensorflow as tf
from google.protobuf import descriptor_pool
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2

from rnn_keras.serving.limits import Limits
from rnn_keras.serving.protos import ENUMS, PROTOS
from rnn_keras.serving.request import Input
from rnn_keras.serving.tensors import DTYPES, to_arrays, write_tensor


@pytest.mark.parametrize("name", PROTOS)
def test_fields_are_those_of_the_official_protos(name):
    made = PROTOS[name].DESCRIPTOR
    assert all((predict_pb2, get_model_metadata_pb2))  # are in the pool
    official = descriptor_pool.Default().FindMessageTypeByName(made.full_name)
    for field in made.fields:
        other = official.fields_by_name[field.name]
        for attribute in ("number", "is_repeated", "has_presence"):
            assert getattr(field, attribute) == getattr(other, attribute), field.name
        assert field.type == other.type or field.name == "error_code"  # an enum that nobody reads here


def test_types_and_states_have_the_official_numbers():
    for number, name in enumerate(ENUMS["tensorflow.DataType"]):
        assert number == 0 or tf.as_dtype(number).as_datatype_enum == getattr(types_pb2, name)
    status = PROTOS["ModelVersionStatus"](state=30)
    assert get_model_status_pb2.ModelVersionStatus.FromString(status.SerializeToString()).state == status.state
    assert get_model_status_pb2.ModelVersionStatus.AVAILABLE == 30


@pytest.mark.parametrize("dtype", [dtype for dtype, _ in DTYPES.values()])
@pytest.mark.parametrize("shape", [(1,), (2, 3)])
def test_tensors_are_read_and_written_as_tensorflow_does(dtype, shape):
    array = np.arange(1, 1 + np.prod(shape)).reshape(shape).astype(dtype)
    if dtype == "object":
        array = np.array([b"text %d \xff" % value for value in array.flat], object).reshape(shape)
    written = PROTOS["TensorProto"]()
    write_tensor(array, written)
    theirs = tf.make_tensor_proto(array)
    theirs.ParseFromString(written.SerializeToString())
    np.testing.assert_array_equal(tf.make_ndarray(theirs), array)

    sent = PROTOS["TensorProto"].FromString(tf.make_tensor_proto(array).SerializeToString())
    read = to_arrays({"x": sent}, {"x": Input(array.dtype, (None,) * array.ndim)}, Limits())["x"]
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)
