"""Hand-written backpropagation through time: when layers use it, and that its results are right."""

import contextlib
import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st
from tensorflow.core.protobuf import saved_model_pb2

import rnn_keras.layers
from rnn_keras.layers import fast_path
from rnn_keras.layers.bptt import block, blocking, passes, portable
from rnn_keras.layers.bptt.gru import GRUEquations
from rnn_keras.layers.bptt.passes import Blocks, Options
from rnn_keras.layers.bptt.products import bfloat16_product
from tests.helpers import oracle
from tests.helpers.layer_cases import (
    FAMILIES,
    STATES,
    VARIANT_AXIS,
    VARIANT_IDS,
    VARIANTS,
    as_list,
    assert_all_close,
    call_with_gradients,
    combinations,
    ours,
    property_test,
    randomize,
    theirs,
)

X = np.random.default_rng(0).standard_normal((3, 5, 4)).astype("float32")


@pytest.fixture
def fresh_traces():
    """What is traced with other settings is for one test alone."""
    portable.trace_pair.cache_clear()
    yield
    portable.trace_pair.cache_clear()


@pytest.fixture
def small_blocks(monkeypatch, fresh_traces):
    """Blocks so small that a short sequence takes several, in rows and in time."""
    monkeypatch.setattr(blocking, "SINGLE_BLOCK_BYTES", 0)
    monkeypatch.setattr(blocking, "BLOCK_BYTES", 0)
    monkeypatch.setattr(blocking, "DYNAMIC_STEPS", 3)
    monkeypatch.setattr(blocking, "MIN_ROWS", 2)
    monkeypatch.setattr(blocking, "MAX_ROWS", 2)
    monkeypatch.setattr(blocking, "MIN_ROWS_PER_WORKER", 1)


# When layers use it.


@pytest.fixture(scope="module")
def compiled_model():
    """By family a compiled model `(batch, time, 4)` -> `(batch, time, 3)` of one layer, the same for all tests."""

    @functools.cache
    def make(family):
        model = keras.Sequential([keras.Input((None, 4)), ours(family)(3, return_sequences=True)])
        model.compile("sgd", "mse")
        return model

    return make


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("SimpleRNN",)))
def test_fit_evaluate_and_predict_use_it(family, compiled_model):
    model = compiled_model(family)
    (layer,) = model.layers
    data = (X, np.zeros((3, 5, 3), "float32"))
    for run in (
        lambda: model.fit(*data, verbose=0),
        lambda: model.evaluate(*data, verbose=0),
        lambda: model.predict(X),
    ):
        layer.execution_path = None
        run()
        assert layer.execution_path == "fast"


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("family", ["SimpleRNN", "LSTM"])
def test_in_a_bidirectional_with_masks_and_dropout_in_a_compiled_model(family, masked, jit_compile):
    layer = ours(family)(3, return_sequences=True, dropout=0.1, recurrent_dropout=0.1)
    both = keras.layers.Bidirectional(layer)
    model = keras.Sequential([keras.Input((5, 4)), keras.layers.Masking() if masked else keras.layers.ReLU(), both])
    model.compile("sgd", "mse", jit_compile=jit_compile)
    model.fit(X, np.zeros((3, 5, 6), "float32"), verbose=0)
    assert [both.forward_layer.execution_path, both.backward_layer.execution_path] == ["fast", "fast"]


def test_in_a_bidirectional_with_a_mask_and_dropout():
    layer = rnn_keras.layers.SimpleRNN(3, return_sequences=True, dropout=0.1, recurrent_dropout=0.1)
    both = keras.layers.Bidirectional(layer)
    both(X, mask=np.ones(X.shape[:2], bool), training=True)
    assert [both.forward_layer.execution_path, both.backward_layer.execution_path] == ["fast", "fast"]


@pytest.mark.parametrize(
    ("kwargs", "reason"),
    [
        ({"activation": "relu"}, "activation='relu'"),
        ({"recurrent_activation": "hard_sigmoid"}, "recurrent_activation='hard_sigmoid'"),
        ({"unroll": True}, "unroll"),
    ],
)
def test_arguments_that_prevent_it(kwargs, reason):
    mine, other = rnn_keras.layers.GRU(3, **kwargs), keras.layers.GRU(3, **kwargs)
    other.build(X.shape)
    mine.build(X.shape)
    mine.set_weights(other.get_weights())
    assert_all_close([mine(X)], [other(X)])
    assert reason in mine.execution_path


