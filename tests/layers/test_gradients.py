"""Gradients of every kind that TensorFlow has, against keras.layers: several tapes, functions, orders, forward mode."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import rnn_keras.layers
from rnn_keras.layers import fast_path
from rnn_keras.layers.bptt import passes
from tests.helpers.layer_cases import assert_all_close, combinations, ours, theirs

X = tf.constant(np.random.default_rng(0).standard_normal((3, 6, 4)), tf.float32)


def pair(family, units=5, **arguments):
    """Our layer and that of keras.layers, with the same weights."""
    mine, other = ours(family)(units, **arguments), theirs(family)(units, **arguments)
    mine.build(X.shape)
    other.build(X.shape)
    mine.set_weights(other.get_weights())
    return mine, other


def weights(layer):
    return [variable.value for variable in layer.trainable_variables]


def graph(function):
    return tf.function(function, autograph=False)


def losses(values):
    return tf.reduce_sum(values), tf.reduce_sum(values**2)


def persistent_in_a_graph(layer):
    @graph
    def step(x):
        with tf.GradientTape(persistent=True) as tape:
            first, second = losses(layer(x))
        return tape.gradient(first, weights(layer)), tape.gradient(second, weights(layer))

    return step(X)


def two_tapes_in_a_graph(layer):
    @graph
    def step(x):
        with tf.GradientTape() as one, tf.GradientTape() as other:
            one.watch(x)
            first, second = losses(layer(x))
        return one.gradient(first, [x, *weights(layer)]), other.gradient(second, weights(layer))

    return step(X)


def persistent_around_a_function(layer):
    call = graph(lambda x: layer(x))
    with tf.GradientTape(persistent=True) as tape:
        first, second = losses(call(X))
    return tape.gradient(first, weights(layer)), tape.gradient(second, weights(layer))


def persistent_and_asked_inside(layer):
    call = graph(lambda x: layer(x))
    with tf.GradientTape(persistent=True) as tape:
        first, second = losses(call(X))
        return tape.gradient(first, weights(layer)), tape.gradient(second, weights(layer))


def a_function_in_a_function(layer):
    inner = graph(lambda x: layer(x))
    outer = graph(lambda x: inner(x) ** 2)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(X)
        first, second = losses(outer(X))
    return tape.gradient(first, [X, *weights(layer)]), tape.gradient(second, [X, *weights(layer)])


def second_order(layer, x=X):
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            _, loss = losses(layer(x))
        slope = tf.reduce_sum(inner.gradient(loss, x) ** 2)
    return outer.gradient(slope, [x, *weights(layer)])


def second_order_in_a_graph(layer):
    return graph(lambda x: second_order(layer, x))(X)


def second_order_symbolic(layer):
    @graph
    def step(x):
        (slope,) = tf.gradients(losses(layer(x))[1], x)
        return tf.gradients(tf.reduce_sum(slope**2), [x, *weights(layer)])

    return step(X)


def third_order_in_a_graph(layer):
    @graph
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.add_n([tf.reduce_sum(tf.sin(gradient)) for gradient in second_order(layer, x)])
        return tape.gradient(total, [x, *weights(layer)])

    return step(X)


def gradient_penalty(layer):
    @graph
    def step(x):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(x)
                values = layer(x)
            slope = inner.gradient(values, x)
            loss = tf.reduce_mean(values) + tf.reduce_mean((tf.norm(slope, axis=-1) - 1) ** 2)
        return outer.gradient(loss, weights(layer))

    return step(X)


def forward_mode(layer):
    with tf.autodiff.ForwardAccumulator(X, tf.sin(X)) as accumulator:
        values = layer(X)
    return accumulator.jvp(values)


def forward_mode_of_a_weight(layer):
    kernel = layer.trainable_variables[0].value
    with tf.autodiff.ForwardAccumulator(kernel, tf.ones_like(kernel)) as accumulator:
        values = layer(X)
    return accumulator.jvp(values)


def forward_mode_of_a_function(layer):
    call = graph(lambda x: layer(x))
    with tf.autodiff.ForwardAccumulator(X, tf.sin(X)) as accumulator:
        values = call(X)
    return accumulator.jvp(values)


def forward_over_reverse(layer):
    with tf.autodiff.ForwardAccumulator(X, tf.sin(X)) as accumulator:
        with tf.GradientTape() as tape:
            tape.watch(X)
            _, loss = losses(layer(X))
        gradient = tape.gradient(loss, X)
    return accumulator.jvp(gradient)


def jacobian(layer):
    with tf.GradientTape() as tape:
        tape.watch(X)
        values = layer(X)
    return tape.jacobian(values, X)


def per_example(layer):
    @graph
    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x) ** 2, axis=-1)
        return tape.jacobian(loss, weights(layer))

    return step(X)


def per_example_by_vectorized_map(layer):
    def gradients(x):
        with tf.GradientTape() as tape:
            _, loss = losses(layer(x[tf.newaxis]))
        return tape.gradient(loss, weights(layer))

    return graph(lambda x: tf.vectorized_map(gradients, x))(X)


def in_a_loop(layer):
    @graph
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            _, total = tf.while_loop(
                lambda number, _: number < 3,
                lambda number, total: (number + 1, total + losses(layer(x * tf.cast(number + 1, x.dtype)))[1]),
                (0, tf.constant(0.0)),
            )
        return tape.gradient(total, [x, *weights(layer)])

    return step(X)


FAST = [persistent_in_a_graph, two_tapes_in_a_graph, persistent_around_a_function, gradient_penalty, forward_mode]
SLOW = [
    persistent_and_asked_inside,
    a_function_in_a_function,
    second_order,
    second_order_in_a_graph,
    second_order_symbolic,
    third_order_in_a_graph,
    forward_mode_of_a_weight,
    forward_mode_of_a_function,
    forward_over_reverse,
    jacobian,
    per_example,
    per_example_by_vectorized_map,
    in_a_loop,
]
KINDS = {kind.__name__: kind for kind in FAST + SLOW}
CASES = combinations(list(KINDS), ["SimpleRNN", "LSTM", "GRU"], fast=[f"{kind.__name__}-SimpleRNN" for kind in FAST])
# The gated families take turns: with either, the gradients are of several states or gates at once.
GATED = {name: ("LSTM", "GRU")[number % 2] for number, name in enumerate(KINDS)}
# Traced for seconds, so for the gated family alone.
LONG = (persistent_and_asked_inside, a_function_in_a_function, third_order_in_a_graph, per_example_by_vectorized_map)


def is_chosen(kind, family):
    return family == GATED[kind] or (family == "SimpleRNN" and KINDS[kind] not in LONG)


@pytest.mark.parametrize(("kind", "family"), [case for case in CASES if is_chosen(*map(str, case.values))])
def test_it_is_that_of_keras_layers(kind, family):
    mine, other = pair(family)
    actual, desired = KINDS[kind](mine), KINDS[kind](other)
    for one, another in zip(tf.nest.flatten(actual), tf.nest.flatten(desired), strict=True):
        scale = np.abs(another).max()  # third orders are sums of numbers far larger than most of them
        assert_all_close([one / scale], [another / scale], 2e-5)


@pytest.mark.slow
def test_no_gradient_is_missing_where_a_second_order_is_asked_for():
    """A second order that TensorFlow does not see would be None, or silently left out of a sum."""
    layer, _ = pair("LSTM")
    for gradients in (second_order(layer), second_order_in_a_graph(layer)):
        assert all(np.abs(gradient).max() > 0 for gradient in gradients)


def test_a_generator_and_a_discriminator():
    """Two models, two tapes, one step; each tape's loss passes through the other's model."""

    def gradients(library):
        keras.utils.set_random_seed(1)
        maker, judge = library.SimpleRNN(4, return_sequences=True), library.SimpleRNN(5)
        maker.build(X.shape)
        judge.build(X.shape)

        @graph
        def step(x):
            with tf.GradientTape() as of_maker, tf.GradientTape() as of_judge:
                made, real = tf.reduce_mean(judge(maker(x))), tf.reduce_mean(judge(x))
                loss_of_maker, loss_of_judge = -made, made - real
            return of_maker.gradient(loss_of_maker, weights(maker)), of_judge.gradient(loss_of_judge, weights(judge))

        return tf.nest.flatten(step(X))

    assert_all_close(gradients(rnn_keras.layers), gradients(keras.layers), 2e-5)


def test_forward_mode_inside_of_a_function_is_a_sentence():
    layer, _ = pair("SimpleRNN")

    def traced(x):
        with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
            values = layer(x)
        return accumulator.jvp(values)

    with pytest.raises(NotImplementedError, match="outside of the function"):
        graph(traced)(X)


@pytest.mark.parametrize("mode", ["eager", "graph", "16 bits", pytest.param("twice", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("family", "arguments"),
    [
        ("SimpleRNN", {}),
        pytest.param("LSTM", {}, marks=pytest.mark.slow),
        ("LSTM", {"activation": "relu"}),
        pytest.param("GRU", {}, marks=pytest.mark.slow),
        ("GRU", {"reset_after": False}),
        ("GRU", {"dropout": 0.2, "recurrent_dropout": 0.2}),
    ],
)
def test_what_a_masked_step_holds_reaches_no_gradient(family, arguments, mode, monkeypatch):
    if mode == "16 bits":
        monkeypatch.setattr(fast_path, "has_bfloat16_products", lambda: True)
        monkeypatch.setattr(passes, "BFLOAT16_FROM", 0)
        arguments = {**arguments, "dtype": "mixed_bfloat16"}
    layer, _ = pair(family, **arguments)
    holes, zeros = X.numpy(), X.numpy()
    holes[:, 4:], zeros[:, 4:] = np.nan, 0
    mask = np.arange(6) < np.full((3, 1), 4)

    def first(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            _, loss = losses(layer(x, mask=mask))
        return tape.gradient(loss, [x, *weights(layer)])

    def second(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            size = tf.add_n([tf.reduce_sum(gradient**2) for gradient in first(x)])
        return tape.gradient(size, [x, *weights(layer)])

    compute = second if mode == "twice" else first
    compute = compute if mode == "eager" else graph(compute)

    def gradients(x):
        keras.utils.set_random_seed(0)
        return compute(tf.constant(x))

    if "dropout" in arguments:
        assert all(np.isfinite(gradient).all() for gradient in gradients(holes))
    else:
        assert_all_close(gradients(holes), gradients(zeros))
