"""A state that is kept from window to window gives the outputs for the complete sequence."""

import keras
import numpy as np
import pytest

from rnn_keras.data.streams import StreamBatches
from rnn_keras.layers import GRU, LSTM, SimpleRNN
from rnn_keras.training.nonfinite import describe_batch
from rnn_keras.training.stateful import StatefulModel, get_states, make_stateful, make_stateless


def build_network(cell):
    steps = keras.Input((None, 3), name="steps")
    x = cell(4, return_sequences=True)(steps)
    x = cell(5, return_sequences=True)(x)
    return keras.Model({"steps": steps}, keras.layers.Dense(2, activation="softmax")(x), name="tagger")


def make_sequences(generator, lengths):
    sequences = [generator.normal(size=(length, 3)).astype("float32") for length in lengths]
    return sequences, [generator.integers(2, size=length).astype("int32") for length in lengths]


SLOW = [pytest.param(cell, marks=pytest.mark.slow) for cell in (SimpleRNN, GRU)]


@pytest.mark.parametrize("cell", [LSTM, *SLOW])
def test_successive_windows_give_the_outputs_for_the_sequence(cell):
    keras.utils.set_random_seed(0)
    network = build_network(cell)
    sequences, targets = make_sequences(np.random.default_rng(1), [23, 4, 11])
    batches = StreamBatches(sequences, targets, 3, 5, shuffle=False)
    stateful = make_stateful(network, batches.batch_size)
    model = StatefulModel(stateful.input, stateful.output, name="tagger")
    model.compile(loss="sparse_categorical_crossentropy")
    outputs = {number: [] for number in range(3)}
    for indices in batches.plan(0):
        steps, continues, _, weights = batches.batch(indices)
        found = model({"steps": steps, "continues": continues}, training=False).numpy()
        for row, (number, _) in enumerate(indices.reshape(3, 2)):
            if number >= 0:
                outputs[int(number)].append(found[row, weights[row] > 0])

    for number, steps in enumerate(sequences):
        expected = network({"steps": steps[None]}).numpy()[0]
        np.testing.assert_allclose(np.concatenate(outputs[number]), expected, atol=1e-6)
    assert len(get_states(model)) == 2 * (2 if cell is LSTM else 1)


def test_a_batch_with_a_bad_loss_is_described_for_a_network_that_does_not_know_windows():
    keras.utils.set_random_seed(0)
    network = build_network(GRU)
    model = StatefulModel(network.input, network.output, name="tagger")
    model.compile("sgd", "sparse_categorical_crossentropy")
    batches = StreamBatches(*make_sequences(np.random.default_rng(1), [5, 5]), 2, 5)
    assert "has a loss of" in describe_batch(model, next(iter(batches.dataset())))


def test_a_stateless_copy_has_the_weights_and_takes_any_batch():
    keras.utils.set_random_seed(0)
    stateful = make_stateful(build_network(LSTM), 2)
    stateful.compile("sgd", "sparse_categorical_crossentropy")
    stateless = make_stateless(stateful)

    assert not get_states(stateless)
    for new, old in zip(stateless.trainable_variables, stateful.trainable_variables, strict=True):
        np.testing.assert_array_equal(new, old)
    assert stateless({"steps": np.zeros((5, 3, 3), "float32")}).shape == (5, 3, 2)


def test_frozen_weights_and_statistics_are_copied():
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(1)
    scaled = keras.layers.Normalization()
    scaled.adapt(generator.normal(3, 5, (50, 4)).astype("float32"))
    frozen = keras.layers.Embedding(7, 4, trainable=False)
    moving = keras.layers.BatchNormalization()
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = LSTM(3, return_sequences=True)(moving(scaled(frozen(ids))))
    late = keras.layers.Dense(2)
    network = keras.Model(ids, late(x))
    late.trainable = False
    moving.set_weights([generator.uniform(1, 2, 4) for _ in range(4)])
    inputs = generator.integers(0, 7, (2, 6))

    for copy in (make_stateful(network, 2), make_stateless(network)):
        np.testing.assert_allclose(copy(inputs), network(inputs), atol=1e-6)
        assert len(copy.trainable_variables) == len(network.trainable_variables)
        assert not {id(weight) for weight in copy.weights} & {id(weight) for weight in network.weights}


@keras.saving.register_keras_serializable(package="test_stateful")
class Hiding(keras.layers.Layer):
    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.inner = GRU(2, return_sequences=True)

    def call(self, steps):
        return self.inner(steps)


def test_a_network_whose_state_cannot_be_kept_is_refused():
    steps = keras.Input((None, 2))
    inner = keras.Sequential([keras.Input((None, 2)), keras.layers.Bidirectional(GRU(2, return_sequences=True))])
    for layer, sentence in (
        (Hiding(), "a Hiding, hides a recurrent layer"),
        (inner, "reads backward"),
        (keras.layers.RNN(keras.layers.GRUCell(2), go_backwards=True), "reads backward"),
    ):
        network = keras.Model(steps, layer(steps))
        with pytest.raises(ValueError, match=sentence):
            make_stateful(network, 2)
        assert make_stateless(network)(np.zeros((3, 4, 2))).shape[0] == 3
    with pytest.raises(ValueError, match=r"begins with a keras\.Input"):
        make_stateful(keras.Sequential([GRU(2)]), 2)


def test_time_distributed_layers_keep_no_state():
    frames = keras.Input((5, 3, 2))
    network = keras.Model(frames, keras.layers.TimeDistributed(GRU(2))(frames))
    copy, inputs = make_stateful(network, 1), np.random.default_rng(1).normal(size=(1, 5, 3, 2))
    assert not get_states(copy)
    for _ in range(2):
        np.testing.assert_allclose(copy(inputs), network(inputs), atol=1e-6)
