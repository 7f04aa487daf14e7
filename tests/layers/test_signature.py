"""Constructors, weights and attributes: whatever code reads from a Keras layer, it can read from ours."""

import inspect
import re

import keras
import numpy as np
import pytest

import rnn_keras.layers
from tests.helpers.layer_cases import CELLS, FAMILIES, VARIANT_IDS, VARIANTS, built_pair, ours, theirs

SHAPE = (2, 3, 4)


@pytest.mark.parametrize("name", [*FAMILIES, *CELLS])
def test_constructor_arguments(name):
    """Same names, order and defaults, so that calls by position mean the same; only two are added at the end."""
    mine = inspect.signature(ours(name)).parameters
    other = inspect.signature(theirs(name)).parameters
    extra = [p for p in mine if p not in other]
    assert extra == (["input_dim", "general_loop"] if name in FAMILIES else [])
    assert [p for p in mine if p not in extra] == list(other)
    for parameter in other:
        assert mine[parameter].default == other[parameter].default, parameter
        assert mine[parameter].kind == other[parameter].kind, parameter
    if extra:
        assert (mine["input_dim"].default, mine["general_loop"].default) == (None, False)


@pytest.mark.parametrize("name", FAMILIES)
def test_call_arguments(name):
    mine = inspect.signature(ours(name).call).parameters
    other = inspect.signature(theirs(name).call).parameters
    assert [(p.name, p.default) for p in mine.values()] == [(p.name, p.default) for p in other.values()]


@pytest.mark.parametrize("name", CELLS)
def test_cell_call_arguments(name):
    """RNN passes `training` by name and inputs and states by position."""
    mine = list(inspect.signature(ours(name).call).parameters.values())
    other = list(inspect.signature(theirs(name).call).parameters.values())
    assert [p.default for p in mine] == [p.default for p in other]
    assert mine[-1].name == other[-1].name == "training"


@pytest.mark.parametrize("name", FAMILIES)
def test_arguments_by_position(name):
    """A long positional call sets what it sets in Keras."""
    third = (False,) if name == "SimpleRNN" else ("hard_sigmoid", False)
    mine, other = ours(name)(4, "relu", *third), theirs(name)(4, "relu", *third)
    assert mine.units == other.units == 4
    assert mine.activation is other.activation
    assert mine.use_bias is other.use_bias is False


def test_public_names():
    names = {*FAMILIES, *CELLS, "OneHot"}
    assert names <= set(rnn_keras.layers.__all__) <= set(dir(rnn_keras.layers))


@pytest.mark.parametrize("name", [*FAMILIES, *CELLS])
def test_is_a_keras_layer_registered_under_the_package(name):
    cls = ours(name)
    assert issubclass(cls, keras.layers.Layer)
    assert cls is not theirs(name)
    registered = keras.saving.get_registered_name(cls)
    assert registered == f"rnn_keras>{name}"
    assert keras.saving.get_registered_object(registered) is cls


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize(("family", "extra"), VARIANTS, ids=VARIANT_IDS)
def test_weights(family, extra, use_bias):
    """Names, paths, shapes and order; the same for the cell alone."""
    for name, shape in ((family, SHAPE), (family + "Cell", (2, 4))):
        mine, other = built_pair(name, shape, units=3, use_bias=use_bias, name="layer", **extra)
        assert [w.name for w in mine.weights] == [w.name for w in other.weights]
        assert [w.path for w in mine.weights] == [w.path for w in other.weights]
        assert [w.shape for w in mine.weights] == [w.shape for w in other.weights]
        assert len(mine.weights) == 2 + use_bias
        assert mine.count_params() == other.count_params()
        assert len(mine.variables) == len(other.variables)
        assert (mine.bias if name != family else mine.cell.bias) is None or use_bias


@pytest.mark.parametrize("family", FAMILIES)
def test_default_layer_name(family):
    """Models name their layers after these, and weights files hold the names."""
    mine, other = ours(family)(2), theirs(family)(2)
    # The number at the end counts the layers made so far.
    assert re.sub(r"_\d+$", "", mine.name) == re.sub(r"_\d+$", "", other.name)
    assert mine.cell.name == other.cell.name


def layers_in_a_model(library):
    """`(model, layers)`: all six classes of a library, on their own, in a Bidirectional and in a keras.layers.RNN."""
    steps = keras.Input((None, 4))
    lstm, gru = library.LSTM(3, return_sequences=True, name="first"), library.GRU(2, name="last")
    both = keras.layers.Bidirectional(library.SimpleRNN(3, return_sequences=True, name="inner"), name="both")
    cells = [getattr(library, name)(2, name=name.lower()) for name in CELLS]
    stack = keras.layers.RNN(keras.layers.StackedRNNCells(cells, name="cells"), return_sequences=True, name="stack")
    model = keras.Model(steps, gru(stack(both(lstm(steps)))))
    layers = [lstm, both.forward_layer, both.backward_layer, gru]
    return model, [*layers, *(layer.cell for layer in layers), *cells]


