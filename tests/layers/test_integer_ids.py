"""Layers made with `input_dim`: integer ids instead of one-hot vectors, with the same results and without the width."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.layer_cases import (
    FAMILIES,
    GATES,
    VARIANT_AXIS,
    as_list,
    assert_all_close,
    call_with_gradients,
    combinations,
    make_mask,
    numpy_list,
    ours,
    randomize,
    run_python,
    theirs,
)

VOCABULARY, BATCH, TIME, UNITS = 7, 3, 4, 2
IDS = np.array([[0, 3, 3, 6], [6, 5, 0, 1], [2, 2, 2, 2]], "int32")
ONE_HOT = np.eye(VOCABULARY, dtype="float32")[IDS]


def id_layer(family, **kwargs):
    layer = ours(family)(UNITS, input_dim=VOCABULARY, **kwargs)
    layer.build((None, None))
    randomize(layer, seed=1)
    return layer


MASKED = {"none": ("none", False), "left": ("left", True), "empty_row": ("empty_row", False)}


@pytest.mark.parametrize(
    ("family", "extra", "mask_kind", "backwards"),
    combinations(VARIANT_AXIS, MASKED, fast=("SimpleRNN-none", "LSTM-left")),
)
def test_equals_one_hot_in_keras(family, extra, mask_kind, backwards):
    """Outputs, states and the gradients of the weights; an id that occurs twice adds up in its row of the kernel."""
    kwargs = {"return_sequences": True, "return_state": True, "go_backwards": backwards, **extra}
    mine = id_layer(family, **kwargs)
    dense = theirs(family)(UNITS, **kwargs)
    dense.build(ONE_HOT.shape)
    assert [w.shape for w in mine.weights] == [w.shape for w in dense.weights]
    assert mine.cell.kernel.shape == (VOCABULARY, GATES[family] * UNITS)
    dense.set_weights(mine.get_weights())
    mask = make_mask(mask_kind, BATCH, TIME)
    out_mine, grad_mine = call_with_gradients(mine, IDS, mask=mask)
    out_dense, grad_dense = call_with_gradients(dense, ONE_HOT, mask=mask)
    assert_all_close(out_mine, out_dense, atol=1e-6, what="output")
    # The dense layer has the gradient of its input first, which ids do not have.
    assert_all_close(grad_mine, grad_dense[1:], atol=2e-6, what="gradient")
    assert not grad_mine[0][4].any(), "the row of an id that does not occur"


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("LSTM",)))
def test_dense_inputs_still_work(family):
    """The same layer takes ids and one-hot vectors, and gives the same for both."""
    layer = id_layer(family, return_sequences=True)
    np.testing.assert_allclose(layer(ONE_HOT), layer(IDS), rtol=1e-6, atol=1e-6)
    built_by_dense = ours(family)(UNITS, input_dim=VOCABULARY, return_sequences=True)
    built_by_dense(ONE_HOT)
    built_by_dense.set_weights(layer.get_weights())
    np.testing.assert_array_equal(built_by_dense(IDS), layer(IDS))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "int64"])
def test_id_dtypes(dtype):
    layer = id_layer("LSTM")
    np.testing.assert_array_equal(layer(IDS.astype(dtype)), layer(IDS))


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("GRU",)))
def test_bytes_as_ids(family):
    """All 256 values of a byte, in the dtype that text files come in."""
    layer = ours(family)(UNITS, input_dim=256)
    ids = np.frombuffer(b"one \x00 two \xff 3", dtype="uint8")[None]
    np.testing.assert_allclose(layer(ids), layer(ids.astype("int32")), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("family", "mode"), combinations(FAMILIES, ["graph", "xla"], fast=("SimpleRNN-xla",)))
def test_compiled(family, mode):
    layer = id_layer(family, return_sequences=True)
    mask = make_mask("left", BATCH, TIME)
    out_eager, grad_eager = call_with_gradients(layer, IDS, mask=mask)
    out, grad = call_with_gradients(layer, IDS, mask=mask, mode=mode)
    assert_all_close(out, out_eager)
    assert_all_close(grad, grad_eager)


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("GRU",)))
def test_bidirectional(family):
    mine = keras.layers.Bidirectional(ours(family)(UNITS, input_dim=VOCABULARY, return_sequences=True))
    dense = keras.layers.Bidirectional(theirs(family)(UNITS, return_sequences=True))
    mine.build((None, None))
    dense.build(ONE_HOT.shape)
    randomize(dense, seed=2)
    mine.set_weights(dense.get_weights())
    mask = make_mask("right", BATCH, TIME)
    np.testing.assert_allclose(mine(IDS, mask=mask), dense(ONE_HOT, mask=mask), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("SimpleRNN",)))
def test_functional_model(family):
    """Shapes of a model before it sees data, ids in time distribution, and the initial state."""
    tokens = keras.Input((None,), dtype="int32")
    hidden = ours(family)(UNITS, input_dim=VOCABULARY, return_sequences=True)(tokens)
    assert hidden.shape == (None, None, UNITS)
    model = keras.Model(tokens, ours(family)(UNITS)(hidden))
    assert model.output_shape == (None, UNITS)
    np.testing.assert_allclose(model.predict(IDS, verbose=0), model(IDS), rtol=1e-5, atol=1e-6)

    layer = id_layer(family)
    distributed = keras.layers.TimeDistributed(layer)
    documents = np.stack([IDS, IDS[::-1]], axis=1)
    np.testing.assert_allclose(distributed(documents)[:, 0], layer(IDS), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("LSTM",)))
def test_stateful(family):
    stateful = ours(family)(UNITS, input_dim=VOCABULARY, stateful=True, return_sequences=True)
    stateless = id_layer(family, return_sequences=True)
    stateful.build(IDS.shape)
    stateful.set_weights(stateless.get_weights())
    outputs = [stateful(IDS[:, :1]), stateful(IDS[:, 1:])]
    np.testing.assert_allclose(np.concatenate(outputs, axis=1), stateless(IDS), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_keeps_ids_exact(policy):
    """Neighbouring ids above 2048 are one number in float16; looked up they must stay two."""
    vocabulary = 5000
    keras.config.set_dtype_policy(policy)
    layer = ours("SimpleRNN")(1, input_dim=vocabulary, activation="linear", recurrent_initializer="zeros")
    layer.build((None, None))
    kernel = np.zeros((vocabulary, 1), "float32")
    kernel[4097] = 1.0
    layer.set_weights([kernel, np.zeros((1, 1)), np.zeros(1)])
    out = layer(np.array([[4096], [4097], [4098]]))
    assert out.dtype == layer.compute_dtype
    np.testing.assert_array_equal(tf.cast(out, tf.float32), [[0.0], [1.0], [0.0]])


@pytest.mark.parametrize(
    ("family", "bad"),
    combinations(FAMILIES, [-1, VOCABULARY, 10**6], fast=("SimpleRNN--1", f"SimpleRNN-{VOCABULARY}", "GRU-1000000")),
)
def test_ids_out_of_range(family, bad):
    layer = id_layer(family)
    ids = IDS.copy()
    ids[1, 2] = bad
    with pytest.raises(ValueError) as caught:
        layer(ids)
    assert str(bad) in str(caught.value) and str(VOCABULARY) in str(caught.value)
    # Nor does a graph take another row for it: the last, as Python would for -1, or a row of zeros.
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        tf.function(layer)(tf.constant(ids))
    ids[1, 2] = VOCABULARY - 1
    assert np.isfinite(layer(ids)).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_not_an_id(family):
    with pytest.raises(ValueError, match="int"):
        id_layer(family)(IDS.astype("float32"))
    # A model with an Input of the default dtype would pass floats.
    tokens = keras.Input((None,))
    model = keras.Model(tokens, id_layer(family)(tokens))
    with pytest.raises(ValueError, match="int"):
        model(IDS)
    with pytest.raises(ValueError, match=str(VOCABULARY)):
        ours(family)(UNITS, input_dim=VOCABULARY)(np.zeros((1, 2, VOCABULARY + 1), "float32"))
    with pytest.raises(ValueError, match="ndim"):
        id_layer(family)(np.zeros((1, 2, VOCABULARY, 1), "float32"))
    with pytest.raises(ValueError, match="ndim=3"):
        ours(family)(UNITS)(IDS)
    for width in (0, -3, 2.5, "7"):
        with pytest.raises(ValueError, match="input_dim"):
            ours(family)(UNITS, input_dim=width)


@pytest.mark.parametrize("family", FAMILIES)
def test_empty_batch(family):
    assert id_layer(family)(np.zeros((0, 3), "int32")).shape == (0, UNITS)


def shapes_in(graph):
    """Static shapes of all tensors of a graph and of the functions it calls, bodies of loops included."""
    definition = graph.as_graph_def(add_shapes=True)
    nodes = list(definition.node)
    for function in definition.library.function:
        nodes.extend(function.node_def)
        for arguments in function.arg_attr.values():
            for shape in arguments.attr["_output_shapes"].list.shape:
                yield tuple(d.size for d in shape.dim)
    for node in nodes:
        for shape in node.attr["_output_shapes"].list.shape:
            yield tuple(d.size for d in shape.dim)


@pytest.mark.parametrize(
    ("family", "training"), combinations(FAMILIES, [False, True], fast=("SimpleRNN-False", "SimpleRNN-True"))
)
def test_no_tensor_is_as_wide_as_the_vocabulary(family, training):
    """In the graph of a call and of its gradient nothing but the kernel and its gradient has a vocabulary axis."""
    # A prime, so that a flattened vocabulary axis cannot pass as a product of other sizes.
    vocabulary, batch, time = 20011, 3, 5
    layer = ours(family)(UNITS, input_dim=vocabulary, return_sequences=True, dropout=0.5)
    layer.build((None, None))
    kernel_shape = (vocabulary, GATES[family] * UNITS)

    def wide(call):
        graph = tf.function(call).get_concrete_function(tf.TensorSpec((batch, time), tf.int32)).graph
        shapes = list(shapes_in(graph))
        assert len(shapes) > 20 and kernel_shape in shapes
        return {s for s in shapes if any(d > 0 and d % vocabulary == 0 for d in s)}

    def gradient(ids):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(ids, training=training))
        return tape.gradient(loss, layer.cell.kernel.value)

    assert wide(lambda ids: layer(ids, training=training)) == {kernel_shape}
    assert wide(gradient) == {kernel_shape}
    # The same search does find the axis where one-hot vectors are made.
    dense = theirs(family)(UNITS)
    dense.build((None, None, vocabulary))
    assert (batch, time, vocabulary) in wide(lambda ids: dense(tf.one_hot(ids, vocabulary)))


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak of memory from /proc")
def test_memory_of_a_large_vocabulary():
    """One-hot vectors of this batch would fill 650 MB; a training step on the ids takes a small part of that."""
    printed = run_python(
        """
        import numpy as np
        import tensorflow as tf
        import rnn_keras.layers

        def resident(field):
            with open("/proc/self/status") as status:
                return next(int(line.split()[1]) / 1024 for line in status if line.startswith(field))

        layer = rnn_keras.layers.LSTM(8, input_dim=20000)
        ids = np.random.default_rng(0).integers(0, 20000, (64, 128)).astype("int32")

        def step(ids):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(layer(ids))
            return loss, tape.gradient(loss, [w.value for w in layer.weights])

        step(ids[:2, :2])
        before = resident("VmRSS")
        step(ids)
        print("grew", resident("VmHWM") - before)
        """
    )
    assert float(printed.split("grew")[1]) < 200.0


def test_one_hot_layer():
    layer = ours("OneHot")(VOCABULARY)
    out = layer(IDS)
    assert out.dtype == "float32"
    np.testing.assert_array_equal(out, ONE_HOT)
    symbolic = layer(keras.Input((None,), dtype="int32"))
    assert symbolic.shape == (None, None, VOCABULARY)
    assert layer.weights == []
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is ours("OneHot")
    np.testing.assert_array_equal(again(IDS), ONE_HOT)
    assert keras.saving.get_registered_name(ours("OneHot")) == "rnn_keras>OneHot"


def test_one_hot_before_a_recurrent_layer_equals_ids():
    """The long way and the short way to the same model; the mask passes through."""
    tokens = keras.Input((None,), dtype="int32")
    dense = ours("GRU")(UNITS, return_sequences=True)
    long = keras.Model(tokens, dense(ours("OneHot")(VOCABULARY)(tokens)))
    short = id_layer("GRU", return_sequences=True)
    dense.set_weights(short.get_weights())
    np.testing.assert_allclose(long(IDS), short(IDS), rtol=1e-6, atol=1e-6)


def test_one_hot_policies_and_errors():
    half = ours("OneHot")(5000, dtype="mixed_float16")
    out = half(np.array([[4096, 4097]], "int32"))
    assert out.dtype == "float16"
    np.testing.assert_array_equal(np.argmax(out, axis=-1), [[4096, 4097]])
    for depth in (0, -1, 2.5):
        with pytest.raises(ValueError, match="depth"):
            ours("OneHot")(depth)
    with pytest.raises(ValueError, match="int"):
        ours("OneHot")(VOCABULARY)(IDS.astype("float32"))


def test_one_hot_sparse():
    """The sparse result holds the same numbers."""
    sparse = ours("OneHot")(VOCABULARY, sparse=True)(IDS)
    assert isinstance(sparse, tf.SparseTensor)
    np.testing.assert_array_equal(tf.sparse.to_dense(tf.sparse.reorder(sparse)), ONE_HOT)


@pytest.mark.parametrize("family", FAMILIES)
def test_dropout_drops_ids(family):
    """A dropped id reads as a row of zeros and a kept one is scaled up, as a one-hot vector would be."""
    gates = GATES[family]
    layer = ours(family)(4, input_dim=1, dropout=0.5, activation="linear", return_sequences=True, use_bias=False)
    layer.build((None, None))
    layer.set_weights([np.ones((1, 4 * gates)), np.zeros((4, 4 * gates))])
    ids = np.zeros((400, 1), "int32")
    out = layer(ids, training=True).numpy()[:, 0]
    dense = np.repeat(np.array([[[0.0]], [[2.0]]], "float32"), 1, axis=1)
    dropped, kept = numpy_list(layer(dense))[0][:, 0]
    is_dropped = np.isclose(out, dropped, atol=1e-5).all(axis=-1)
    is_kept = np.isclose(out, kept, atol=1e-5).all(axis=-1)
    assert (is_dropped ^ is_kept).all()
    # Five standard deviations of 400 draws.
    assert abs(is_dropped.mean() - 0.5) < 0.125
    undropped = as_list(layer(ids))[0][:, 0]
    np.testing.assert_allclose(undropped, np.repeat(numpy_list(layer(dense / 2))[0][1], 400, axis=0), rtol=1e-5)
