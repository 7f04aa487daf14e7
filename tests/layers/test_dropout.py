"""Dropout of the inputs and of the recurrent state: where it acts, how often, and when the dropout masks change."""

import keras
import numpy as np
import pytest

from tests.helpers.layer_cases import (
    FAMILIES,
    GATES,
    STATES,
    VARIANT_AXIS,
    VARIANT_IDS,
    VARIANTS,
    assert_all_close,
    built_pair,
    combinations,
    ours,
)

BATCH, TIME, UNITS = 64, 5, 16
RATE = 0.4


def linear_layer(family, extra=None, **kwargs):
    """A layer with linear activations whose output is the candidate, so that outputs show the dropout masks.

    With linear gates the biases alone open or close them: LSTM h' = x W_g + h U_g, and the same for a GRU with z = 0
    and r = 1.
    """
    gates = {} if family == "SimpleRNN" else {"recurrent_activation": "linear"}
    layer = ours(family)(UNITS, activation="linear", return_sequences=True, **gates, **kwargs, **(extra or {}))
    layer.build((None, None, UNITS))
    return layer


def set_candidate(layer, family, kernel, recurrent):
    columns = {"SimpleRNN": slice(0, None), "LSTM": slice(2 * UNITS, 3 * UNITS), "GRU": slice(2 * UNITS, None)}[family]
    weights = [np.zeros(w.shape, "float32") for w in layer.get_weights()]
    weights[0][:, columns] = kernel
    weights[1][:, columns] = recurrent
    if family == "LSTM":
        weights[2][:UNITS] = 1.0
        weights[2][3 * UNITS :] = 1.0
    if family == "GRU":
        first_row = weights[2] if weights[2].ndim == 1 else weights[2][0]
        first_row[UNITS : 2 * UNITS] = 1.0
    layer.set_weights(weights)
    return layer


def assert_rate(dropped, rate):
    """The share of dropped elements is within five standard deviations of the rate."""
    deviation = np.sqrt(rate * (1 - rate) / dropped.size)
    assert abs(dropped.mean() - rate) < 5 * deviation


@pytest.mark.parametrize(
    ("family", "extra", "implementation"),
    combinations(VARIANT_AXIS, [1, 2], fast=("SimpleRNN-2", "LSTM-1", "GRU-after-2", "GRU-before-1")),
)
def test_input_dropout_has_one_dropout_mask_for_all_steps(family, extra, implementation):
    extra = extra if family == "SimpleRNN" else {**extra, "implementation": implementation}
    layer = set_candidate(linear_layer(family, extra, dropout=RATE), family, np.eye(UNITS), 0.0)
    x = np.ones((BATCH, TIME, UNITS), "float32")
    out = layer(x, training=True).numpy()
    # Kept elements are scaled up by 1 / (1 - rate), dropped ones are zero, and all steps agree.
    kept = out[:, 0] > 0.5
    np.testing.assert_allclose(out[:, 0], np.where(kept, 1.0 / (1.0 - RATE), 0.0), rtol=1e-5)
    np.testing.assert_array_equal(out, np.repeat(out[:, :1], TIME, axis=1))
    assert_rate(~kept, RATE)
    # Rows have masks of their own, and so do calls.
    assert len({row.tobytes() for row in kept}) > BATCH // 2
    assert not np.array_equal(out, layer(x, training=True).numpy())
    for inference in (layer(x), layer(x, training=False)):
        np.testing.assert_allclose(inference, x, rtol=1e-6)


@pytest.mark.parametrize(("family", "extra"), VARIANTS, ids=VARIANT_IDS)
def test_recurrent_dropout_has_one_dropout_mask_for_all_steps(family, extra):
    layer = set_candidate(linear_layer(family, extra, recurrent_dropout=RATE), family, 0.0, np.eye(UNITS))
    states = [np.ones((BATCH, UNITS), "float32") for _ in range(STATES[family])]
    x = np.zeros((BATCH, TIME, UNITS), "float32")
    out = layer(x, initial_state=states, training=True).numpy()
    # h_t = (mask / (1 - rate)) ** t: with a mask per step, hardly an element would survive all of them.
    kept = out[:, 0] > 0.5
    growth = (1.0 / (1.0 - RATE)) ** np.arange(1, TIME + 1)
    np.testing.assert_allclose(out, kept[:, None, :] * growth[None, :, None], rtol=1e-4)
    assert_rate(~kept, RATE)
    assert not np.array_equal(out, layer(x, initial_state=states, training=True).numpy())
    np.testing.assert_allclose(layer(x, initial_state=states, training=False), np.ones_like(out), rtol=1e-6)


