"""Wrong arguments: where Keras raises an error, so do we, and the message names the argument."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.layer_cases import CELLS, FAMILIES, STATES, combinations, ours, theirs

X = np.ones((2, 3, 4), "float32")


@pytest.mark.parametrize("units", [0, -1])
@pytest.mark.parametrize("name", [*FAMILIES, *CELLS])
def test_units(name, units):
    for cls in (theirs(name), ours(name)):
        with pytest.raises(ValueError, match="`units`"):
            cls(units)


@pytest.mark.parametrize("units", [2.5, "3", None])
@pytest.mark.parametrize("name", [*FAMILIES, *CELLS])
def test_units_of_another_type(name, units):
    """Keras fails on these later, with another error."""
    with pytest.raises((TypeError, ValueError), match="units"):
        ours(name)(units)


@pytest.mark.parametrize("shape", [(3, 4), (1, 2, 3, 4)])
@pytest.mark.parametrize("family", FAMILIES)
def test_rank(family, shape):
    for cls in (theirs(family), ours(family)):
        with pytest.raises(ValueError, match="expected ndim=3, found ndim="):
            cls(3)(np.ones(shape, "float32"))
        with pytest.raises(ValueError, match="expected ndim=3, found ndim="):
            cls(3)(keras.Input(shape[1:]))


@pytest.mark.parametrize("family", FAMILIES)
def test_feature_count(family):
    """Inputs of another width than the kernel was built for; the message holds both widths."""
    for cls in (theirs(family), ours(family)):
        layer = cls(3)
        layer.build(X.shape)
        with pytest.raises((ValueError, tf.errors.InvalidArgumentError)) as caught:
            layer(np.ones((2, 3, 5), "float32"))
        assert "5" in str(caught.value) and "4" in str(caught.value)


@pytest.mark.parametrize("rate", [-0.5, 1.5])
@pytest.mark.parametrize("argument", ["dropout", "recurrent_dropout"])
@pytest.mark.parametrize("name", [*FAMILIES, *CELLS])
def test_dropout_rate_is_clipped_as_in_keras(name, argument, rate):
    """Keras does not refuse a rate outside of [0, 1], so a drop-in must not."""
    mine, other = ours(name)(3, **{argument: rate}), theirs(name)(3, **{argument: rate})
    assert getattr(mine, argument) == getattr(other, argument) == float(rate > 0)


@pytest.mark.parametrize("family", FAMILIES)
def test_initial_state_count(family):
    """Too many or too few; Keras refuses some of these, and takes the wrong ones silently for others."""
    count = STATES[family]
    for wrong in {0, 1, 2, 3} - {count}:
        states = [np.zeros((2, 3), "float32")] * wrong
        with pytest.raises(ValueError, match="initial_state"):
            ours(family)(3)(X, initial_state=states)
    ours(family)(3)(X, initial_state=[np.zeros((2, 3), "float32")] * count)


@pytest.mark.parametrize("shape", [(2, 7), (5, 3)])
@pytest.mark.parametrize("family", FAMILIES)
def test_initial_state_shape(family, shape):
    for cls in (theirs(family), ours(family)):
        with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
            cls(3)(X, initial_state=[np.zeros(shape, "float32")] * STATES[family])


@pytest.mark.parametrize("family", FAMILIES)
def test_mask_length(family):
    for time in (2, 4):
        with pytest.raises(ValueError, match=r"`mask` of .* must have shape"):
            ours(family)(3)(X, mask=np.ones((2, time), bool))
    # Keras takes a mask that is too long.
    with pytest.raises((ValueError, tf.errors.OpError)):
        theirs(family)(3)(X, mask=np.ones((2, 2), bool))


@pytest.mark.parametrize("family", FAMILIES)
def test_unroll_needs_a_length(family):
    # In a graph, where the number of steps may be unknown.
    for cls in (theirs(family), ours(family)):
        layer = cls(3, unroll=True)
        layer.build((None, None, 4))
        call = tf.function(layer, input_signature=[tf.TensorSpec((None, None, 4), tf.float32)])
        with pytest.raises(ValueError, match="Cannot unroll"):
            call.get_concrete_function()


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("SimpleRNN",)))
def test_stateful_needs_a_fixed_batch(family):
    for cls in (theirs(family), ours(family)):
        with pytest.raises(ValueError, match="batch size"):
            cls(3, stateful=True)(keras.Input((None, 4)))
        layer = cls(3, stateful=True)
        layer(X)
        with pytest.raises(ValueError, match="stateful"):
            layer(X[:1])


@pytest.mark.parametrize("family", ["LSTM", "GRU"])
def test_use_cudnn(family):
    for cls in (theirs(family), ours(family)):
        with pytest.raises(ValueError, match="use_cudnn"):
            cls(3, use_cudnn="always")
        with pytest.raises(ValueError, match="use_cudnn=True"):
            # cuDNN cannot do without a bias, whether there is a GPU or not.
            cls(3, use_cudnn=True, use_bias=False)(X)


@pytest.mark.parametrize("argument", ["activation", "kernel_initializer", "bias_regularizer", "recurrent_constraint"])
@pytest.mark.parametrize("name", [*FAMILIES, *CELLS])
def test_unknown_identifiers(name, argument):
    for cls in (theirs(name), ours(name)):
        with pytest.raises(ValueError, match="no_such_thing"):
            cls(3, **{argument: "no_such_thing"})


@pytest.mark.parametrize("argument", ["implementation", "use_cudnn", "recurrent_activation", "reset_after"])
@pytest.mark.parametrize("name", ["SimpleRNN", "SimpleRNNCell"])
def test_simple_rnn_has_no_gates(name, argument):
    """Arguments of the gated layers would be without effect here; Keras refuses them."""
    for cls in (theirs(name), ours(name)):
        with pytest.raises((TypeError, ValueError), match=argument):
            cls(3, **{argument: 1})


@pytest.mark.parametrize("family", FAMILIES)
def test_a_sequence_has_a_step(family):
    layer = ours(family)(3)
    with pytest.raises(ValueError, match=r"at least one step, got inputs of shape \(2, 0, 4\)"):
        layer(np.zeros((2, 0, 4), "float32"))
    layer(np.zeros((2, 1, 4), "float32"))
    call = tf.function(lambda x: layer(x), input_signature=[tf.TensorSpec((None, None, 4))])
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least one step"):
        call(np.zeros((2, 0, 4), "float32"))


def test_ragged_and_sparse_tensors():
    layer = ours("LSTM")(3)
    dense = tf.ones((2, 3, 4))
    with pytest.raises(ValueError, match=r"ragged: pad it with `x.to_tensor\(\)`"):
        layer(tf.RaggedTensor.from_tensor(dense))
    with pytest.raises(ValueError, match=r"tf.sparse.to_dense\(x\)"):
        layer(tf.sparse.from_dense(dense))


def test_the_last_batch_of_a_stateful_layer_is_smaller():
    """keras.layers give as many rows as the batch before had, a single one repeated."""
    model = keras.Sequential([keras.Input(batch_shape=(2, 3, 4)), ours("LSTM")(3, stateful=True)])
    with pytest.raises(tf.errors.InvalidArgumentError, match="built for a batch size of 2, got another"):
        model.predict(np.zeros((3, 3, 4), "float32"), batch_size=2, verbose=0)


def test_time_major_of_files_of_keras_2():
    config = ours("GRU")(3, name="reader").get_config()
    assert ours("GRU").from_config(config | {"time_major": False}).units == 3
    with pytest.raises(ValueError, match=r"reader was made with time_major=True.*transpose the inputs"):
        ours("GRU").from_config(config | {"time_major": True})
