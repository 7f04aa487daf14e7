"""The layers against those of keras.layers with the same weights: outputs, states and gradients to 1e-5."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.layer_cases import (
    CELLS,
    FAMILIES,
    MASKS,
    STATES,
    VARIANT_AXIS,
    as_list,
    assert_all_close,
    assert_same_behaviour,
    built_pair,
    call_with_gradients,
    combinations,
    covering,
    make_mask,
    numpy_list,
    ours,
    randomize,
    theirs,
)

BATCH, TIME, FEATURES, UNITS = 3, 3, 3, 2
SHAPE = (BATCH, TIME, FEATURES)


def inputs(shape=SHAPE, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def random_states(family, units=UNITS, batch=BATCH, seed=2):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(batch, units)).astype("float32") for _ in range(STATES[family])]


def rows_of(family, strength):
    options = {
        "use_bias": (True, False),
        "activation": ("tanh", "relu", None),
        "return_sequences": (True, False),
        "return_state": (True, False),
        "go_backwards": (True, False),
        "unroll": (True, False),
        "stateful": (True, False),
        "zero_output_for_mask": (True, False),
        "mask": MASKS,
        "with_state": (True, False),
    }
    if family != "SimpleRNN":
        options["implementation"] = (1, 2)
        options["recurrent_activation"] = ("sigmoid", "hard_sigmoid", None)
        options["use_cudnn"] = ("auto", False)
    if family == "GRU":
        options["reset_after"] = (True, False)
    if family == "LSTM":
        options["unit_forget_bias"] = (True, False)
    return covering(options, strength)


def cases_of(strength, marks=()):
    rows = [(family, number, row) for family in FAMILIES for number, row in enumerate(rows_of(family, strength))]
    return [pytest.param(family, row, id=f"{family}-{strength}-{number}", marks=marks) for family, number, row in rows]


@pytest.mark.parametrize(("family", "row"), [*cases_of(1), *cases_of(2, marks=pytest.mark.slow)])
def test_every_argument_and_every_pair_of_arguments(family, row):
    """Each argument value is in some row, and in the slow ones any two values meet, masks and states included."""
    kwargs = dict(row)
    mask = make_mask(kwargs.pop("mask"), BATCH, TIME)
    states = random_states(family) if kwargs.pop("with_state") else None
    mine, other = built_pair(family, SHAPE, units=UNITS, **kwargs)
    assert_same_behaviour(mine, other, inputs(), states, mask=mask)


@pytest.mark.parametrize(
    ("family", "go_backwards", "zero_output_for_mask"),
    combinations(
        FAMILIES,
        [True, False],
        [True, False],
        fast=("SimpleRNN-True-True", "SimpleRNN-True-False", "SimpleRNN-False-False", "LSTM-True-False"),
    ),
)
def test_masks_in_both_directions(family, go_backwards, zero_output_for_mask):
    mine, other = built_pair(
        family,
        SHAPE,
        units=UNITS,
        return_sequences=True,
        return_state=True,
        go_backwards=go_backwards,
        zero_output_for_mask=zero_output_for_mask,
    )
    mask = make_mask("empty_row", BATCH, TIME)
    assert_same_behaviour(mine, other, inputs(), random_states(family), mask=mask)


@pytest.mark.parametrize(
    ("family", "dtype", "shape"),
    combinations(
        FAMILIES,
        ["bool", "int32"],
        {"rank 2": ((BATCH, TIME),), "rank 3": ((BATCH, TIME, 1),)},
        fast=("SimpleRNN-bool-rank 3", "LSTM-int32-rank 2", "GRU-int32-rank 3"),
    ),
)
def test_mask_dtypes_and_ranks(family, dtype, shape):
    """keras.layers take a mask of any dtype, and one with a last axis of 1 as well."""
    mine, other = built_pair(family, SHAPE, units=UNITS, return_sequences=True)
    mask = make_mask("random", BATCH, TIME).astype(dtype).reshape(shape)
    x = inputs()
    assert_all_close(numpy_list(mine(x, mask=mask)), numpy_list(other(x, mask=mask)))


@pytest.mark.parametrize(
    ("family", "extra", "mode"),
    combinations(VARIANT_AXIS, ["graph", "xla"], fast=("LSTM-xla",)),
)
def test_compiled(family, extra, mode):
    """In a tf.function, and in one that XLA compiles, with the gradients inside it."""
    mine, other = built_pair(family, SHAPE, units=UNITS, return_sequences=True, return_state=True, **extra)
    x, states, mask = inputs(), random_states(family), make_mask("random", BATCH, TIME)
    compiled = call_with_gradients(mine, x, states, mask=mask, mode=mode)
    eager = call_with_gradients(other, x, states, mask=mask)
    assert_all_close(compiled[0], eager[0], what="output")
    assert_all_close(compiled[1], eager[1], what="gradient")


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("GRU",)))
def test_graph_of_unknown_batch_and_time(family):
    """One trace serves every batch size and length."""
    mine, other = built_pair(family, SHAPE, units=UNITS, return_sequences=True, return_state=True)
    traces = []

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, FEATURES), tf.float32),
            tf.TensorSpec((None, None), tf.bool),
        ]
    )
    def call(x, mask):
        traces.append(1)
        return mine(x, mask=mask)

    for batch, time in ((1, 1), (2, 5), (4, 3)):
        x, mask = inputs((batch, time, FEATURES)), make_mask("left", batch, time)
        assert_all_close(numpy_list(call(x, mask)), numpy_list(other(x, mask=mask)))
    assert len(traces) == 1


def functional_model(layer_class):
    tokens = keras.Input((None, FEATURES))
    masked = keras.layers.Masking()(tokens)
    hidden = layer_class(4, return_sequences=True)(masked)
    return keras.Model(tokens, keras.layers.Dense(2)(layer_class(3)(hidden)))


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("SimpleRNN",)))
def test_functional_model_of_unknown_length(family):
    """Two stacked layers behind a Masking layer: the mask must reach the second one."""
    mine, other = functional_model(ours(family)), functional_model(theirs(family))
    randomize(other, seed=3)
    mine.set_weights(other.get_weights())
    assert mine.output_shape == other.output_shape
    for time in (1, 3, 6):
        x = inputs((4, time, FEATURES))
        x[1, time // 2 :] = 0.0
        x[2, : time // 2] = 0.0
        assert_all_close(numpy_list(mine(x)), numpy_list(other(x)))
    assert_all_close([mine.predict(x, verbose=0)], numpy_list(other(x)))


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("LSTM",)))
def test_encoder_decoder(family):
    """The states of one layer as the symbolic initial state of another."""

    def build(layer_class):
        source, target = keras.Input((None, FEATURES)), keras.Input((None, FEATURES))
        _, *states = layer_class(UNITS, return_state=True)(source)
        decoded, *_ = layer_class(UNITS, return_sequences=True, return_state=True)(target, initial_state=states)
        return keras.Model([source, target], decoded)

    mine, other = build(ours(family)), build(theirs(family))
    randomize(other, seed=4)
    mine.set_weights(other.get_weights())
    data = [inputs((2, 5, FEATURES)), inputs((2, 3, FEATURES), seed=9)]
    assert_all_close(numpy_list(mine(data)), numpy_list(other(data)))


@pytest.mark.parametrize(
    ("family", "return_sequences", "return_state"),
    combinations(
        FAMILIES,
        [False, True],
        [False, True],
        fast=("SimpleRNN-False-False", "SimpleRNN-True-False", "LSTM-True-True", "GRU-False-True"),
    ),
)
def test_symbolic_shapes_and_masks(family, return_sequences, return_state):
    """What a model knows of the layer before it sees data: shapes, dtypes and the mask passed on."""
    kwargs = {"units": UNITS, "return_sequences": return_sequences, "return_state": return_state}
    mine, other = ours(family)(**kwargs), theirs(family)(**kwargs)
    for shape in ((None, None, FEATURES), (5, None, FEATURES), (None, 7, FEATURES)):
        assert mine.compute_output_shape(shape) == other.compute_output_shape(shape)
        symbolic = keras.Input(batch_shape=shape)
        specs_mine, specs_other = as_list(mine(symbolic)), as_list(other(symbolic))
        assert [(s.shape, s.dtype) for s in specs_mine] == [(s.shape, s.dtype) for s in specs_other]
    mask = tf.constant([[True, False]])
    assert mine.supports_masking
    passed_on = as_list(mine.compute_mask(None, mask))
    expected = as_list(other.compute_mask(None, mask))
    assert [m is mask for m in passed_on] == [m is mask for m in expected]
    assert [m is None for m in passed_on] == [m is None for m in expected]


@pytest.mark.parametrize(("family", "unroll"), combinations(FAMILIES, [False, True], fast=("LSTM-False", "GRU-True")))
def test_stateful(family, unroll):
    """The state of a call is the initial state of the next one, until reset_state."""
    mine, other = built_pair(family, SHAPE, units=UNITS, stateful=True, return_sequences=True, unroll=unroll)
    batches = [inputs(seed=s) for s in range(3)]
    mask = make_mask("right", BATCH, TIME)
    first = []
    for x in batches:
        out_mine, out_other = mine(x, mask=mask).numpy(), other(x, mask=mask).numpy()
        np.testing.assert_allclose(out_mine, out_other, rtol=1e-5, atol=1e-5)
        assert_all_close([s.numpy() for s in mine.states], [s.numpy() for s in other.states])
        first.append(out_mine)
    fresh = ours(family)(UNITS, return_sequences=True)
    fresh.build(SHAPE)
    fresh.set_weights(mine.get_weights())
    assert not np.allclose(first[1], fresh(batches[1], mask=mask), atol=1e-3)

    mine.reset_state()
    assert all(not s.numpy().any() for s in mine.states)
    for x, before in zip(batches, first, strict=True):
        np.testing.assert_array_equal(mine(x, mask=mask), before)


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("SimpleRNN",)))
def test_stateful_in_a_model(family):
    """predict on batches in order equals one long sequence; the state is no weight."""

    def build(stateful):
        tokens = keras.Input(batch_shape=(2, None, FEATURES))
        return keras.Model(tokens, ours(family)(UNITS, stateful=stateful, return_sequences=True)(tokens))

    stateful, stateless = build(True), build(False)
    stateless.set_weights(stateful.get_weights())
    x = inputs((2, 6, FEATURES))
    expected = stateless.predict(x, verbose=0)
    for _ in range(2):
        outputs = [stateful.predict(x[:, t : t + 2], verbose=0) for t in (0, 2, 4)]
        np.testing.assert_allclose(np.concatenate(outputs, axis=1), expected, rtol=1e-5, atol=1e-5)
        stateful.layers[1].reset_state()


@pytest.mark.parametrize(
    ("family", "kind"),
    combinations(FAMILIES, ["none", "random"], fast=("SimpleRNN-random",)),
)
def test_unroll_changes_nothing(family, kind):
    mask = make_mask(kind, BATCH, TIME)
    for go_backwards in (False, True):
        kwargs = {"units": UNITS, "return_sequences": True, "return_state": True, "go_backwards": go_backwards}
        rolled, other = built_pair(family, SHAPE, **kwargs)
        unrolled = ours(family)(unroll=True, **kwargs)
        unrolled.build(SHAPE)
        unrolled.set_weights(other.get_weights())
        assert_same_behaviour(unrolled, rolled, inputs(), random_states(family), mask=mask)


@pytest.mark.parametrize(
    ("family", "merge_mode", "return_sequences"),
    combinations(
        FAMILIES,
        {
            **{str(mode): (mode, True) for mode in ("sum", "mul", "ave", "concat", None)},
            "last": ("concat", False),
        },
        fast=("SimpleRNN-sum", "SimpleRNN-concat", "SimpleRNN-None", "SimpleRNN-last"),
    ),
)
def test_bidirectional(family, merge_mode, return_sequences):
    def build(cls):
        return keras.layers.Bidirectional(
            cls(UNITS, return_sequences=return_sequences, return_state=True), merge_mode=merge_mode
        )

    mine, other = build(ours(family)), build(theirs(family))
    mine.build(SHAPE)
    other.build(SHAPE)
    assert type(mine.forward_layer) is type(mine.backward_layer) is ours(family)
    randomize(other, seed=6)
    mine.set_weights(other.get_weights())
    x = inputs()
    for kind in ("none", "empty_row"):
        mask = make_mask(kind, BATCH, TIME)
        flat_mine = [t.numpy() for t in tf.nest.flatten(mine(x, mask=mask))]
        flat_other = [t.numpy() for t in tf.nest.flatten(other(x, mask=mask))]
        assert_all_close(flat_mine, flat_other, what=kind)


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("SimpleRNN",)))
def test_bidirectional_gradients_and_backward_layer(family):
    """With a backward layer of another activation, initial states and a mask."""

    def build(cls):
        return keras.layers.Bidirectional(
            cls(UNITS, return_sequences=True),
            backward_layer=cls(UNITS, return_sequences=True, go_backwards=True, activation="relu"),
        )

    mine, other = build(ours(family)), build(theirs(family))
    mine.build(SHAPE)
    other.build(SHAPE)
    randomize(other, seed=6)
    mine.set_weights(other.get_weights())
    states = random_states(family) + random_states(family, seed=8)
    mask = make_mask("random", BATCH, TIME)
    assert_same_behaviour(mine, other, inputs(), states, mask=mask)


@pytest.mark.parametrize("cell_name", CELLS)
def test_cells_alone(cell_name):
    """A cell called by itself: with a list of states, with the state its own initial state, and its gradients."""
    family = cell_name.removesuffix("Cell")
    mine, other = built_pair(cell_name, (BATCH, FEATURES), units=UNITS)
    x = inputs((BATCH, FEATURES))
    assert_all_close(numpy_list(mine.get_initial_state(BATCH)), numpy_list(other.get_initial_state(BATCH)))
    for states in (random_states(family), mine.get_initial_state(BATCH)):
        out_mine, new_mine = mine(x, states)
        out_other, new_other = other(x, states)
        assert type(new_mine) is type(new_other) is list
        assert_all_close(numpy_list([out_mine, *new_mine]), numpy_list([out_other, *new_other]))
    if family != "LSTM":
        # A bare tensor as the state comes back as a bare tensor.
        bare = tf.constant(random_states(family)[0])
        _, new_mine = mine(x, bare)
        _, new_other = other(x, bare)
        assert not isinstance(new_mine, list)
        np.testing.assert_allclose(new_mine, new_other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("family", "extra"), combinations(VARIANT_AXIS, fast=("SimpleRNN",)))
def test_rnn_of_a_cell(family, extra):
    """keras.layers.RNN around our cell equals around Keras's, and equals our own layer."""
    cell_name = family + "Cell"
    kwargs = {"return_sequences": True, "return_state": True}
    mine = keras.layers.RNN(ours(cell_name)(UNITS, **extra), **kwargs)
    other = keras.layers.RNN(theirs(cell_name)(UNITS, **extra), **kwargs)
    layer = ours(family)(UNITS, **extra, **kwargs)
    for built in (mine, other, layer):
        built.build(SHAPE)
    randomize(other, seed=7)
    mine.set_weights(other.get_weights())
    layer.set_weights(other.get_weights())
    mask = make_mask("random", BATCH, TIME)
    assert_same_behaviour(mine, other, inputs(), random_states(family), mask=mask)
    assert_same_behaviour(mine, layer, inputs(), random_states(family), mask=mask)


