"""Batches by length: every example once, little padding, and an order that seed and epoch decide."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_keras.data import batching
from rnn_keras.data.batching import BucketedBatches, FixedBatches, bucket_boundaries

LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=30)


def sequences(lengths):
    """Each sequence tells which it is: its steps are 1000 * index + 1, 2, 3 ..."""
    return [1000 * index + np.arange(1, length + 1, dtype=np.int32) for index, length in enumerate(lengths)]


def padded_steps(lengths, boundaries):
    return sum(min(boundary for boundary in boundaries if boundary >= length) for length in lengths)


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 4))
def test_boundaries_are_the_best_of_all(lengths, number):
    found = bucket_boundaries(lengths, number)
    distinct = sorted(set(lengths))
    assert found == sorted(set(found))
    assert found[-1] == distinct[-1]
    assert len(found) <= number
    choices = itertools.combinations(distinct[:-1], min(number, len(distinct)) - 1)
    assert padded_steps(lengths, found) == min(padded_steps(lengths, [*some, distinct[-1]]) for some in choices)


def test_boundaries_of_many_lengths_are_nearly_the_best():
    lengths = np.random.default_rng(0).lognormal(5.4, 0.8, 20000).astype(int) + 1
    found = bucket_boundaries(lengths, 12)
    assert len(set(lengths)) > 512
    assert found[-1] == lengths.max()
    assert 1 - lengths.sum() / np.asarray(found)[np.searchsorted(found, lengths)].sum() < 0.16


@pytest.mark.parametrize("lengths", [[], [0, 3]])
def test_boundaries_need_lengths(lengths):
    with pytest.raises(ValueError, match="at least one length"):
        bucket_boundaries(lengths)


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 7), st.booleans(), st.integers(0, 3))
def test_every_example_once_an_epoch(lengths, batch_size, shuffle, epoch):
    batches = BucketedBatches(sequences(lengths), np.arange(len(lengths)), batch_size, shuffle=shuffle)
    plan = batches.plan(epoch)
    assert sorted(np.concatenate(plan)) == list(range(len(lengths)))
    assert len(plan) == batches.number_of_batches
    assert sum(len(indices) != batch_size for indices in plan) <= 1
    total = 0
    for indices in plan:
        ids, targets = batches.batch(indices)
        assert ids.shape in batches.distinct_shapes
        total += ids.size
        assert targets.tolist() == indices.tolist()
        for row, index in zip(ids, indices, strict=True):
            np.testing.assert_array_equal(row, np.pad(sequences(lengths)[index], (0, len(row) - lengths[index])))
    assert batches.padded_share == pytest.approx(1 - sum(lengths) / total)


def test_order_depends_on_seed_and_epoch_alone():
    lengths = np.random.default_rng(0).integers(1, 50, 200)
    make = lambda **options: BucketedBatches(sequences(lengths), None, 8, shuffle=True, **options)  # noqa: E731
    first = [np.concatenate(make(seed=3).plan(epoch)).tolist() for epoch in range(3)]
    again = [np.concatenate(make(seed=3).plan(epoch)).tolist() for epoch in (2, 1, 0)]
    assert first == again[::-1]
    assert first[0] != first[1]
    assert np.concatenate(make(seed=4).plan(0)).tolist() != first[0]
    partners = [{frozenset(indices.tolist()) for indices in make(seed=3).plan(epoch)} for epoch in range(2)]
    assert not partners[0] & partners[1]  # other batches, not only another order of them
    times = [make(seed=3).batch(indices)[0].shape[1] for indices in make(seed=3).plan(0)]
    assert times != sorted(times)


def test_passes_over_the_dataset_are_epochs_and_a_run_resumes():
    lengths = np.random.default_rng(1).integers(1, 20, 50)
    targets = np.arange(50)
    order = lambda dataset: np.concatenate([y for _, y in dataset.as_numpy_iterator()]).tolist()  # noqa: E731
    dataset = BucketedBatches(sequences(lengths), targets, 8, shuffle=True, seed=5).dataset()
    passes = [order(dataset) for _ in range(3)]
    assert passes[0] != passes[1] != passes[2]
    resumed = BucketedBatches(sequences(lengths), targets, 8, shuffle=True, seed=5).endless(start_epoch=1).take(14)
    assert order(resumed) == passes[1] + passes[2]


def test_there_is_no_generator_data_set_in_it():
    """One sets the C library's limit for mapped blocks to 128 KiB, which costs every later step (Python 3.11)."""
    policy = tf.data.experimental.ExternalStatePolicy.IGNORE
    kinds = lambda dataset: dataset._as_serialized_graph(external_state_policy=policy).numpy()  # noqa: E731
    signature = tf.TensorSpec((), tf.int32)
    assert b"GeneratorDataset" in kinds(tf.data.Dataset.from_generator(lambda: iter([1]), output_signature=signature))
    batches = BucketedBatches(sequences([3] * 20), np.arange(20.0), 4, shuffle=True)
    assert b"GeneratorDataset" not in kinds(batches.dataset())


def test_fit_sees_each_epoch_in_its_own_order():
    batches = BucketedBatches(sequences([3] * 20), np.arange(20.0), 4, shuffle=True, seed=1)
    seen = []

    class Watch(keras.Model):
        def train_step(self, data):
            seen.append(data[1])
            return {"loss": 0.0}

    model = Watch()
    model.compile(run_eagerly=True)
    model.fit(batches.dataset(), epochs=2, shuffle=False, verbose=0)
    expected = [indices.tolist() for epoch in range(2) for indices in batches.plan(epoch)]
    assert [batch.numpy().tolist() for batch in seen] == expected