@pytest.mark.parametrize("family", ["LSTM", "GRU"])
def test_recurrent_dropout_has_a_dropout_mask_per_gate(family):
    """The gates must not lose the same elements: a kernel that feeds two gates alike tells them apart."""
    layer = linear_layer(family, recurrent_dropout=RATE, use_bias=False)
    gates = GATES[family]
    layer.set_weights([np.zeros((UNITS, gates * UNITS)), np.tile(np.eye(UNITS), gates)])
    states = [np.ones((BATCH, UNITS), "float32") for _ in range(STATES[family])]
    x = np.zeros((BATCH, 1, UNITS), "float32")
    out = layer(x, initial_state=states, training=True).numpy()[:, 0]
    # Each gate is 0 or s = 1 / (1 - rate). LSTM: h' = o (f + i g); GRU: h' = z + (1 - z) r g.
    s = 1.0 / (1.0 - RATE)
    values = {"LSTM": [0.0, s * s, s**3, s * (s + s * s)], "GRU": [0.0, s, s * s, s + (1.0 - s) * s * s]}[family]
    distance = np.abs(out[..., None] - np.array(values))
    assert distance.min(axis=-1).max() < 1e-4
    assert len(np.unique(distance.argmin(axis=-1))) == len(values)


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("LSTM",)))
def test_seed(family):
    """Layers of the same seed drop the same elements call after call, of another seed others."""
    x = np.random.default_rng(0).normal(size=(4, TIME, UNITS)).astype("float32")

    def calls(seed):
        layer = ours(family)(UNITS, dropout=0.3, recurrent_dropout=0.3, seed=seed)
        layer.build(x.shape)
        layer.set_weights([np.full(w.shape, 0.1) for w in layer.get_weights()])
        return [layer(x, training=True).numpy() for _ in range(2)]

    first, again, other = calls(5), calls(5), calls(6)
    assert_all_close(first, again, atol=0.0)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], other[0])


RATES = {f"{first}-{second}": ((first, second),) for first, second in [(0.4, 0), (0, 0.4), (0.3, 0.5), (0, 1), (1, 0)]}


@pytest.mark.parametrize(
    ("family", "extra", "rates"),
    combinations(
        VARIANT_AXIS,
        RATES,
        fast=(
            *(f"SimpleRNN-{rates}" for rates in ("0.3-0.5", "0-1", "1-0")),
            *("LSTM-0.3-0.5", "GRU-before-1-0"),
        ),
    ),
)
def test_same_dropout_masks_in_the_same_places_as_keras(family, extra, rates):
    """Both draw from the same seed in the same order, so that even training outputs agree."""
    mine, other = built_pair(
        family,
        (4, TIME, 3),
        units=3,
        dropout=rates[0],
        recurrent_dropout=rates[1],
        seed=13,
        return_sequences=True,
        **extra,
    )
    x = np.random.default_rng(1).normal(size=(4, TIME, 3)).astype("float32")
    for training in (True, False):
        np.testing.assert_allclose(mine(x, training=training), other(x, training=training), rtol=1e-5, atol=1e-5)
    if rates[0] + rates[1] < 1.0:
        assert not np.allclose(mine(x, training=True), mine(x, training=False), atol=1e-3)


def test_stacked_cells_have_one_dropout_mask_for_all_steps():
    """keras.layers.RNN draws the dropout masks of our cells once per sequence, outside of its loop."""
    cells = [ours("SimpleRNNCell")(UNITS, activation="linear", use_bias=False, dropout=RATE) for _ in range(2)]
    layer = keras.layers.RNN(keras.layers.StackedRNNCells(cells), return_sequences=True)
    layer.build((None, None, UNITS))
    layer.set_weights([np.eye(UNITS), np.zeros((UNITS, UNITS))] * 2)
    out = layer(np.ones((BATCH, TIME, UNITS), "float32"), training=True).numpy()
    np.testing.assert_array_equal(out, np.repeat(out[:, :1], TIME, axis=1))
    # An element survives only if neither dropout mask drops it.
    assert_rate(out[:, 0] == 0.0, 1.0 - (1.0 - RATE) ** 2)


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("SimpleRNN",)))
def test_dropout_in_a_graph(family):
    """A traced training step draws new dropout masks in every call."""
    tokens = keras.Input((TIME, UNITS))
    model = keras.Model(tokens, ours(family)(UNITS, dropout=0.5, recurrent_dropout=0.5)(tokens))
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse")
    x = np.ones((8, TIME, UNITS), "float32")
    losses = [model.train_on_batch(x, np.zeros((8, UNITS), "float32")) for _ in range(3)]
    assert len({float(loss) for loss in losses}) == 3


def test_cudnn_gets_a_new_dropout_mask_for_every_batch():
    """No GPU needed: a layer whose `run_cudnn` returns its inputs shows what reaches the kernel."""

    class OnFakeGPU(ours("LSTM")):
        def run_cudnn(self, sequences, states, mask):
            return sequences[:, -1], sequences, states

    layer = OnFakeGPU(5, dropout=0.5, return_sequences=True, seed=1)
    first = keras.ops.convert_to_numpy(layer(np.ones((40, 3, 5), "float32"), training=True))
    second = keras.ops.convert_to_numpy(layer(np.ones((60, 3, 5), "float32"), training=True))

    assert (first == first[:, :1]).all() and set(np.unique(first)) == {0.0, 2.0}
    assert second.shape == (60, 3, 5) and (second[:40] != first).any()