@pytest.mark.parametrize("wrapped", combinations([False, True], fast=("False",)))
def test_stacked_cells(wrapped):
    """Cells of all three families on top of each other, given as StackedRNNCells and as a list."""

    def build(pick):
        cells = [pick(name)(units) for name, units in zip(CELLS, (4, 3, 2), strict=True)]
        cell = keras.layers.StackedRNNCells(cells) if wrapped else cells
        return keras.layers.RNN(cell, return_sequences=True, return_state=True)

    mine, other = build(ours), build(theirs)
    x, mask = inputs(), make_mask("random", BATCH, TIME)
    mine.build(SHAPE)
    other.build(SHAPE)
    randomize(other, seed=8)
    mine.set_weights(other.get_weights())
    flat_mine = [t.numpy() for t in tf.nest.flatten(mine(x, mask=mask))]
    flat_other = [t.numpy() for t in tf.nest.flatten(other(x, mask=mask))]
    assert len(flat_other) == 5
    assert_all_close(flat_mine, flat_other)


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("SimpleRNN",)))
def test_time_distributed(family):
    """Documents of sentences of vectors: the layer runs over the inner time axis."""
    mine = keras.layers.TimeDistributed(ours(family)(UNITS))
    other = keras.layers.TimeDistributed(theirs(family)(UNITS))
    x = inputs((2, 3, TIME, FEATURES))
    mine.build(x.shape)
    other.build(x.shape)
    randomize(other, seed=9)
    mine.set_weights(other.get_weights())
    assert_same_behaviour(mine, other, x)


