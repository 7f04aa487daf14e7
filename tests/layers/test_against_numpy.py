"""The layers against the equations in float64: outputs, states, and gradients by numerical differentiation."""

import numpy as np
import pytest

from tests.helpers import oracle
from tests.helpers.layer_cases import (
    MASKS,
    STATES,
    VARIANT_AXIS,
    VARIANT_IDS,
    VARIANTS,
    as_list,
    call_with_gradients,
    combinations,
    covering,
    make_mask,
    ours,
    randomize,
)

BATCH, TIME, FEATURES, UNITS = 3, 4, 3, 2


def layer_for(family, extra, **kwargs):
    """Our float64 layer with random weights; `implementation` is left out where the family has none."""
    if family == "SimpleRNN":
        kwargs.pop("implementation", None)
        kwargs.pop("recurrent_activation", None)
    layer = ours(family)(UNITS, dtype="float64", **extra, **kwargs)
    layer.build((None, None, FEATURES))
    randomize(layer, seed=3)
    return layer


def inputs(seed=5, batch=BATCH, time=TIME, features=FEATURES):
    return np.random.default_rng(seed).normal(size=(batch, time, features))


def random_states(family, seed=6, batch=BATCH, units=UNITS):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(batch, units)) for _ in range(STATES[family])]


@pytest.mark.parametrize(
    ("family", "extra", "mask_kind"),
    combinations(
        VARIANT_AXIS,
        MASKS,
        fast=("SimpleRNN-none", "SimpleRNN-empty_row", "LSTM-random", "GRU-after-right"),
    ),
)
def test_outputs_and_states(family, extra, mask_kind):
    x = inputs()
    mask = make_mask(mask_kind, BATCH, TIME)
    flags = {
        "use_bias": (False, True),
        "implementation": (2,) if family == "SimpleRNN" else (1, 2),
        "go_backwards": (False, True),
        "zero_output_for_mask": (False,) if mask is None else (False, True),
        "unroll": (False, True),
        "with_state": (False, True),
    }
    for row in covering(flags, strength=2):
        kwargs = dict(row)
        states = random_states(family) if kwargs.pop("with_state") else None
        if kwargs["zero_output_for_mask"] and kwargs["go_backwards"]:
            # Unrolled, Keras zeroes the wrong steps here; test_against_keras compares that.
            kwargs["unroll"] = False
        layer = layer_for(family, extra, return_sequences=True, return_state=True, **kwargs)
        outputs, *finals = layer(x, mask=mask, initial_state=states)
        expected, expected_finals = oracle.run(
            family,
            x,
            layer.get_weights(),
            mask=mask,
            initial_state=states,
            go_backwards=kwargs["go_backwards"],
            zero_output_for_mask=kwargs["zero_output_for_mask"],
            **extra,
        )
        assert outputs.dtype == np.float64
        np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-10, err_msg=str(row))
        assert len(finals) == len(expected_finals)
        for final, wanted in zip(finals, expected_finals, strict=True):
            np.testing.assert_allclose(final, wanted, rtol=0, atol=1e-10, err_msg=str(row))


FLAGS = [False, True]


@pytest.mark.parametrize(
    ("family", "extra", "return_sequences", "return_state"),
    combinations(
        VARIANT_AXIS,
        FLAGS,
        FLAGS,
        fast=(
            *(f"SimpleRNN-{sequences}-{state}" for sequences in FLAGS for state in FLAGS),
            *("LSTM-False-True", "GRU-after-True-True"),
        ),
    ),
)
def test_what_is_returned(family, extra, return_sequences, return_state):
    """The last output is the last of the sequence, and the states come after it in the order h, c."""
    x = inputs()
    mask = make_mask("right", BATCH, TIME)
    layer = layer_for(family, extra, return_sequences=return_sequences, return_state=return_state)
    returned = as_list(layer(x, mask=mask))
    sequence, states = oracle.run(family, x, layer.get_weights(), mask=mask, **extra)
    expected = [sequence if return_sequences else sequence[:, -1]]
    if return_state:
        expected += states
    assert len(returned) == len(expected)
    for actual, wanted in zip(returned, expected, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=0, atol=1e-10)


ACTIVATIONS = [("tanh", "hard_sigmoid"), ("relu", "sigmoid"), ("softsign", "linear"), ("linear", "hard_sigmoid")]