def test_path_is_the_place_in_the_model():
    """keras.Layer.path, which DTypePolicyMap and quantizers read; not to be confused with `execution_path`."""
    model, layers = layers_in_a_model(rnn_keras.layers)
    _, others = layers_in_a_model(keras.layers)
    expected = [layer.path for layer in others]
    assert expected[0] == "first" and None not in expected
    assert [layer.path for layer in layers] == expected
    model(np.ones((2, 3, 4), "float32"))
    assert [layer.path for layer in layers] == expected
    assert layers[0].execution_path == "fast"
    for name in (*FAMILIES, *CELLS):
        assert ours(name)(2).path is theirs(name)(2).path is None


@pytest.mark.parametrize("name", [*FAMILIES, *CELLS])
def test_nothing_of_keras_is_overridden_by_accident(name):
    """A new public name of keras.Layer must not meet one that we use for something else."""
    meant = {"build", "call", "get_config", "from_config", "dtype", "input_spec", "output_size", "rematerialized_call"}
    classes = [cls for cls in ours(name).__mro__ if cls.__module__.startswith("rnn_keras.")]
    own = {attribute for cls in classes for attribute in vars(cls) if not attribute.startswith("_")}
    assert own & set(dir(keras.Layer)) <= meant


LAYER_ATTRIBUTES = [
    "units",
    "activation",
    "use_bias",
    "dropout",
    "recurrent_dropout",
    "return_sequences",
    "return_state",
    "go_backwards",
    "stateful",
    "unroll",
    "zero_output_for_mask",
    "supports_masking",
    "state_size",
    "single_state",
    "trainable",
    "compute_dtype",
    "variable_dtype",
    "built",
    "supports_jit",
]
CELL_ATTRIBUTES = [
    "units",
    "activation",
    "use_bias",
    "dropout",
    "recurrent_dropout",
    "state_size",
    "output_size",
    "seed",
    "trainable",
    "compute_dtype",
    "built",
]
OBJECTS = [
    "kernel_initializer",
    "recurrent_initializer",
    "bias_initializer",
    "kernel_regularizer",
    "recurrent_regularizer",
    "bias_regularizer",
    "kernel_constraint",
    "recurrent_constraint",
    "bias_constraint",
]


def settings(family, which):
    common = {
        "units": 3,
        "activation": "relu",
        "use_bias": False,
        "dropout": 0.2,
        "kernel_initializer": "he_normal",
        "recurrent_initializer": "ones",
        "kernel_regularizer": "l2",
        "recurrent_constraint": "non_neg",
        "return_sequences": True,
        "return_state": True,
        "go_backwards": True,
        "stateful": True,
        "unroll": True,
        "zero_output_for_mask": True,
        "seed": 5,
        "trainable": False,
    }
    gated = {"recurrent_activation": "hard_sigmoid", "recurrent_dropout": 0.3, "implementation": 1, "use_cudnn": False}
    special = {"SimpleRNN": {}, "LSTM": {**gated, "unit_forget_bias": False}, "GRU": {**gated, "reset_after": False}}
    return {"units": 3} if which == "defaults" else {**common, **special[family]}


@pytest.mark.parametrize("which", ["defaults", "everything set"])
@pytest.mark.parametrize("family", FAMILIES)
def test_attributes(family, which):
    kwargs = settings(family, which)
    mine, other = built_pair(family, SHAPE, **kwargs)
    layer_attributes, cell_attributes = list(LAYER_ATTRIBUTES), list(CELL_ATTRIBUTES)
    if family != "SimpleRNN":
        layer_attributes += ["recurrent_activation", "use_cudnn"]
        cell_attributes += ["recurrent_activation", "implementation"]
    if family == "LSTM":
        layer_attributes.append("unit_forget_bias")
        cell_attributes.append("unit_forget_bias")
    if family == "GRU":
        layer_attributes.append("reset_after")
        cell_attributes.append("reset_after")
    for attribute in layer_attributes:
        assert getattr(mine, attribute) == getattr(other, attribute), attribute
    for attribute in cell_attributes:
        assert getattr(mine.cell, attribute) == getattr(other.cell, attribute), attribute
    for attribute in OBJECTS:
        for a, b in ((mine, other), (mine.cell, other.cell)):
            assert type(getattr(a, attribute)) is type(getattr(b, attribute)), attribute
    assert isinstance(mine.cell, ours(family + "Cell"))
    for weight in ("kernel", "recurrent_kernel"):
        np.testing.assert_array_equal(getattr(mine.cell, weight).numpy(), getattr(other.cell, weight).numpy())


@pytest.mark.parametrize("name", [*FAMILIES, *CELLS])
def test_unknown_argument(name):
    for cls in (ours(name), theirs(name)):
        with pytest.raises((TypeError, ValueError), match="no_such_argument"):
            cls(3, no_such_argument=1)


@pytest.mark.parametrize("name", [*FAMILIES, *CELLS])
def test_the_same_seed_gives_the_same_first_weights(name):
    shape = SHAPE if name in FAMILIES else SHAPE[1:]
    weights = []
    for pick in (ours, theirs):
        keras.utils.set_random_seed(3)
        layer = pick(name)(5, dropout=0.5, recurrent_dropout=0.5)
        layer.build(shape)
        weights.append([*layer.get_weights(), layer.variables[-1].numpy()])
    for mine, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(mine, other)