@pytest.mark.parametrize(
    ("family", "policy"),
    combinations(
        FAMILIES,
        ["mixed_float16", "mixed_bfloat16", "float16", "float64"],
        fast=("LSTM-mixed_float16", "GRU-mixed_bfloat16", "SimpleRNN-float16", "GRU-float64"),
    ),
)
def test_precision_policies(family, policy):
    """Weights, states and outputs have the dtypes they have in Keras, whether the policy is global or an argument."""
    # The difference allowed is some units in the last place of the compute dtype.
    atol = {"mixed_float16": 5e-3, "float16": 5e-3, "mixed_bfloat16": 4e-2, "float64": 1e-10}[policy]
    kwargs = {"units": UNITS, "return_sequences": True, "return_state": True}
    x, mask = inputs(), make_mask("random", BATCH, TIME)
    pairs = [built_pair(family, SHAPE, dtype=policy, **kwargs)]
    keras.config.set_dtype_policy(policy)
    pairs.append(built_pair(family, SHAPE, **kwargs))
    for mine, other in pairs:
        assert (mine.compute_dtype, mine.variable_dtype) == (other.compute_dtype, other.variable_dtype)
        assert [w.dtype for w in mine.weights] == [w.dtype for w in other.weights]
        out_mine, out_other = mine(x, mask=mask), other(x, mask=mask)
        assert [o.dtype for o in out_mine] == [o.dtype for o in out_other]
        for a, b in zip(out_mine, out_other, strict=True):
            np.testing.assert_allclose(tf.cast(a, tf.float64), tf.cast(b, tf.float64), rtol=atol, atol=atol)


