"""Helpers shared by the tests of the layers: pairs of layers with the same weights, and calls with gradients."""

import inspect
import itertools
import random
import subprocess
import sys

import hypothesis
import keras
import numpy as np
import pytest
import tensorflow as tf

import rnn_keras.layers
from tests.helpers import oracle
from tests.helpers.environment import make_environment

FAMILIES = ("SimpleRNN", "LSTM", "GRU")
CELLS = ("SimpleRNNCell", "LSTMCell", "GRUCell")
# The GRU appears twice because `reset_after` changes its equations and the shape of its bias.
VARIANTS = (("SimpleRNN", {}), ("LSTM", {}), ("GRU", {"reset_after": True}), ("GRU", {"reset_after": False}))
VARIANT_IDS = ("SimpleRNN", "LSTM", "GRU-after", "GRU-before")
STATES = oracle.STATES
GATES = oracle.GATES


VARIANT_AXIS = dict(zip(VARIANT_IDS, VARIANTS, strict=True))


def combinations(*axes, fast):
    """Cases for pytest.mark.parametrize: all combinations of the axes' values; all but those in `fast` are slow.

    Args:
        axes: lists of values, or dicts of tuples of values by their id, such as `VARIANT_AXIS`.
        fast: ids, such as "LSTM-True", which are the axes' joined by hyphens.
    """
    axes = [axis if isinstance(axis, dict) else {str(value): (value,) for value in axis} for axis in axes]
    cases = {}
    for parts in itertools.product(*(axis.items() for axis in axes)):
        cases["-".join(part_id for part_id, _ in parts)] = [value for _, values in parts for value in values]
    assert set(fast) <= set(cases), set(fast) - set(cases)
    return [
        pytest.param(*values, id=case_id, marks=() if case_id in fast else pytest.mark.slow)
        for case_id, values in cases.items()
    ]


def property_test(few, many, **strategies):
    """A test that draws from hypothesis strategies: a few examples, and many in a case that is slow."""

    def decorate(check):
        @pytest.mark.parametrize("examples", [few, pytest.param(many, marks=pytest.mark.slow)])
        def test(examples):
            settings = hypothesis.settings(max_examples=examples, deadline=None, derandomize=True, database=None)
            settings(hypothesis.given(**strategies)(check))()

        test.__doc__ = check.__doc__
        return test

    return decorate


def ours(name):
    return getattr(rnn_keras.layers, name)


def theirs(name):
    return getattr(keras.layers, name)


def randomize(layer, seed):
    """Gives every weight, biases included, values of its own: initial zeros would hide a swapped gate or bias."""
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(0.0, 0.5, w.shape) for w in layer.get_weights()])


def built_pair(family, shape, weight_seed=0, **kwargs):
    """Our layer and the Keras layer of the same name, built for `shape`, with the same random weights."""
    mine, other = ours(family)(**kwargs), theirs(family)(**kwargs)
    other.build(shape)
    randomize(other, weight_seed)
    mine.build(shape)
    mine.set_weights(other.get_weights())
    return mine, other


def as_list(outputs):
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def numpy_list(outputs):
    return [keras.ops.convert_to_numpy(o) for o in as_list(outputs)]


def call_with_gradients(layer, x, states=None, *, weights=None, mode="eager", **call_kwargs):
    """Outputs of `layer` and the gradients of a weighted sum of them.

    The weights of the sum are fixed random numbers, so that an error in one element cannot cancel another's. The
    gradients are for the input, then the initial states, then the trainable weights.
    """
    x = tf.convert_to_tensor(x)
    states = [tf.convert_to_tensor(s) for s in states] if states is not None else []
    variables = [w.value for w in (layer.trainable_weights if weights is None else weights)]

    def compute(x, *states):
        kwargs = dict(call_kwargs)
        if states:
            kwargs["initial_state"] = list(states)
        with tf.GradientTape() as tape:
            watched = [t for t in (x, *states) if t.dtype.is_floating]
            tape.watch(watched)
            outputs = as_list(layer(x, **kwargs))
            rng = np.random.default_rng(99)
            loss = tf.add_n([tf.reduce_sum(o * tf.constant(rng.normal(size=o.shape), o.dtype)) for o in outputs])
        gradients = tape.gradient(loss, [*watched, *variables], unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return outputs, [tf.convert_to_tensor(g) for g in gradients]

    if mode != "eager":
        compute = tf.function(compute, jit_compile=mode == "xla", autograph=False)
    outputs, gradients = compute(x, *states)
    return [o.numpy() for o in outputs], [g.numpy() for g in gradients]


def assert_all_close(actual, desired, atol=1e-5, what=""):
    assert len(actual) == len(desired), f"{what}: {len(actual)} tensors, expected {len(desired)}"
    for number, (a, d) in enumerate(zip(actual, desired, strict=True)):
        a, d = np.asarray(a), np.asarray(d)
        assert a.shape == d.shape, f"{what} {number}: shape {a.shape}, expected {d.shape}"
        np.testing.assert_allclose(a, d, rtol=atol, atol=atol, err_msg=f"{what} {number}")


def assert_same_behaviour(mine, other, x, states=None, *, atol=1e-5, what="", mode="eager", **call_kwargs):
    """Outputs, states and gradients of two layers agree."""
    out_mine, grad_mine = call_with_gradients(mine, x, states, mode=mode, **call_kwargs)
    out_other, grad_other = call_with_gradients(other, x, states, mode=mode, **call_kwargs)
    assert_all_close(out_mine, out_other, atol, f"{what} output")
    assert_all_close(grad_mine, grad_other, atol, f"{what} gradient")


def make_mask(kind, batch, time, seed=0):
    """Masks of shape (batch, time), True where a step counts."""
    if kind == "none":
        return None
    steps = np.arange(time)[None, :]
    lengths = 1 + np.arange(batch)[:, None] % time
    if kind == "right":
        return steps < lengths
    if kind == "left":
        return steps >= time - lengths
    mask = np.random.default_rng(seed).random((batch, time)) < 0.6
    if kind == "random":
        # A masked step before the first that counts and one after it, whatever was drawn.
        mask[0, :3] = [False, True, False]
        return mask
    if kind == "empty_row":
        mask[1 % batch] = False
        return mask
    raise ValueError(kind)


MASKS = ("none", "right", "left", "random", "empty_row")


def covering(options, strength, seed=0):
    """Rows (dicts) in which every combination of values of any `strength` options appears at least once.

    A greedy covering array: each row is the best of some random candidates that contain a combination which is still
    missing. Deterministic for a seed.
    """
    rng = random.Random(seed)
    names = sorted(options)
    missing = {
        tuple(zip(group, values, strict=True))
        for group in itertools.combinations(names, min(strength, len(names)))
        for values in itertools.product(*(options[n] for n in group))
    }
    rows = []
    while missing:
        best, best_covered = None, set()
        fixed = dict(min(missing, key=repr))
        for _ in range(150):
            row = {n: fixed[n] if n in fixed else rng.choice(options[n]) for n in names}
            covered = {
                key
                for group in itertools.combinations(names, min(strength, len(names)))
                if (key := tuple((n, row[n]) for n in group)) in missing
            }
            if len(covered) > len(best_covered):
                best, best_covered = row, covered
        rows.append(best)
        missing -= best_covered
    return rows


def run_python(code, *arguments, **environment):
    """The standard output of `code` in a new interpreter that finds the project."""
    done = subprocess.run(
        [sys.executable, "-c", inspect.cleandoc(code), *map(str, arguments)],
        env=make_environment(CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3", **environment),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
