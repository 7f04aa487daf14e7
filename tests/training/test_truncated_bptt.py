"""Windows with a kept state, verified against complete sequences."""

import ctypes
import doctest
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import rnn_keras.layers
from rnn_keras.data.streams import split_stream
from rnn_keras.training import truncated_bptt
from rnn_keras.training.stateful import make_stateless
from rnn_keras.training.truncated_bptt import TruncatedBPTT

# The others are traced in the same way, which takes most of the time.
CELLS = ["LSTM", pytest.param("SimpleRNN", marks=pytest.mark.slow), pytest.param("GRU", marks=pytest.mark.slow)]
OTHER_NETWORKS = ["nested", *(pytest.param(name, marks=pytest.mark.slow) for name in ("sequential", "cells", "maps"))]


def build_network(cell, library=rnn_keras.layers, units=4):
    keras.utils.set_random_seed(1)
    steps = keras.Input((None, 2), name="steps")
    x = getattr(library, cell)(units, return_sequences=True)(steps)
    return keras.Model(steps, keras.layers.Dense(1)(x), name="stream_network")


def make_sequences(lengths, seed=0):
    generator = np.random.default_rng(seed)
    sequences = [generator.normal(size=(length, 2)).astype("float32") for length in lengths]
    return sequences, [sequence.cumsum(axis=0)[:, :1] for sequence in sequences]