@pytest.mark.parametrize(
    ("family", "dtype"),
    combinations(FAMILIES, ["int32", "float64", "float16"], fast=("SimpleRNN-float64", "LSTM-float16", "GRU-int32")),
)
def test_input_dtypes(family, dtype):
    """Inputs of another dtype than the layer's are cast as Keras casts them."""
    mine, other = built_pair(family, SHAPE, units=UNITS, return_sequences=True)
    x = np.random.default_rng(3).integers(-2, 3, SHAPE).astype(dtype)
    out_mine, out_other = mine(x), other(x)
    assert out_mine.dtype == out_other.dtype
    np.testing.assert_allclose(out_mine, out_other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_initial_weights(family):
    """Initializers get the shapes that Keras gives them, so that the same seeds give the same weights."""
    options = {
        "kernel_initializer": lambda: keras.initializers.GlorotUniform(seed=1),
        "recurrent_initializer": lambda: keras.initializers.Orthogonal(seed=2),
        "bias_initializer": lambda: keras.initializers.RandomNormal(seed=3),
    }
    extras = [{}] if family != "LSTM" else [{"unit_forget_bias": True}, {"unit_forget_bias": False}]
    for extra in extras:
        mine = ours(family)(UNITS, **{k: v() for k, v in options.items()}, **extra)
        other = theirs(family)(UNITS, **{k: v() for k, v in options.items()}, **extra)
        mine.build(SHAPE)
        other.build(SHAPE)
        for a, b in zip(mine.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    default_mine, default_other = ours(family)(UNITS), theirs(family)(UNITS)
    default_mine.build(SHAPE)
    default_other.build(SHAPE)
    np.testing.assert_array_equal(default_mine.get_weights()[2], default_other.get_weights()[2])
    recurrent = default_mine.get_weights()[1]
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(UNITS), atol=1e-5)


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("LSTM",)))
def test_weight_regularizers(family):
    """Each regularizer adds the loss it adds in Keras."""
    names = ("kernel_regularizer", "recurrent_regularizer", "bias_regularizer")
    for chosen in (*((n,) for n in names), names):
        kwargs = {name: keras.regularizers.L1L2(0.1 + number, 0.2) for number, name in enumerate(chosen)}
        mine, other = built_pair(family, SHAPE, units=UNITS, **kwargs)
        assert len(mine.losses) == len(other.losses) == len(chosen)
        np.testing.assert_allclose(sorted(map(float, mine.losses)), sorted(map(float, other.losses)), rtol=1e-5)


