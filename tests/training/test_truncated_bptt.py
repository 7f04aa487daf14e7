"""Windows with a carried state against whole sequences."""

import ctypes
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import rnn_keras.layers
from rnn_keras.data.streams import in_rows
from rnn_keras.training.stateful import make_stateful
from rnn_keras.training.truncated_bptt import TruncatedBPTT

CELLS = ("SimpleRNN", "LSTM", "GRU")


def network(cell, library=rnn_keras.layers, units=4):
    keras.utils.set_random_seed(1)
    steps = keras.Input((None, 2), name="steps")
    x = getattr(library, cell)(units, return_sequences=True)(steps)
    return keras.Model(steps, keras.layers.Dense(1)(x), name="stream_network")


def data(lengths, seed=0):
    generator = np.random.default_rng(seed)
    sequences = [generator.normal(size=(length, 2)).astype("float32") for length in lengths]
    return sequences, [sequence.cumsum(axis=0)[:, :1] for sequence in sequences]


@pytest.mark.parametrize("library", [rnn_keras.layers, keras.layers], ids=["ours", "keras"])
@pytest.mark.parametrize("cell", CELLS)
def test_where_a_window_covers_the_sequence_it_is_full_bptt(cell, library):
    sequences, targets = data([9, 5, 7])
    full, truncated = network(cell, library), TruncatedBPTT(9)
    carrying = truncated.model(full, rows=3)
    batches = truncated.batches(sequences, targets, rows=3, shuffle=False)
    assert batches.number_of_batches == 1
    steps, _, wanted, weights = batches.batch(batches.plan(0)[0])
    for model in (full, carrying):
        model.compile(keras.optimizers.SGD(0.1), "mse")
    full.train_on_batch(steps, wanted, sample_weight=weights)
    carrying.fit(batches.dataset(), verbose=0, shuffle=False)

    for one, other in zip(full.get_weights(), carrying.trainable_variables, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_the_state_is_carried_over_and_the_gradient_is_not(cell):
    """One step on the second of two windows against a gradient that stops at the border, by TensorFlow's loop."""
    (sequence,), (target,) = data([10])
    plain = network(cell)
    layer, readout = plain.layers[1], plain.layers[2]
    with rnn_keras.layers.general_loop(), tf.GradientTape() as tape:
        states = type(layer).from_config(layer.get_config() | {"return_state": True})
        states.build((1, 6, 2))
        states.set_weights(layer.get_weights())
        _, *border = states(sequence[np.newaxis, :6])
        outputs, *_ = states(sequence[np.newaxis, 6:], initial_state=[tf.stop_gradient(state) for state in border])
        # As in a padded window of six steps.
        loss = tf.reduce_sum(tf.square(readout(outputs) - target[np.newaxis, 6:])) / 6
    expected = tape.gradient(loss, [variable.value for variable in states.trainable_variables])

    truncated = TruncatedBPTT(6)
    model = truncated.model(plain, rows=1)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    first, second = list(truncated.batches([sequence], [target], rows=1).dataset())
    model.train_on_batch(first[0], first[1], first[2])
    model.optimizer.learning_rate.assign(1.0)
    before = [weight.numpy() for weight in model.trainable_variables]
    model.train_on_batch(second[0], second[1], second[2])

    for old, new, gradient in zip(before, model.trainable_variables, expected, strict=False):
        np.testing.assert_allclose(old - new, gradient, atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_a_row_whose_sequence_ended_begins_the_next_from_zeros_while_others_go_on(cell):
    lengths = [13, 4, 6, 2, 5]
    sequences, targets = data(lengths)
    plain, truncated = network(cell), TruncatedBPTT(4)
    model = truncated.model(plain, rows=2)
    model.compile("sgd", "mse")
    batches = truncated.batches(sequences, targets, rows=2, seed=3)
    found, resets = {}, []
    for inputs, _, weights in batches.dataset():
        outputs = model(inputs, training=False).numpy()
        resets.append(inputs["continues"].numpy())
        for row in range(2):
            first = inputs["steps"][row, 0].numpy()
            whose = next((n for n, s in enumerate(sequences) if (s == first).all(axis=1).any()), None)
            if whose is not None and weights[row, 0]:
                found.setdefault(whose, []).append(outputs[row, : int(weights[row].numpy().sum())])

    assert any(set(row) == {0.0, 1.0} for row in resets)  # one row begins anew while the other goes on
    for number, sequence in enumerate(sequences):
        np.testing.assert_allclose(np.concatenate(found[number]), plain(sequence[np.newaxis])[0], atol=1e-5)
    assert sum(len(np.concatenate(parts)) for parts in found.values()) == sum(lengths)


def other_networks():
    """By name: what is no functional network with SimpleRNN, LSTM or GRU right inside, and a sequence for it."""
    keras.utils.set_random_seed(1)
    steps, vectors = keras.Input((None, 2), name="steps"), np.random.default_rng(0).normal(size=(8, 2))
    inside = keras.Sequential([keras.Input((None, 2)), rnn_keras.layers.LSTM(3, return_sequences=True)])
    deeper = keras.Input((None, 2))
    deep = keras.Model(deeper, keras.layers.Dense(2)(inside(deeper)))
    cells = keras.layers.RNN([keras.layers.LSTMCell(3), rnn_keras.layers.GRUCell(2)], return_sequences=True)
    rows = keras.Input((None, 4, 2), name="steps")
    maps = keras.layers.ConvLSTM1D(2, 3, padding="same", return_sequences=True)
    return {
        "sequential": (keras.Sequential([steps, keras.layers.GRU(3, return_sequences=True)]), vectors),
        "nested": (keras.Model(steps, rnn_keras.layers.GRU(3, return_sequences=True)(deep(steps))), vectors),
        "cells": (keras.Model(steps, cells(steps)), vectors),
        "convolution": (keras.Model(rows, maps(rows)), np.random.default_rng(0).normal(size=(8, 4, 2))),
    }


@pytest.mark.parametrize("name", ["sequential", "nested", "cells", "convolution"])
def test_other_networks_keep_their_state_too(name):
    network, sequence = other_networks()[name]
    truncated = TruncatedBPTT(4)
    model = truncated.model(network, rows=2)
    batches = truncated.batches([sequence, -sequence] * 2, [sequence] * 4, rows=2, shuffle=False)
    found = []
    for inputs, *_ in batches.dataset():
        found.append(model(inputs, training=False).numpy())

    # Each row has two sequences of two windows.
    for first, second in (found[:2], found[2:]):
        both = np.stack([sequence, -sequence])
        wholes = {row: network(both[row : row + 1]).numpy()[0] for row in (0, 1)}
        for row in range(2):
            whole = np.concatenate([first[row], second[row]])
            assert any(np.allclose(whole, expected, atol=1e-5) for expected in wholes.values())


def test_every_step_comes_once_in_each_epoch_and_orders_differ():
    sequences = [np.arange(start, start + length) for start, length in ((0, 7), (10, 3), (20, 12), (40, 1), (50, 5))]
    batches = TruncatedBPTT(3).batches(sequences, sequences, rows=2, seed=1)
    orders = []
    for epoch in range(4):
        parts = [batches.batch(indices) for indices in batches.plan(epoch)]
        seen = np.concatenate([steps[weights > 0] for steps, _, _, weights in parts])
        assert sorted(seen) == sorted(np.concatenate(sequences))
        orders.append(tuple(seen))
        assert all((targets == steps).all() for steps, _, targets, _ in parts)
    assert len(set(orders)) > 1
    assert [len(part) for part in in_rows(np.arange(11), 3)] == [4, 4, 3]


def test_what_only_the_carried_state_can_tell_is_learnt():
    """The target of every step is the sign of the first one, windows ago."""
    generator = np.random.default_rng(2)
    sequences, targets = data([16] * 24)
    for sequence, target in zip(sequences, targets, strict=True):
        sequence[:] *= 0.1
        sequence[0, 0] = generator.choice([-1, 1])
        target[:] = sequence[0, 0]
    truncated = TruncatedBPTT(4)
    model = truncated.model(network("GRU", units=8), rows=8)
    model.compile(keras.optimizers.Adam(0.03), "mse")
    batches = truncated.batches(sequences, targets, rows=8)
    model.fit(batches.dataset(), epochs=25, verbose=0, shuffle=False)

    assert model.evaluate(batches.dataset(), verbose=0) < 0.1
    assert make_stateful(model, None)({"steps": sequences[0][np.newaxis]}).shape == (1, 16, 1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak of memory from /proc")
def test_memory_does_not_grow_with_the_stream():
    truncated = TruncatedBPTT(50)
    model = truncated.model(network("LSTM", units=64), rows=4)
    model.compile("sgd", "mse")
    train_step, traces = model.train_step, []
    model.train_step = lambda batch: (traces.append(batch), train_step(batch))[1]

    def trained(length):
        sequences, targets = data([length] * 4)
        model.fit(truncated.batches(sequences, targets, rows=4).dataset(), verbose=0, shuffle=False)
        return sum(part.nbytes for part in sequences + targets)

    trained(500)
    # Else what earlier tests needed, and what the allocator holds on to, would hide what this one needs.
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as counters:
        counters.write("5")  # the peak is what is there now
    before = peak_memory()
    grown_by_data = trained(10_000)
    # Full backpropagation would keep 4 rows x 10,000 steps x (4 gates + 2 states) x 64 units x 4 bytes = 61 MB of gates
    # alone; what is left is the stream itself, and what any call of `fit` needs.
    assert len(traces) == 1
    assert peak_memory() - before < grown_by_data + 20 * 2**20


def peak_memory():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def test_mistakes_are_told():
    steps = keras.Input((None, 2))
    both = keras.Model(steps, keras.layers.Bidirectional(keras.layers.GRU(2, return_sequences=True))(steps))
    none = keras.Model(steps, keras.layers.Dense(1)(steps), name="none")
    for call, sentence in (
        (lambda: TruncatedBPTT(0), "k must be at least 1, not 0"),
        (lambda: TruncatedBPTT(4).model(both, 2), "reads backwards"),
        (lambda: TruncatedBPTT(4).model(none, 2), "'none' has no recurrent layer"),
        (lambda: TruncatedBPTT(4).batches([], [], 2), "at least one sequence"),
        (lambda: TruncatedBPTT(4).batches(*data([3]), 0), "rows must be at least 1"),
        (lambda: in_rows(np.zeros(3), 4), "cannot be cut into 4 rows"),
    ):
        with pytest.raises(ValueError, match=sentence):
            call()