@pytest.mark.parametrize(
    ("family", "extra", "activation", "recurrent_activation"),
    combinations(
        VARIANT_AXIS,
        {f"{first}-{second}": (first, second) for first, second in ACTIVATIONS},
        fast=(
            *(f"SimpleRNN-{first}-{second}" for first, second in ACTIVATIONS),
            *("LSTM-tanh-hard_sigmoid", "GRU-after-relu-sigmoid", "GRU-before-softsign-linear"),
        ),
    ),
)
def test_activations(family, extra, activation, recurrent_activation):
    x = inputs()
    for implementation in (1, 2):
        layer = layer_for(
            family,
            extra,
            activation=activation,
            recurrent_activation=recurrent_activation,
            implementation=implementation,
            return_sequences=True,
        )
        expected, _ = oracle.run(
            family,
            x,
            layer.get_weights(),
            activation=activation,
            recurrent_activation=recurrent_activation,
            **extra,
        )
        np.testing.assert_allclose(layer(x), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("family", "extra"), VARIANTS, ids=VARIANT_IDS)
def test_no_activation_is_the_identity(family, extra):
    x = inputs() * 0.1
    layer = layer_for(family, extra, activation=None, recurrent_activation=None, return_sequences=True)
    expected, _ = oracle.run(
        family, x, layer.get_weights(), activation="linear", recurrent_activation="linear", **extra
    )
    np.testing.assert_allclose(layer(x), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("family", "extra", "backwards", "mask_kind"),
    combinations(
        VARIANT_AXIS,
        [False, True],
        ["none", "random"],
        fast=("LSTM-True-random", "GRU-after-False-none"),
    ),
)
def test_gradients_by_differences(family, extra, backwards, mask_kind):
    """Every element of the input, the initial states and the weights, against central differences of the oracle."""
    batch, time, features = 2, 4, 2
    x = inputs(seed=8, batch=batch, time=time, features=features)
    states = random_states(family, seed=9, batch=batch)
    mask = make_mask(mask_kind, batch, time)
    layer = ours(family)(
        UNITS,
        dtype="float64",
        return_sequences=True,
        return_state=True,
        go_backwards=backwards,
        **extra,
    )
    layer.build((None, None, features))
    randomize(layer, seed=11)
    outputs, gradients = call_with_gradients(layer, x, states, mask=mask)

    rng = np.random.default_rng(99)
    cotangents = [rng.normal(size=o.shape) for o in outputs]
    arguments = [x, *states, *layer.get_weights()]
    assert len(gradients) == len(arguments)

    def loss(values):
        sequence, finals = oracle.run(
            family,
            values[0],
            values[1 + len(states) :],
            mask=mask,
            initial_state=values[1 : 1 + len(states)],
            go_backwards=backwards,
            **extra,
        )
        return sum(np.sum(o * c) for o, c in zip([sequence, *finals], cotangents, strict=True))

    for number, gradient in enumerate(gradients):
        expected = oracle.numerical_gradient(
            lambda v, number=number: loss([*arguments[:number], v, *arguments[number + 1 :]]),
            arguments[number],
        )
        np.testing.assert_allclose(gradient, expected, rtol=1e-7, atol=1e-8, err_msg=f"argument {number}")


@pytest.mark.parametrize(("family", "extra"), VARIANTS, ids=VARIANT_IDS)
def test_cell_is_one_step(family, extra):
    """A cell called step by step computes what the equations say."""
    x = inputs()
    cell = ours(family + "Cell")(UNITS, dtype="float64", **extra)
    cell.build((None, FEATURES))
    randomize(cell, seed=4)
    states = random_states(family)
    mine = [s.copy() for s in states]
    for t in range(TIME):
        states = oracle.STEPS[family](x[:, t], states, cell.get_weights(), **extra)
        output, mine = cell(x[:, t], mine)
        assert len(mine) == len(states)
        np.testing.assert_allclose(output, states[0], rtol=0, atol=1e-10)
        for actual, wanted in zip(mine, states, strict=True):
            np.testing.assert_allclose(actual, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("family", combinations(["SimpleRNN", "LSTM", "GRU"], fast=("LSTM",)))
def test_large_preactivations_stay_finite(family):
    """With saturated gates a hand-written sigmoid or exponential may overflow."""
    layer = ours(family)(UNITS, return_sequences=True)
    layer.build((None, None, FEATURES))
    randomize(layer, seed=2)
    x = (1e4 * inputs()).astype("float32")
    outputs, gradients = call_with_gradients(layer, x)
    expected, _ = oracle.run(family, x, layer.get_weights())
    np.testing.assert_allclose(outputs[0], expected, rtol=0, atol=1e-5)
    assert all(np.isfinite(g).all() for g in gradients)