@pytest.mark.parametrize(
    "family",
    combinations(
        FAMILIES,
        fast=(
            "SimpleRNN",
            "LSTM",
        ),
    ),
)
def test_activity_regularizer(family):
    """The loss is of the layer's output. (Keras ignores this argument in its SimpleRNN.)"""
    regularizer = keras.regularizers.L1L2(0.1, 0.2)
    mine, other = built_pair(family, SHAPE, units=UNITS, activity_regularizer=regularizer)
    output = mine(inputs())
    other(inputs())
    assert len(mine.losses) == 1
    # Keras divides the loss of an activity by the batch size.
    np.testing.assert_allclose(mine.losses[0], regularizer(output) / BATCH, rtol=1e-5)
    if family != "SimpleRNN":
        np.testing.assert_allclose(mine.losses[0], other.losses[0], rtol=1e-5)


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("SimpleRNN",)))
def test_constraints_after_a_step(family):
    """An optimizer step leaves every weight where its constraint allows it."""
    names = ("kernel_constraint", "recurrent_constraint", "bias_constraint")
    for position, name in enumerate(names):
        layers = built_pair(family, SHAPE, units=UNITS, **{name: keras.constraints.NonNeg()})
        for layer in layers:
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(layer(inputs()))
            variables = layer.trainable_variables
            gradients = tape.gradient(loss, [v.value for v in variables])
            keras.optimizers.SGD(0.1).apply(gradients, variables)
        mine, other = layers
        assert_all_close(mine.get_weights(), other.get_weights())
        signs = [(w >= 0).all() for w in mine.get_weights()]
        assert signs[position] and not all(signs)


@pytest.mark.parametrize("family", FAMILIES)
def test_trainable(family):
    mine, other = built_pair(family, SHAPE, units=UNITS)
    frozen = ours(family)(UNITS, trainable=False)
    frozen.build(SHAPE)
    assert len(mine.trainable_weights) == len(other.trainable_weights) == 3
    assert frozen.trainable_weights == [] and len(frozen.non_trainable_weights) == 3
    mine.trainable = False
    assert mine.trainable_weights == [] and len(mine.weights) == 3
    mine.trainable = True
    assert len(mine.trainable_weights) == 3


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("LSTM",)))
def test_weights_go_both_ways(family):
    mine, other = built_pair(family, SHAPE, units=UNITS)
    randomize(mine, seed=21)
    other.set_weights(mine.get_weights())
    assert_same_behaviour(mine, other, inputs())
