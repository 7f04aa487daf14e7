"""What the layers need: keras, numpy and tensorflow, and none of the packages above them."""

from tests.helpers.imports import assert_needs_only


def test_layers_need_keras_numpy_and_tensorflow_alone():
    loaded = assert_needs_only("rnn_keras.layers", "keras", "numpy", "tensorflow")
    own = {name for name in loaded if name.startswith("rnn_keras.")}
    assert "rnn_keras.layers.bptt.lstm" in own
    assert all(name.startswith("rnn_keras.layers") for name in own)