def test_one_step_and_a_custom_cell_use_the_general_loop():
    layer = rnn_keras.layers.LSTM(3)
    layer(X[:, :1])
    assert "one step" in layer.execution_path

    class Doubled(rnn_keras.layers.SimpleRNNCell):
        def step(self, projected, states, dropout_masks=None):
            return super().step(2 * projected, states, dropout_masks)

    layer = rnn_keras.layers.SimpleRNN(3)
    layer.cell.__class__ = Doubled
    layer(X)
    assert "Doubled" in layer.execution_path


def test_general_loop_is_available():
    layer = rnn_keras.layers.LSTM(3)
    fast = layer(X)
    with rnn_keras.layers.general_loop():
        general = layer(X)
        assert "general_loop()" in layer.execution_path
    layer(X)
    assert layer.execution_path == "fast"
    own = rnn_keras.layers.LSTM.from_config(rnn_keras.layers.LSTM(3, general_loop=True).get_config())
    own.build(X.shape)
    own.set_weights(layer.get_weights())
    assert_all_close([fast, own(X)], [general, general])
    assert own.execution_path == "general_loop=True"


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("SimpleRNN",)))
def test_an_export_has_no_operations_of_xla(family, compiled_model, tmp_path):
    model = compiled_model(family)
    model.fit(X, np.zeros((3, 5, 3), "float32"), verbose=0)
    model.export(tmp_path, verbose=False)
    loaded = tf.saved_model.load(tmp_path)
    graph = loaded.signatures["serving_default"].graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    assert len(nodes) > 20
    assert not [node.op for node in nodes if node.op.startswith("Xla")]
    assert not [f.signature.name for f in graph.library.function if f.attr["_XlaMustCompile"].b]
    assert_all_close([loaded.serve(X)], [model.predict(X, verbose=0)])


def operations(graph_def):
    nodes = [*graph_def.node, *(node for function in graph_def.library.function for node in function.node_def)]
    attributes = {key for function in graph_def.library.function for key in function.attr}
    return {node.op for node in nodes} | {key for node in nodes for key in node.attr} | attributes


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("LSTM",)))
def test_no_copy_of_a_graph_that_ran_has_operations_of_xla(family, tmp_path, fresh_traces):
    """A function that was called, and a training step that was: whatever reads their graphs finds plain operations."""
    layer = ours(family)(130, return_sequences=True)
    layer.build((None, None, 4))

    class Trainer(tf.Module):
        def __init__(self):
            super().__init__()
            self.variables_of_layer = [variable.value for variable in layer.weights]

        @tf.function(input_signature=[tf.TensorSpec((None, None, 4))])
        def call(self, x):
            return layer(x)

        @tf.function(input_signature=[tf.TensorSpec((3, 5, 4))])
        def gradients(self, x):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(layer(x) ** 2)
            return tape.gradient(loss, self.variables_of_layer)

    trainer = Trainer()
    results = trainer.call(X), trainer.gradients(X)
    assert layer.execution_path == "fast"
    for function in (trainer.call, trainer.gradients):
        graph_def = function.get_concrete_function().graph.as_graph_def()
        found = operations(graph_def)
        assert len(found) > 10 and not [name for name in found if "xla" in name.lower()]
    tf.saved_model.save(trainer, tmp_path)
    stored = saved_model_pb2.SavedModel.FromString((tmp_path / "saved_model.pb").read_bytes())
    assert not [name for name in operations(stored.meta_graphs[0].graph_def) if "xla" in name.lower()]
    loaded = tf.saved_model.load(tmp_path)
    for mine, copy in zip(
        tf.nest.flatten(results), tf.nest.flatten([loaded.call(X), loaded.gradients(X)]), strict=True
    ):
        assert_all_close([copy], [mine], 2e-5)


def test_layers_of_several_sizes_are_not_traced_too_often(recwarn, caplog):
    """TensorFlow counts how often a function is traced anew; layers of other sizes are other functions."""
    for units in range(3, 10):
        rnn_keras.layers.SimpleRNN(units)(X)
        rnn_keras.layers.SimpleRNN(2)(np.zeros((2, 3, units), "float32"))
    assert not [record for record in caplog.records if "retracing" in record.getMessage()]


@pytest.mark.parametrize("mode", ["full", "activations"])
def test_in_a_remat_scope(mode):
    results = []
    for remat in (None, mode):
        keras.utils.set_random_seed(5)
        scope = keras.RematScope(mode=remat)
        with scope:
            layer = rnn_keras.layers.SimpleRNN(3, return_sequences=True)
            call = tf.function(lambda x, layer=layer: layer(x, mask=np.ones(X.shape[:2], bool)), autograph=False)
            layer.build(X.shape)
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(call(tf.constant(X)) ** 2)
            results.append(tape.gradient(loss, [weight.value for weight in layer.weights]))
    assert_all_close(*results)


