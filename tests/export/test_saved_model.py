"""Numbered versions, and what may be in them."""

import keras
import pytest
import tensorflow as tf

from rnn_keras.export.saved_model import export_saved_model, versions
from rnn_keras.utils.errors import UserError


def exported(directory, function):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])

    @tf.function(input_signature=[tf.TensorSpec((None, 3), name="x")])
    def serve(x):
        return {"y": function(model(x))}

    return export_saved_model(model, serve, directory)


def test_versions_rise(tmp_path):
    assert [exported(tmp_path, tf.nn.relu).name for _ in range(2)] == ["1", "2"]
    assert versions(tmp_path) == [1, 2]


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda y: tf.py_function(lambda values: values, [y], tf.float32), "EagerPyFunc"),
        (tf.function(tf.nn.relu, jit_compile=True), "Relu|inference"),
    ],
)
def test_operations_that_tf_serving_does_not_run_are_refused(function, named, tmp_path):
    with pytest.raises(UserError, match=f"TF Serving does not run: .*({named})"):
        exported(tmp_path, function)
    assert versions(tmp_path) == []