@pytest.mark.parametrize(
    "library", [rnn_keras.layers, pytest.param(keras.layers, marks=pytest.mark.slow)], ids=["ours", "keras"]
)
@pytest.mark.parametrize("cell", CELLS)
def test_where_a_window_covers_the_sequence_it_is_full_bptt(cell, library):
    sequences, targets = make_sequences([9, 5, 7])
    full, truncated = build_network(cell, library), TruncatedBPTT(9)
    stateful = truncated.make_model(full, 3)
    batches = truncated.make_batches(sequences, targets, 3, shuffle=False)
    assert batches.number_of_batches == 1
    steps, _, wanted, weights = batches.batch(batches.plan(0)[0])
    for model in (full, stateful):
        model.compile(keras.optimizers.SGD(0.1), "mse")
    full.train_on_batch(steps, wanted, sample_weight=weights)
    stateful.fit(batches.dataset(), shuffle=False, verbose=0)

    for one, other in zip(full.get_weights(), stateful.trainable_variables, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_the_state_reaches_the_next_window_and_the_gradient_does_not(cell):
    """One step on the second of two windows against a gradient that stops at the border, by TensorFlow's loop."""
    (sequence,), (target,) = make_sequences([10])
    network = build_network(cell)
    layer, readout = network.layers[1], network.layers[2]
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
    model = truncated.make_model(network, 1)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    first, second = list(truncated.make_batches([sequence], [target], 1).dataset())
    model.train_on_batch(first[0], first[1], first[2])
    model.optimizer.learning_rate.assign(1.0)
    before = [weight.numpy() for weight in model.trainable_variables]
    model.train_on_batch(second[0], second[1], second[2])

    for old, new, gradient in zip(before, model.trainable_variables, expected, strict=False):
        np.testing.assert_allclose(old - new, gradient, atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_a_row_begins_its_next_sequence_from_zeros_while_others_continue(cell):
    lengths = [13, 4, 6, 2, 5]
    sequences, targets = make_sequences(lengths)
    network, truncated = build_network(cell), TruncatedBPTT(4)
    model = truncated.make_model(network, 2)
    model.compile("sgd", "mse")
    batches = truncated.make_batches(sequences, targets, 2, seed=3)
    found, resets = {}, []
    for inputs, _, weights in batches.dataset():
        outputs = model(inputs, training=False).numpy()
        resets.append(inputs["continues"].numpy())
        for row in range(2):
            first = inputs["steps"][row, 0].numpy()
            number = next((n for n, s in enumerate(sequences) if (s == first).all(axis=1).any()), None)
            if number is not None and weights[row, 0]:
                found.setdefault(number, []).append(outputs[row, : int(weights[row].numpy().sum())])

    assert any(set(row) == {0.0, 1.0} for row in resets)  # one row begins a sequence while the other continues one
    for number, sequence in enumerate(sequences):
        np.testing.assert_allclose(np.concatenate(found[number]), network(sequence[np.newaxis])[0], atol=1e-5)
    assert sum(len(np.concatenate(parts)) for parts in found.values()) == sum(lengths)


def build_other_networks():
    """By name: networks that are more than one of our layers in a functional model, and a sequence for each."""
    keras.utils.set_random_seed(1)
    steps, vectors = keras.Input((None, 2), name="steps"), np.random.default_rng(0).normal(size=(8, 2))
    innermost = keras.Sequential([keras.Input((None, 2)), rnn_keras.layers.LSTM(3, return_sequences=True)])
    inner_steps = keras.Input((None, 2))
    inner = keras.Model(inner_steps, keras.layers.Dense(2)(innermost(inner_steps)))
    cells = keras.layers.RNN([keras.layers.LSTMCell(3), rnn_keras.layers.GRUCell(2)], return_sequences=True)
    rows = keras.Input((None, 4, 2), name="rows")
    maps = keras.layers.ConvLSTM1D(2, 3, padding="same", return_sequences=True)
    return {
        "sequential": (keras.Sequential([steps, keras.layers.GRU(3, return_sequences=True)]), vectors),
        "nested": (keras.Model(steps, rnn_keras.layers.GRU(3, return_sequences=True)(inner(steps))), vectors),
        "cells": (keras.Model({"steps": steps}, cells(steps)), vectors),
        "maps": (keras.Model(rows, maps(rows)), np.random.default_rng(0).normal(size=(8, 4, 2))),
    }


@pytest.mark.parametrize("name", OTHER_NETWORKS)
def test_other_networks_keep_their_state_too(name):
    network, sequence = build_other_networks()[name]
    truncated = TruncatedBPTT(4)
    model = truncated.make_model(network, 2)
    batches = truncated.make_batches([sequence, -sequence] * 2, [sequence] * 4, 2, shuffle=False)
    found = []
    for inputs, *_ in batches.dataset():
        found.append(model(inputs, training=False).numpy())

    # Each row has two sequences of two windows.
    for first, second in (found[:2], found[2:]):
        both = np.stack([sequence, -sequence])
        inputs = [{"steps": x[np.newaxis]} if name == "cells" else x[np.newaxis] for x in both]
        expected = [network(x).numpy()[0] for x in inputs]
        for row in range(2):
            outputs = np.concatenate([first[row], second[row]])
            assert any(np.allclose(outputs, one, atol=1e-5) for one in expected)


def test_each_step_comes_once_in_each_epoch_in_another_order():
    sequences = [np.arange(start, start + length) for start, length in ((0, 7), (10, 3), (20, 12), (40, 1), (50, 5))]
    batches = TruncatedBPTT(3).make_batches(sequences, sequences, 2, seed=1)
    orders = []
    for epoch in range(4):
        parts = [batches.batch(indices) for indices in batches.plan(epoch)]
        seen = np.concatenate([steps[weights > 0] for steps, _, _, weights in parts])
        assert sorted(seen) == sorted(np.concatenate(sequences))
        orders.append(tuple(seen))
        assert all((targets == steps).all() for steps, _, targets, _ in parts)
    assert len(set(orders)) > 1
    assert [len(part) for part in split_stream(np.arange(11), 3)] == [4, 4, 3]


@pytest.mark.slow
def test_plain_fit_learns_what_only_the_kept_state_can_tell():
    """The target of every step is the sign of the first one, windows ago."""
    generator = np.random.default_rng(2)
    sequences, targets = make_sequences([16] * 16)
    for sequence, target in zip(sequences, targets, strict=True):
        sequence[:] *= 0.1
        sequence[0, 0] = generator.choice([-1, 1])
        target[:] = sequence[0, 0]
    truncated = TruncatedBPTT(4)
    model = truncated.make_model(build_network("GRU", units=8), 8)
    model.compile(keras.optimizers.Adam(0.05), "mse")
    batches = truncated.make_batches(sequences, targets, 8)
    model.fit(batches.dataset(), epochs=15, shuffle=False, verbose=0)

    assert model.evaluate(batches.dataset(), verbose=0) < 0.1
    assert make_stateless(model)(sequences[0][np.newaxis]).shape == (1, 16, 1)


@pytest.mark.slow
def test_the_example_in_the_docstring():
    found = doctest.testmod(truncated_bptt)
    assert found.attempted and not found.failed


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak of memory from /proc")
def test_memory_does_not_grow_with_the_stream():
    truncated = TruncatedBPTT(50)
    model = truncated.make_model(build_network("LSTM", units=64), 4)
    model.compile("sgd", "mse")
    train_step, traces = model.train_step, []
    model.train_step = lambda batch: (traces.append(batch), train_step(batch))[1]

    def train(length):
        sequences, targets = make_sequences([length] * 4)
        model.fit(truncated.make_batches(sequences, targets, 4).dataset(), shuffle=False, verbose=0)
        return sum(part.nbytes for part in sequences + targets)

    train(500)
    # Else what earlier tests needed, and what the allocator keeps, would hide what this one needs.
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as counters:
        counters.write("5")  # sets the peak to what is used now
    before = peak_memory()
    data = train(10_000)
    # Full backpropagation would keep 4 rows x 10,000 steps x (4 gates + 2 states) x 64 units x 4 bytes = 61 MB of gates
    # alone; what is left is the stream itself, and what any call of `fit` needs.
    assert len(traces) == 1
    assert peak_memory() - before < data + 20 * 2**20


def peak_memory():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def test_mistakes_are_sentences():
    steps = keras.Input((None, 2))
    both = keras.Model(steps, keras.layers.Bidirectional(keras.layers.GRU(2, return_sequences=True))(steps))
    none = keras.Model(steps, keras.layers.Dense(1)(steps), name="none")
    last = keras.Model(steps, keras.layers.GRU(2)(steps), name="last")
    two = keras.Model([steps, keras.Input((None, 1))], keras.layers.GRU(2, return_sequences=True)(steps))
    for call, sentence in (
        (lambda: TruncatedBPTT(0), "window must be at least 1, got 0"),
        (lambda: TruncatedBPTT(4).make_model(both, 2), "reads backward"),
        (lambda: TruncatedBPTT(4).make_model(none, 2), "'none' has no recurrent layer"),
        (lambda: TruncatedBPTT(4).make_model(last, 2), "'last' has an output of shape .* need return_sequences=True"),
        (lambda: TruncatedBPTT(4).make_model(two, 2), "one input, got 2"),
        (lambda: TruncatedBPTT(4).make_batches([], [], 2), "at least one sequence"),
        (lambda: TruncatedBPTT(4).make_batches(*make_sequences([3]), 0), "batch_size must be at least 1"),
        (lambda: split_stream(np.zeros(3), 4), "cannot be split into 4 sequences"),
    ):
        with pytest.raises(ValueError, match=sentence):
            call()
