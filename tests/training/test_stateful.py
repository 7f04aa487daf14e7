"""A state carried from window to window is that of the whole sequence."""

import keras
import numpy as np
import pytest

from apps.video_tagging.sequence_ops import SequenceMask
from apps.video_tagging.windows import WindowBatches
from rnn_keras.layers import GRU, LSTM, SimpleRNN
from rnn_keras.training.nonfinite import told
from rnn_keras.training.stateful import StatefulModel, get_states, make_stateful

CELLS = [SimpleRNN, LSTM, GRU]


def network(cell):
    steps, lengths = keras.Input((None, 3), name="steps"), keras.Input((), dtype="int32", name="lengths")
    mask = SequenceMask()(steps, lengths)
    x = cell(4, return_sequences=True)(steps, mask=mask)
    x = cell(5, return_sequences=True)(x, mask=mask)
    inputs = {"steps": steps, "lengths": lengths}
    return keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x), name="tagger")


def data(generator, lengths):
    sequences = [generator.normal(size=(length, 3)).astype("float32") for length in lengths]
    return sequences, [generator.integers(2, size=length).astype("int32") for length in lengths]


@pytest.mark.parametrize("cell", CELLS)
def test_windows_one_after_another_are_the_whole(cell):
    keras.utils.set_random_seed(0)
    whole = network(cell)
    sequences, targets = data(np.random.default_rng(1), [23, 4, 11])
    batches = WindowBatches(sequences, targets, 3, 5, carried=True, shuffle=False)
    kept = make_stateful(whole, batches.rows)
    model = StatefulModel(kept.input, kept.output, name="tagger")
    model.compile(loss="sparse_categorical_crossentropy")
    found = {}
    for indices in batches.plan(0):
        steps, lengths, continues, _ = batches.batch(indices)
        inputs = {"steps": steps, "lengths": lengths, "continues": continues}
        outputs = model(inputs, training=False).numpy()
        for row, example in enumerate(indices[1:]):
            found.setdefault(int(example), []).append(outputs[row, : lengths[row]])

    for number, steps in enumerate(sequences):
        expected = whole({"steps": steps[None], "lengths": np.array([len(steps)])}).numpy()[0]
        np.testing.assert_allclose(np.concatenate(found[number]), expected, atol=1e-6)
    assert len(get_states(model)) == 2 * (2 if cell is LSTM else 1)


def test_what_only_memory_can_tell_is_learnt_across_windows():
    """The tag of all steps is that of the first one, which later windows do not hold."""
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(2)
    targets = [np.full(20, number % 2, np.int32) for number in range(16)]
    sequences = [generator.normal(0, 0.1, size=(20, 3)).astype("float32") for _ in targets]
    for steps, target in zip(sequences, targets, strict=True):
        steps[0, 0] = 2 * target[0] - 1
    scores = {}
    for carried in (True, False):
        batches = WindowBatches(sequences, targets, 8, 5, carried=carried, shuffle=True)
        model = network(LSTM)
        if carried:
            kept = make_stateful(model, batches.rows)
            model = StatefulModel(kept.input, kept.output, name="tagger")
        else:
            model = StatefulModel(model.input, model.output, name="tagger")
        model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(batches.dataset().repeat(), steps_per_epoch=150, verbose=0)
        scores[carried] = model.evaluate(batches.dataset(), verbose=0)[1]

    assert scores[True] > 0.99
    assert scores[False] < 0.75  # only each first window holds what tells


def test_why_a_step_broke_is_told_of_a_network_that_knows_nothing_of_windows():
    keras.utils.set_random_seed(0)
    plain = network(GRU)
    model = StatefulModel(plain.input, plain.output, name="tagger")
    model.compile("sgd", "sparse_categorical_crossentropy")
    batches = WindowBatches(*data(np.random.default_rng(1), [5, 5]), 2, 5, carried=False, shuffle=False)
    assert "has a loss of" in told(model, next(iter(batches.dataset())))


def test_a_copy_without_a_kept_state_has_the_weights_and_takes_any_batch():
    keras.utils.set_random_seed(0)
    kept = make_stateful(network(LSTM), 2)
    kept.compile("sgd", "sparse_categorical_crossentropy")
    free = make_stateful(kept, None)

    assert not get_states(free)
    for new, old in zip(free.trainable_variables, kept.trainable_variables, strict=True):
        np.testing.assert_array_equal(new, old)
    assert free({"steps": np.zeros((5, 3, 3), "float32"), "lengths": np.full(5, 3)}).shape == (5, 3, 2)


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
    whole = keras.Model(ids, late(x))
    late.trainable = False
    moving.set_weights([generator.uniform(1, 2, 4) for _ in range(4)])
    given = generator.integers(0, 7, (2, 6))

    for rows in (2, None):
        copy = make_stateful(whole, rows)
        np.testing.assert_allclose(copy(given), whole(given), atol=1e-6)
        assert len(copy.trainable_variables) == len(whole.trainable_variables)
        assert not {id(weight) for weight in copy.weights} & {id(weight) for weight in whole.weights}


@keras.saving.register_keras_serializable(package="test_carried_state")
class Hiding(keras.layers.Layer):
    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.inner = GRU(2, return_sequences=True)

    def call(self, steps):
        return self.inner(steps)


def test_what_could_not_be_carried_is_refused():
    steps = keras.Input((None, 2))
    inner = keras.Sequential([keras.Input((None, 2)), keras.layers.Bidirectional(GRU(2, return_sequences=True))])
    for layer, sentence in (
        (Hiding(), "a Hiding, hides a recurrent layer"),
        (inner, "reads backwards"),
        (keras.layers.RNN(keras.layers.GRUCell(2), go_backwards=True), "reads backwards"),
    ):
        network = keras.Model(steps, layer(steps))
        with pytest.raises(ValueError, match=sentence):
            make_stateful(network, 2)
        assert make_stateful(network, None)(np.zeros((3, 4, 2))).shape[0] == 3
    with pytest.raises(ValueError, match=r"begins with a keras\.Input"):
        make_stateful(keras.Sequential([GRU(2)]), 2)


def test_layers_that_begin_anew_in_every_step_keep_nothing():
    frames = keras.Input((5, 3, 2))
    network = keras.Model(frames, keras.layers.TimeDistributed(GRU(2))(frames))
    copy, given = make_stateful(network, 1), np.random.default_rng(1).normal(size=(1, 5, 3, 2))
    assert not get_states(copy)
    for _ in range(2):
        np.testing.assert_allclose(copy(given), network(given), atol=1e-6)
