"""Training by rewards: what is worth more becomes likelier, and the gradient is that of REINFORCE."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnn_keras.seq2seq import AttentionDecoder, Search
from rnn_keras.training.reward import RewardTraining, compare_samples

START, END, WORDS = 2, 3, 8
INPUTS = np.eye(4, dtype="float32")[np.arange(64) % 4]


def make_network():
    keras.utils.set_random_seed(1)
    inputs, written = keras.Input((4,)), keras.Input((None,), dtype="int32")
    decoder = AttentionDecoder(WORDS, 8, 16, attention="none", cell="gru", name="decoder")
    return keras.Model([inputs, written], decoder(written, inputs[:, None], inputs))


def make_model(reward, optimizer, **options):
    network = make_network()
    search = Search(network.get_layer("decoder"), START, END, forbidden=START + 1, maximum_length=5)

    def write(inputs, seed):
        encoded = inputs[:, None], inputs
        return search.greedy(*encoded) if seed is None else search.sample(*encoded, seed=seed)

    model = RewardTraining(network, write, reward, start=START, end=END, **options)
    model.compile(optimizer)
    return network, model


def count_own_word(tokens, examples):
    """The share of an example's own word, of four, among the tokens before the end."""
    own = END + 1 + examples % 4
    return (tokens == own[:, None]).sum(axis=1) / 4


def test_it_learns_to_write_what_is_rewarded():
    _, model = make_model(count_own_word, keras.optimizers.Adam(0.02))
    numbers = np.arange(64)
    before = model.evaluate(INPUTS, numbers, verbose=0, return_dict=True)["reward"]
    history = model.fit(INPUTS, numbers, epochs=12, batch_size=16, verbose=0, validation_data=(INPUTS, numbers)).history

    assert before < 0.5 < 0.95 < history["val_reward"][-1]
    assert history["val_loss"][-1] == -history["val_reward"][-1]


def test_where_all_are_worth_the_same_nothing_is_learnt():
    network, model = make_model(lambda tokens, examples: np.full(len(tokens), 0.3), keras.optimizers.SGD(1.0))
    before = network.get_weights()
    logs = model.train_on_batch(INPUTS, np.arange(64), return_dict=True)

    assert logs["reward"] == pytest.approx(0.3)
    for weight, other in zip(before, network.get_weights(), strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-6)


def test_the_step_is_that_of_the_definition():
    seen = []

    def reward(tokens, examples):
        seen.append((tokens, examples))
        return count_own_word(tokens, examples)

    network, model = make_model(reward, keras.optimizers.SGD(0.1), samples=3)
    before = [tf.constant(weight) for weight in network.get_weights()]
    model.train_on_batch(INPUTS[:8], np.arange(8))
    after = network.get_weights()
    [(tokens, examples)] = seen
    assert examples.tolist() == np.repeat(np.arange(8), 3).tolist()

    network.set_weights(before)
    worth = count_own_word(tokens, examples).reshape(8, 3)
    advantage = worth - (worth.sum(axis=1, keepdims=True) - worth) / 2
    with tf.GradientTape() as tape:
        total = 0.0
        for row, example, weight in zip(tokens, examples, advantage.ravel(), strict=True):
            for place in range(np.count_nonzero(row)):
                written = np.array([[START, *row[:place]]], "int32")
                logits = network([INPUTS[example][None], written])[0, -1]
                total += weight * tf.nn.log_softmax(logits)[row[place]]
        loss = -total / np.count_nonzero(tokens)
    gradients = tape.gradient(loss, network.trainable_variables)
    assert max(float(tf.reduce_max(tf.abs(gradient))) for gradient in map(tf.convert_to_tensor, gradients)) > 1e-3
    for start, end, gradient in zip(before, after, map(tf.convert_to_tensor, gradients), strict=True):
        np.testing.assert_allclose(end, start - 0.1 * gradient, atol=1e-6)


def test_a_sample_is_compared_with_the_others():
    np.testing.assert_allclose(compare_samples(np.array([1.0, 2.0, 6.0, 5.0, 5.0, 5.0]), 3), [-3, -1.5, 4.5, 0, 0, 0])
    with pytest.raises(ValueError, match="samples must be at least 2"):
        make_model(count_own_word, "sgd", samples=1)
