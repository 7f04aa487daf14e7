"""Windows of long sequences: every step once, in order where the state is carried, and the same again for a seed."""

import numpy as np
import pytest

from apps.video_tagging.windows import UNTAGGED, WindowBatches

LENGTHS = [5, 31, 12, 7, 100, 3, 13]


def made(**settings):
    # A step holds its sequence's number and its own: what arrives where can be read off it.
    sequences = [np.stack([np.full(n, k), np.arange(n)], 1).astype("float32") for k, n in enumerate(LENGTHS)]
    targets = [np.arange(n, dtype="int32") % 4 for n in LENGTHS]
    return WindowBatches(sequences, targets, **{"batch_size": 3, "window": 10, "shuffle": True, **settings})


def seen(batches, epoch=0):
    """(sequence, step, target) of all steps of an epoch, in order, with row and batch."""
    for number, indices in enumerate(batches.plan(epoch)):
        steps, lengths, continues, targets = batches.batch(indices)
        assert steps.shape[:2] == targets.shape and steps.shape[1] <= batches.window
        for row, length in enumerate(lengths):
            assert (targets[row, length:] == UNTAGGED).all() and not steps[row, length:].any()
            for (sequence, step), target in zip(steps[row, :length], targets[row, :length], strict=True):
                yield int(sequence), int(step), int(target), row, number, bool(continues[row])


@pytest.mark.parametrize("carried", [True, False])
@pytest.mark.parametrize("epoch", [0, 5])
def test_every_step_comes_once_with_its_target(carried, epoch):
    found = [(sequence, step, target) for sequence, step, target, *_ in seen(made(carried=carried), epoch)]

    assert sorted(found) == [(k, step, step % 4) for k, n in enumerate(LENGTHS) for step in range(n)]


def test_carried_windows_follow_one_another_in_their_row():
    place = {}
    for sequence, step, _, row, number, continues in seen(made(carried=True)):
        if step == 0:
            assert not continues
            place[sequence] = (row, number)
        else:
            assert place[sequence] == (row, number - step // 10)
            assert continues == (step >= 10)


def test_the_order_depends_on_seed_and_epoch_alone():
    orders = [list(seen(made(carried=True, seed=seed), epoch)) for seed, epoch in ((1, 0), (1, 0), (1, 1), (2, 0))]

    assert orders[0] == orders[1]
    assert orders[0] != orders[2] and orders[0] != orders[3]


@pytest.mark.parametrize("carried", [True, False])
def test_what_it_says_of_itself_holds_in_every_epoch(carried):
    batches = made(carried=carried, outputs=("one", "two"))
    for epoch in (0, 3):
        shapes = [batches.batch(indices)[0].shape[:2] for indices in batches.plan(epoch)]
        assert set(shapes) == batches.distinct_shapes and len(shapes) == batches.number_of_batches
        assert batches.padded_share == pytest.approx(1 - sum(LENGTHS) / sum(rows * time for rows, time in shapes))
    inputs, targets = next(iter(batches.dataset()))
    assert set(inputs) == {"steps", "lengths", "continues"} and set(targets) == {"one", "two"}
    assert sum(1 for _ in batches.dataset()) == batches.number_of_batches


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="window must be at least 1"):
        made(carried=True, window=0)
    with pytest.raises(ValueError, match="a target for each step"):
        WindowBatches([np.zeros((3, 1))], [np.zeros(2)], 1, 5, carried=False, shuffle=False)
