"""A version whose files are not as `export` wrote them is refused before TensorFlow loads it."""

import pytest
import tensorflow as tf

from rnn_keras.serving.engines import load_model
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.sums import write_sums


def test_a_bit_that_flips_in_a_saved_model_is_noticed(tmp_path):
    """Here in a constant, such as the name of a class: TensorFlow loads it without a word."""
    module = tf.Module()
    answer = tf.function(lambda x: {"y": tf.fill([tf.shape(x)[0]], "positive")}, [tf.TensorSpec([None], name="x")])
    module.answer = answer
    folder = tmp_path / "1"
    tf.saved_model.save(module, str(folder), signatures={"serving_default": answer})
    write_sums(folder)
    load_model("mood", folder)

    graph = folder / "saved_model.pb"
    graph.write_bytes(graph.read_bytes().replace(b"positive", b"qositive"))
    wrong = tf.saved_model.load(str(folder)).signatures["serving_default"](x=tf.zeros(1))
    assert wrong["y"].numpy() == [b"qositive"]
    with pytest.raises(UserError, match=r"1 is not as `export` wrote it: saved_model\.pb is damaged or was changed"):
        load_model("mood", folder)