# That its results are right.


@st.composite
def problems(draw):
    """A layer's arguments, inputs, mask and states: any of those for which there is a fast path."""
    family, variant = draw(st.sampled_from(VARIANTS))
    kwargs = dict(variant)
    kwargs["activation"] = draw(st.sampled_from(["tanh", "sigmoid"]))
    if family != "SimpleRNN":
        kwargs["recurrent_activation"] = draw(st.sampled_from(["sigmoid", "tanh"]))
    for flag in ("use_bias", "go_backwards", "return_sequences", "zero_output_for_mask"):
        kwargs[flag] = draw(st.booleans())
    batch, time = draw(st.integers(1, 5)), draw(st.integers(1, 7))
    features, units = draw(st.sampled_from([(1, 1), (2, 3), (3, 2)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    x = rng.standard_normal((batch, max(2, time), features))
    mask = rng.random(x.shape[:2]) < 0.6 if draw(st.booleans()) else None
    states = [rng.standard_normal((batch, units)) for _ in range(STATES[family])] if draw(st.booleans()) else None
    return family, units, kwargs, x, mask, states


def compare_with_numpy(problem, mode):
    """Outputs, states and all gradients of the fast path in float64 against NumPy."""
    family, units, kwargs, x, mask, states = problem
    layer = ours(family)(units, return_state=True, dtype="float64", **kwargs)
    layer.build(x.shape)
    randomize(layer, 3)
    outputs, gradients = call_with_gradients(layer, x, states, mode=mode, mask=mask)
    assert layer.execution_path == "fast"

    weights = layer.get_weights()
    options = {name: value for name, value in kwargs.items() if name not in ("use_bias", "return_sequences")}

    def results(values):
        given = values[1 : 1 + len(states or ())]
        sequence, last = oracle.run(
            family, values[0], values[1 + len(given) :], mask=mask, initial_state=given or None, **options
        )
        return [sequence if kwargs["return_sequences"] else sequence[:, -1], *last]

    values = [x, *(states or ()), *weights]
    assert_all_close(outputs, results(values), 1e-10, "output")
    rng = np.random.default_rng(99)
    factors = [rng.normal(size=output.shape) for output in outputs]

    def loss(values):
        return sum(np.sum(r * f) for r, f in zip(results(values), factors, strict=True))

    assert_all_close(gradients, oracle.exact_gradients(loss, values), 1e-10, "gradient")


@property_test(4, 60, problem=problems())
def test_against_numpy_in_float64(problem):
    compare_with_numpy(problem, "eager")


@property_test(1, 12, problem=problems())
def test_against_numpy_in_float64_compiled(problem):
    compare_with_numpy(problem, "graph")


@pytest.mark.parametrize(("family", "variant"), combinations(VARIANT_AXIS, fast=("LSTM",)))
def test_against_numpy_when_gates_are_recomputed(family, variant, monkeypatch):
    monkeypatch.setitem(Blocks.__init__.__globals__, "RECOMPUTE_FROM", 2)
    rng = np.random.default_rng(5)
    kwargs = variant | {"use_bias": True, "go_backwards": False, "return_sequences": True}
    x, mask = rng.standard_normal((3, 6, 2)), rng.random((3, 6)) < 0.7
    compare_with_numpy((family, 2, kwargs, x, mask, None), "eager")


@pytest.mark.parametrize(
    ("family", "variant", "known"),
    combinations(
        VARIANT_AXIS,
        ["neither", "batch", "time", "both"],
        fast=("SimpleRNN-time", "LSTM-batch"),
    ),
)
def test_many_small_blocks_equal_keras(family, variant, known, small_blocks):
    """One graph for all shapes, in blocks, against keras.layers: outputs, states, gradients.

    Args:
        known: which sizes are known when the graph is traced.
    """
    mine = ours(family)(3, return_sequences=True, return_state=True, **variant)
    other = theirs(family)(3, return_sequences=True, return_state=True, **variant)
    shapes = {"neither": [(1, 2), (2, 3), (5, 7), (8, 9)], "batch": [(5, 4), (5, 8)], "time": [(2, 7), (7, 7)]}
    shapes["both"] = [(5, 8)]
    batch = 5 if known in ("batch", "both") else None
    time = {"time": 7, "both": 8}.get(known)
    other.build((None, None, 4))
    randomize(other, 1)
    mine.build((None, None, 4))
    mine.set_weights(other.get_weights())

    def gradients_of(layer, x, mask, states):
        with tf.GradientTape() as tape:
            tape.watch([x, states])
            results = as_list(layer(x, mask=mask, initial_state=list(states)))
            loss = tf.add_n([tf.reduce_sum(tf.sin(3.0 * result)) for result in results])
        return results, tape.gradient(loss, [x, *states, *(weight.value for weight in layer.weights)])

    signature = [
        tf.TensorSpec((batch, time, 4)),
        tf.TensorSpec((batch, time), tf.bool),
        (tf.TensorSpec((batch, 3)),) * STATES[family],
    ]
    fast = tf.function(lambda *arguments: gradients_of(mine, *arguments), input_signature=signature, autograph=False)
    rng = np.random.default_rng(2)
    for rows, steps in shapes[known]:
        x = tf.constant(rng.standard_normal((rows, steps, 4)), tf.float32)
        mask = tf.constant(rng.random((rows, steps)) < 0.7)
        states = tuple(tf.constant(rng.standard_normal((rows, 3)), tf.float32) for _ in range(STATES[family]))
        actual, desired = fast(x, mask, states), gradients_of(other, x, mask, states)
        assert_all_close(tf.nest.flatten(actual), tf.nest.flatten(desired), 2e-5, f"{rows} rows, {steps} steps")
    assert mine.execution_path == "fast"


@pytest.mark.parametrize(
    ("family", "batch", "time", "training", "ranks_of_projected"),
    [
        ("LSTM", 8, 6, False, {2}),  # compiled, two halves of four rows
        ("LSTM", None, None, False, {2}),  # not compiled
        ("GRU", None, None, False, {2}),
        ("GRU", 8, 6, False, {2}),
        ("SimpleRNN", None, None, False, {3}),
        ("SimpleRNN", 8, 6, False, {3}),
        ("LSTM", 2, 6, False, {3}),  # too few rows
        ("LSTM", 8, 6, True, {3}),
    ],
)
def test_inputs_projected_at_each_step(family, batch, time, training, ranks_of_projected, monkeypatch, fresh_traces):
    """Where that is faster than all steps at once, and with the results of keras.layers."""
    ranks = []
    project = block.project
    monkeypatch.setattr(block, "project", lambda x, *rest: ranks.append(len(x.shape)) or project(x, *rest))
    monkeypatch.setattr(blocking, "UNCACHED_BYTES", 0)
    mine, other = (make(family)(5, return_sequences=True, return_state=True) for make in (ours, theirs))
    other.build((None, None, 4))
    randomize(other, 1)
    mine.build((None, None, 4))
    mine.set_weights(other.get_weights())

    @functools.partial(
        tf.function, input_signature=[tf.TensorSpec((batch, time, 4)), tf.TensorSpec((batch, time), "bool")]
    )
    def run(x, mask):
        with tf.GradientTape() if training else contextlib.nullcontext():
            return mine(x, mask=mask)

    rng = np.random.default_rng(2)
    x, mask = rng.standard_normal((batch or 8, 6, 4)).astype("float32"), rng.random((batch or 8, 6)) < 0.7
    results = run(x, mask)
    assert mine.execution_path == "fast"
    assert set(ranks) == ranks_of_projected
    assert_all_close(results, other(x, mask=mask))


def test_wide_gru_projects_all_steps_at_once(monkeypatch):
    """A GRU's step with kernels that fill the cache is no faster with one more product."""
    monkeypatch.setattr(blocking, "UNCACHED_BYTES", 0)
    parameters = block.Parameters(tf.zeros((4, 15)), None, tf.zeros((5, 15)), None)
    assert parameters.kernel_bytes == 4 * 15 * (4 + 5)
    for limit, expected in ((parameters.kernel_bytes, True), (parameters.kernel_bytes - 1, False)):
        monkeypatch.setattr(GRUEquations, "kernel_bytes_to_project_each_step", limit)
        options = Options(GRUEquations(), return_sequences=True, save=False, compile=True, one_block=False)
        blocks = Blocks(options, tf.zeros((8, 6, 4)), None, parameters, ())
        assert blocks.projects_each_step(options, parameters, 6) == expected


@pytest.mark.parametrize(
    ("family", "variant", "mode"),
    combinations(
        VARIANT_AXIS,
        ["eager", "graph"],
        fast=("SimpleRNN-graph", "GRU-before-eager"),
    ),
)
def test_dropout_is_that_of_the_general_loop(family, variant, mode):
    results = []
    for general in (False, True):
        keras.utils.set_random_seed(4)
        layer = ours(family)(3, dropout=0.3, recurrent_dropout=0.4, return_sequences=True, seed=6, **variant)
        layer.build(X.shape)
        randomize(layer, 2)
        if general:
            with rnn_keras.layers.general_loop():
                results.append(call_with_gradients(layer, X, mode=mode, training=True))
        else:
            results.append(call_with_gradients(layer, X, mode=mode, training=True))
            assert layer.execution_path == "fast"
    (fast, fast_gradients), (general, general_gradients) = results
    assert_all_close(fast, general)
    assert_all_close(fast_gradients, general_gradients)


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("SimpleRNN",)))
def test_gradient_without_a_tape_at_the_call(family):
    """A graph that was traced for inference is differentiable: its gradient repeats the forward pass."""
    layer = ours(family)(3, return_sequences=True)
    layer(X)
    call = tf.function(lambda x: layer(x), autograph=False)
    x = tf.constant(X)
    call(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(call(x) ** 2)
    with tf.GradientTape() as other, rnn_keras.layers.general_loop():
        other.watch(x)
        general = tf.reduce_sum(layer(x) ** 2)
    assert_all_close([tape.gradient(loss, x)], [other.gradient(general, x)])


@pytest.mark.parametrize(
    ("family", "dropout", "blocks", "products"),
    combinations(
        FAMILIES,
        {"plain": (0.0, "one"), "dropout": (0.5, "one"), "small": (0.0, "several")},
        {"float32": (False,), "bfloat16": (True,)},
        fast=("SimpleRNN-plain-float32", "LSTM-plain-bfloat16", "GRU-dropout-bfloat16"),
    ),
)
def test_sixteen_bits(family, dropout, blocks, products, monkeypatch, request):
    """Beside the layer in 32 bits, with products of 16 bits where the processor has them, and without.

    Dropout is drawn anew in each number format, so there only the products differ.
    """
    if blocks == "several":
        request.getfixturevalue("small_blocks")
    multiplied = []

    def record(*values):
        multiplied.append(values)
        return bfloat16_product(*values)

    monkeypatch.setattr(passes, "BFLOAT16_FROM", 0)
    monkeypatch.setattr(passes, "bfloat16_product", record)
    layer, exact = (
        ours(family)(8, return_sequences=True, recurrent_dropout=dropout, seed=3, dtype=dtype)
        for dtype in ("mixed_bfloat16", "mixed_bfloat16" if dropout else "float32")
    )
    layer.build(X.shape)
    exact.build(X.shape)
    exact.set_weights(layer.get_weights())
    monkeypatch.setattr(fast_path, "has_bfloat16_products", lambda: False)
    exact_outputs, exact_gradients = call_with_gradients(exact, X, mode="graph", training=True)
    assert not multiplied
    monkeypatch.setattr(fast_path, "has_bfloat16_products", lambda: products)
    outputs, gradients = call_with_gradients(layer, X, mode="graph", training=True)
    assert bool(multiplied) == products
    assert layer.execution_path == "fast" and layer(X).dtype == tf.bfloat16
    for actual, desired in zip([*outputs, *gradients], [*exact_outputs, *exact_gradients], strict=True):
        actual, desired = actual.astype("float32"), desired.astype("float32")
        assert np.linalg.norm(actual - desired) < 0.02 * np.linalg.norm(desired)


# That new shapes seldom mean new compilations, and what is saved.


def test_few_sizes_serve_all_shapes():
    """XLA compiles once for each size of a block."""
    rows, steps = set(), set()
    for batch in range(1, 600):
        workers, chunks = blocking.plan_blocks(tf.constant(batch), tf.constant(batch), 64, 256)
        covered = sum(int(worker.tiles) * int(worker.size) for worker in workers)
        assert batch <= covered <= batch * 1.25 + 8
        assert int(chunks.chunks) * chunks.size >= batch > (int(chunks.chunks) - 1) * chunks.size
        rows |= {int(worker.size) for worker in workers}
        steps.add(chunks.size)
    assert len(steps) == 1
    assert len(rows) <= 17


@pytest.mark.parametrize(("family", "variant"), VARIANTS, ids=VARIANT_IDS)
def test_what_is_saved_is_what_the_docstring_says(family, variant):
    layer = ours(family)(5, **variant)
    layer.build((None, None, 4))
    equations = layer.cell.equations()
    numbers = 1 + len(equations.saved_states) + sum(equations.saved_widths)
    assert f"{4 * numbers}" in type(equations).__doc__
    assert dataclasses.is_dataclass(equations)
