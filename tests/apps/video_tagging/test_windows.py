"""Windows of long sequences: each step once, in order where the state is kept, and the same for the same seed."""

import keras
import numpy as np
import pytest

from apps.video_tagging.sequence_ops import SequenceMask
from apps.video_tagging.windows import UNTAGGED, WindowBatches
from rnn_keras.layers import GRU, LSTM, SimpleRNN
from rnn_keras.training.stateful import StatefulModel, make_stateful

LENGTHS = [5, 31, 12, 7, 100, 3, 13]


def make_batches(**settings):
    # A step holds its sequence's number and its own, so it shows where it comes from.
    sequences = [np.stack([np.full(n, k), np.arange(n)], 1).astype("float32") for k, n in enumerate(LENGTHS)]
    targets = [np.arange(n, dtype="int32") % 4 for n in LENGTHS]
    return WindowBatches(sequences, targets, **{"batch_size": 3, "window": 10, "shuffle": True, **settings})


def list_steps(batches, epoch=0):
    """(sequence, step, target) of all steps of an epoch, in order, with row and batch."""
    for number, indices in enumerate(batches.plan(epoch)):
        steps, lengths, continues, targets = batches.batch(indices)
        assert steps.shape[:2] == targets.shape and steps.shape[1] <= batches.window
        for row, length in enumerate(lengths):
            assert (targets[row, length:] == UNTAGGED).all() and not steps[row, length:].any()
            for (sequence, step), target in zip(steps[row, :length], targets[row, :length], strict=True):
                yield int(sequence), int(step), int(target), row, number, bool(continues[row])


@pytest.mark.parametrize("stateful", [True, False])
@pytest.mark.parametrize("epoch", [0, 5])
def test_every_step_comes_once_with_its_target(stateful, epoch):
    found = [
        (sequence, step, target) for sequence, step, target, *_ in list_steps(make_batches(stateful=stateful), epoch)
    ]

    assert sorted(found) == [(k, step, step % 4) for k, n in enumerate(LENGTHS) for step in range(n)]


def test_windows_of_a_sequence_follow_one_another_in_their_row():
    start = {}
    for sequence, step, _, row, number, continues in list_steps(make_batches(stateful=True)):
        if step == 0:
            assert not continues
            start[sequence] = (row, number)
        else:
            assert start[sequence] == (row, number - step // 10)
            assert continues == (step >= 10)


def test_the_order_depends_on_seed_and_epoch_alone():
    orders = [
        list(list_steps(make_batches(stateful=True, seed=seed), epoch))
        for seed, epoch in ((1, 0), (1, 0), (1, 1), (2, 0))
    ]

    assert orders[0] == orders[1]
    assert orders[0] != orders[2] and orders[0] != orders[3]


@pytest.mark.parametrize("stateful", [True, False])
def test_its_attributes_hold_in_every_epoch(stateful):
    batches = make_batches(stateful=stateful, output_names=("one", "two"))
    for epoch in (0, 3):
        shapes = [batches.batch(indices)[0].shape[:2] for indices in batches.plan(epoch)]
        assert set(shapes) == batches.distinct_shapes and len(shapes) == batches.number_of_batches
        assert batches.padded_share == pytest.approx(1 - sum(LENGTHS) / sum(rows * time for rows, time in shapes))
    inputs, targets = next(iter(batches.dataset()))
    assert set(inputs) == {"steps", "lengths", "continues"} and set(targets) == {"one", "two"}
    assert sum(1 for _ in batches.dataset()) == batches.number_of_batches


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="must be at least 1"):
        make_batches(stateful=True, window=0)
    with pytest.raises(ValueError, match="a target for each step"):
        WindowBatches([np.zeros((3, 1))], [np.zeros(2)], 1, 5, stateful=False, shuffle=False)


def build_masked_network(cell):
    steps, lengths = keras.Input((None, 3), name="steps"), keras.Input((), dtype="int32", name="lengths")
    mask = SequenceMask()(steps, lengths)
    x = cell(4, return_sequences=True)(steps, mask=mask)
    x = cell(5, return_sequences=True)(x, mask=mask)
    inputs = {"steps": steps, "lengths": lengths}
    return keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x), name="tagger")


@pytest.mark.slow
@pytest.mark.parametrize("cell", [SimpleRNN, LSTM, GRU])
def test_a_state_kept_from_window_to_window_gives_the_outputs_for_the_sequence(cell):
    keras.utils.set_random_seed(0)
    network = build_masked_network(cell)
    generator = np.random.default_rng(1)
    sequences = [generator.normal(size=(length, 3)).astype("float32") for length in (23, 4, 11)]
    targets = [np.zeros(len(sequence), np.int32) for sequence in sequences]
    batches = WindowBatches(sequences, targets, 3, 5, stateful=True, shuffle=False)
    stateful = make_stateful(network, batches.padded_batch_size)
    model = StatefulModel(stateful.input, stateful.output, name="tagger")
    found = {}
    for indices in batches.plan(0):
        steps, lengths, continues, _ = batches.batch(indices)
        outputs = model({"steps": steps, "lengths": lengths, "continues": continues}, training=False).numpy()
        for row, example in enumerate(indices[1:]):
            found.setdefault(int(example), []).append(outputs[row, : lengths[row]])

    for number, steps in enumerate(sequences):
        expected = network({"steps": steps[None], "lengths": np.array([len(steps)])}).numpy()[0]
        np.testing.assert_allclose(np.concatenate(found[number]), expected, atol=1e-6)


@pytest.mark.slow
def test_what_only_the_state_can_tell_is_learned_across_windows():
    """The tag of all steps is that of the first one, which later windows do not contain."""
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(2)
    targets = [np.full(20, number % 2, np.int32) for number in range(16)]
    sequences = [generator.normal(0, 0.1, size=(20, 3)).astype("float32") for _ in targets]
    for steps, target in zip(sequences, targets, strict=True):
        steps[0, 0] = 2 * target[0] - 1
    scores = {}
    for stateful in (True, False):
        batches = WindowBatches(sequences, targets, 8, 5, stateful=stateful, shuffle=True)
        network = build_masked_network(LSTM)
        if stateful:
            network = make_stateful(network, batches.padded_batch_size)
        model = StatefulModel(network.input, network.output, name="tagger")
        model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(batches.dataset().repeat(), steps_per_epoch=150, shuffle=False, verbose=0)
        scores[stateful] = model.evaluate(batches.dataset(), verbose=0)[1]

    assert scores[True] > 0.99
    assert scores[False] < 0.75  # only each first window shows the tag
