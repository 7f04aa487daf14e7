"""Properties for random shapes and masks: ours equals Keras, and a mask does what its documentation says."""

import numpy as np
import pytest
from hypothesis import strategies as st

from tests.helpers import oracle
from tests.helpers.layer_cases import (
    FAMILIES,
    VARIANTS,
    assert_all_close,
    built_pair,
    numpy_list,
    ours,
    property_test,
    randomize,
)

FEW, MANY = 4, 25
# Few pairs of (features, units), since each needs a graph of its own.
WIDTHS = [(1, 1), (4, 3)]


@st.composite
def masks(draw, batch, time):
    """Rows of any pattern, and often of the patterns that real data has: padded left or right, empty, full."""
    row = st.one_of(
        st.lists(st.booleans(), min_size=time, max_size=time),
        st.integers(0, time).map(lambda n: [True] * n + [False] * (time - n)),
        st.integers(0, time).map(lambda n: [False] * n + [True] * (time - n)),
    )
    rows = draw(st.lists(row, min_size=batch, max_size=batch))
    return np.array(rows, dtype=bool).reshape(batch, time)


@st.composite
def problems(draw):
    batch, time = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    features, units = draw(st.sampled_from(WIDTHS))
    x = np.random.default_rng(draw(st.integers(0, 99))).normal(size=(batch, time, features)).astype("float32")
    mask = draw(st.one_of(st.none(), masks(batch, time)))
    return x, mask, units


@property_test(FEW, MANY, problem=problems(), variant=st.sampled_from(VARIANTS), flags=st.tuples(*[st.booleans()] * 3))
def test_equals_keras(problem, variant, flags):
    """Also with a row in which every step is masked."""
    x, mask, units = problem
    family, extra = variant
    kwargs = {"go_backwards": flags[0], "zero_output_for_mask": flags[1], "return_sequences": flags[2]}
    mine, other = built_pair(family, x.shape, units=units, return_state=True, **kwargs, **extra)
    assert_all_close(numpy_list(mine(x, mask=mask)), numpy_list(other(x, mask=mask)))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_an_empty_batch(family, masked):
    """On which keras.layers fail with some widths and masks."""
    x = np.zeros((0, 5, 4), "float32")
    outputs, *states = layer_for(family, x, 3)(x, mask=np.zeros((0, 5), bool) if masked else None)
    assert outputs.shape == (0, 5, 3)
    assert {state.shape for state in states} == {(0, 3)}


def layer_for(family, x, units, **kwargs):
    layer = ours(family)(units, return_sequences=True, return_state=True, **kwargs)
    layer.build(x.shape)
    randomize(layer, seed=1)
    return layer


@property_test(FEW, MANY, problem=problems(), family=st.sampled_from(FAMILIES), data=st.data())
def test_masked_inputs_have_no_effect(problem, family, data):
    """Whatever the input at a masked step, also a very large one, the outputs and the states are the same."""
    x, mask, units = problem
    if mask is None:
        mask = data.draw(masks(*x.shape[:2]))
    layer = layer_for(family, x, units)
    disturbed = np.where(mask[..., None], x, np.float32(1e6))
    assert_all_close(numpy_list(layer(disturbed, mask=mask)), numpy_list(layer(x, mask=mask)), atol=0.0)


@property_test(FEW, MANY, problem=problems(), family=st.sampled_from(FAMILIES), backwards=st.booleans())
def test_a_mask_equals_omitting_the_steps(problem, family, backwards):
    """The final state of a masked row is that of the shorter sequence without its masked steps."""
    x, mask, units = problem
    if mask is None:
        mask = np.ones(x.shape[:2], dtype=bool)
    layer = layer_for(family, x, units, go_backwards=backwards)
    _, *states = numpy_list(layer(x, mask=mask))
    for row in range(len(x)):
        kept = x[row][mask[row]][None]
        if kept.shape[1]:
            _, *alone = numpy_list(layer(kept))
        else:
            alone = [np.zeros((1, units), "float32") for _ in states]
        assert_all_close([s[row] for s in states], [a[0] for a in alone])


@property_test(FEW, MANY, problem=problems(), family=st.sampled_from(FAMILIES))
def test_rows_are_independent(problem, family):
    x, mask, units = problem
    layer = layer_for(family, x, units)
    outputs = numpy_list(layer(x, mask=mask))
    order = np.arange(len(x))[::-1]
    reordered = numpy_list(layer(x[order], mask=None if mask is None else mask[order]))
    assert_all_close([output[order] for output in outputs], reordered)


@property_test(FEW, MANY, problem=problems(), family=st.sampled_from(FAMILIES))
def test_backwards_is_forwards_on_the_reversed_sequence(problem, family):
    x, mask, units = problem
    forwards = layer_for(family, x, units)
    backwards = layer_for(family, x, units, go_backwards=True)
    flipped = None if mask is None else mask[:, ::-1]
    assert_all_close(
        numpy_list(backwards(x, mask=mask)), numpy_list(forwards(x[:, ::-1].copy(), mask=flipped)), atol=1e-6
    )


@property_test(FEW, MANY, problem=problems(), family=st.sampled_from(FAMILIES), split=st.integers(1, 4))
def test_two_calls_equal_one(problem, family, split):
    """A sequence in two parts, the second with the states of the first, gives the results of the whole sequence."""
    x, mask, units = problem
    x = np.concatenate([x, x[:, :1]], axis=1)
    mask = None if mask is None else np.concatenate([mask, ~mask[:, :1]], axis=1)
    split = min(split, x.shape[1] - 1)
    layer = layer_for(family, x, units, zero_output_for_mask=True)
    first_mask, second_mask = (None, None) if mask is None else (mask[:, :split], mask[:, split:])
    first, *states = layer(x[:, :split], mask=first_mask)
    second, *last = layer(x[:, split:], mask=second_mask, initial_state=states)
    expected = numpy_list(layer(x, mask=mask))
    assert_all_close([np.concatenate([first, second], axis=1), *map(np.asarray, last)], expected)


@property_test(FEW, MANY, problem=problems(), family=st.sampled_from(FAMILIES))
def test_equals_the_equations(problem, family):
    x, mask, units = problem
    layer = layer_for(family, x, units)
    outputs, states = oracle.run(family, x, layer.get_weights(), mask=mask)
    assert_all_close(numpy_list(layer(x, mask=mask)), [outputs, *states])