def test_data_set_knows_its_size_and_its_signature():
    batches = BucketedBatches(
        sequences([1, 2, 3]), np.int32([0, 1, 0]), 2, shuffle=False, sample_weight=np.ones(3, np.float32)
    )
    dataset = batches.dataset()
    assert dataset.cardinality() == 2 == len(list(dataset))
    ids, targets, weights = dataset.element_spec
    assert ids.shape.as_list() == [None, None]
    assert (ids.dtype, targets.dtype, weights.dtype) == ("int32", "int32", "float32")


def test_outputs_come_back_in_the_original_order():
    lengths = np.random.default_rng(2).integers(1, 30, 45)
    batches = BucketedBatches(sequences(lengths), None, 8, shuffle=False)
    outputs = np.concatenate([ids[:, 0] // 1000 for (ids,) in batches.dataset().as_numpy_iterator()])
    assert outputs.tolist() != list(range(45))
    assert batches.restore_order(outputs).tolist() == list(range(45))
    with pytest.raises(ValueError, match="shuffle=False"):
        BucketedBatches(sequences(lengths), None, 8, shuffle=True).restore_order(outputs)


@pytest.mark.parametrize("shuffle", [True, False])
def test_one_very_long_sequence_does_not_fill_the_memory(shuffle, monkeypatch):
    """Without dividing, all sequences of its batch would be padded to its length: 63 x 100,000 here."""
    lengths = [3, 5, 4, 6] * 40 + [100_000]
    sequences = [np.full((length, 2), length, np.float32) for length in lengths]
    monkeypatch.setattr(batching, "LARGEST_BATCH", 400_000)
    batches = BucketedBatches(sequences, np.arange(161), 63, shuffle=shuffle, seed=1)
    for epoch in range(3):
        parts = [batches.batch(indices) for indices in batches.plan(epoch)]
        assert len(parts) == batches.number_of_batches == 4
        assert sorted(np.concatenate([targets for _, targets in parts])) == list(range(161))
        assert {inputs.shape for inputs, _ in parts} == {(*shape, 2) for shape in batches.distinct_shapes}
        assert max(inputs.size for inputs, _ in parts) == 200_000

    many = BucketedBatches([np.zeros((50, 2), np.float32)] * 30, None, 30, shuffle=shuffle)
    monkeypatch.setattr(batching, "LARGEST_BATCH", 700)
    divided = BucketedBatches([np.zeros((50, 2), np.float32)] * 30, None, 30, shuffle=shuffle)
    assert many.distinct_shapes == {(30, 50)} and divided.distinct_shapes == {(7, 50), (2, 50)}


def test_steps_may_be_vectors():
    features = [np.ones((length, 5), np.float32) for length in (2, 4, 3)]
    (batch,) = next(BucketedBatches(features, None, 3, [4], shuffle=False).dataset().as_numpy_iterator())
    assert batch.shape == (3, 4, 5)
    assert sorted(batch.sum(axis=(1, 2))) == [10, 15, 20]


def fixed(count, **options):
    """Each picture tells which it is, and so does its target."""
    pictures = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 2, 1), np.uint8)
    return FixedBatches([pictures, np.arange(count, dtype=np.int32)], **options)


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 7), st.booleans(), st.integers(0, 3))
def test_every_example_of_one_shape_once_an_epoch(count, batch_size, shuffle, epoch):
    batches = fixed(count, batch_size=batch_size, shuffle=shuffle)
    plan = batches.plan(epoch)
    assert sorted(np.concatenate(plan)) == list(range(count))
    assert [len(indices) for indices in plan[:-1]] == [batch_size] * (batches.number_of_batches - 1)
    for indices in plan:
        pictures, targets = batches.batch(indices)
        assert targets.tolist() == indices.tolist() == pictures[:, 2, 1, 0].tolist()


def test_examples_of_one_shape_resume_with_the_next_epoch():
    order = lambda dataset: [y.tolist() for _, y in dataset.as_numpy_iterator()]  # noqa: E731
    dataset = fixed(50, batch_size=8, shuffle=True, seed=5).dataset()
    passes = [order(dataset) for _ in range(3)]
    assert passes[0] != passes[1] != passes[2]
    assert order(fixed(50, batch_size=8, shuffle=True, seed=5).endless(start_epoch=2).take(7)) == passes[2]
    assert order(fixed(50, batch_size=8, shuffle=True, seed=6).dataset()) != passes[0]
    assert np.concatenate(order(fixed(50, batch_size=8, shuffle=False).dataset())).tolist() == list(range(50))
    assert dataset.cardinality() == 7 == len(passes[0])
    assert [(tuple(spec.shape), spec.dtype) for spec in dataset.element_spec] == [
        ((None, 3, 2, 1), "uint8"),
        ((None,), "int32"),
    ]


@pytest.mark.parametrize("columns", [[], [np.zeros(3), np.zeros(2)]])
def test_columns_of_different_lengths_are_refused(columns):
    with pytest.raises(ValueError, match=r"one entry for each example, not (3, 2|none at all)"):
        FixedBatches(columns, 2, shuffle=False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
        ({"boundaries": [1]}, r"boundaries must rise to at least 2, not \[1\]"),
        ({"boundaries": [3, 2]}, "boundaries must rise"),
        ({"targets": np.zeros(3)}, "one entry for each of the 2 sequences, not 3"),
        ({"sequences": [[]]}, "at least one step in each"),
        ({"sequences": []}, "at least one sequence"),
    ],
)
def test_mistakes(options, words):
    known = {"sequences": sequences([1, 2]), "targets": None, "batch_size": 2, "shuffle": False}
    with pytest.raises(ValueError, match=words):
        BucketedBatches(**{**known, **options})
