"""Configurations, .keras files and weights files, in this process and in a fresh one."""

import inspect
import json

import keras
import numpy as np
import pytest

from tests.helpers.layer_cases import CELLS, FAMILIES, built_pair, combinations, ours, randomize, run_python, theirs

from .test_signature import settings


def sentence_model(pick):
    """All three families, one of them bidirectional, a stack of cells, and options away from their defaults."""
    tokens = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(11, 4, mask_zero=True)(tokens)
    x = keras.layers.Bidirectional(pick("LSTM")(3, return_sequences=True, dropout=0.2))(x)
    x = pick("GRU")(4, return_sequences=True, reset_after=False, go_backwards=True, activation="softsign")(x)
    x = keras.layers.RNN([pick(name)(3) for name in CELLS], return_sequences=True)(x)
    x = pick("SimpleRNN")(3, kernel_regularizer="l2", recurrent_constraint=keras.constraints.MaxNorm(2.0))(x)
    return keras.Model(tokens, keras.layers.Dense(2)(x))


def tokens_data():
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, 11, (4, 6))
    tokens[1, 3:] = 0
    return tokens.astype("int32")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    model = sentence_model(ours)
    randomize(model, seed=1)
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    model.save(path)
    return model, path


def test_keras_file_round_trip(saved):
    model, path = saved
    loaded = keras.saving.load_model(path)
    np.testing.assert_array_equal(loaded(tokens_data()), model(tokens_data()))
    for a, b in zip(loaded.layers, model.layers, strict=True):
        assert type(a) is type(b)
    assert json.dumps(loaded.get_config(), sort_keys=True) == json.dumps(model.get_config(), sort_keys=True)


@pytest.mark.slow
def test_keras_file_in_a_fresh_process(tmp_path):
    """Importing the package is all that loading needs; the difference is 0.0.

    The file comes from a fresh process too: in one that has run other tests, a sum was once rounded otherwise.
    """
    run_python(
        """
        import sys
        import numpy as np
        from tests.helpers.layer_cases import ours, randomize
        from tests.layers.test_serialisation import sentence_model, tokens_data
        model = sentence_model(ours)
        randomize(model, seed=1)
        model.save(sys.argv[1])
        np.save(sys.argv[2] + "/x.npy", tokens_data())
        np.save(sys.argv[2] + "/y.npy", model(tokens_data()).numpy())
        """,
        tmp_path / "model.keras",
        tmp_path,
    )
    printed = run_python(
        """
        import sys
        import numpy as np
        import keras
        import rnn_keras.layers
        model = keras.saving.load_model(sys.argv[1])
        folder = sys.argv[2]
        y = np.load(folder + "/y.npy")
        print("difference", np.abs(model(np.load(folder + "/x.npy")).numpy() - y).max())
        print("class", type(model.layers[3]) is rnn_keras.layers.GRU)
        """,
        tmp_path / "model.keras",
        tmp_path,
    )
    assert "difference 0.0\n" in printed
    assert "class True" in printed


@pytest.mark.parametrize("from_keras", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_weights_files_are_those_of_keras(from_keras, tmp_path):
    """Changing an import is all that a migration takes: weights files are read in both directions."""
    other, mine = sentence_model(theirs), sentence_model(ours)
    source, target = (other, mine) if from_keras else (mine, other)
    x = tokens_data()
    randomize(source, seed=5)
    source.save_weights(tmp_path / "source.weights.h5")
    expected = source(x)
    assert not np.allclose(target(x), expected, atol=1e-3)
    target.load_weights(tmp_path / "source.weights.h5")
    for a, b in zip(target.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(target(x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("which", ["defaults", "everything set"])
@pytest.mark.parametrize("family", FAMILIES)
def test_config(family, which):
    """Everything Keras writes is in the config with the same value, and the config makes the same layer."""
    kwargs = settings(family, which)
    mine, other = ours(family)(name="layer", **kwargs), theirs(family)(name="layer", **kwargs)
    config, expected = mine.get_config(), other.get_config()
    assert set(expected) <= set(config)
    for key, value in expected.items():
        assert config[key] == value, key
    assert config["input_dim"] is None
    json.dumps(config)
    again = ours(family).from_config(config)
    assert again.get_config() == config
    # A config that Keras wrote is one that ours reads.
    adopted = ours(family).from_config(expected)
    assert {k: v for k, v in adopted.get_config().items() if k in expected} == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_config_keeps_every_constructor_argument(family):
    """Also those that Keras does not write."""
    config = ours(family)(**settings(family, "everything set")).get_config()
    arguments = [p for p in inspect.signature(ours(family)).parameters if p not in ("kwargs", "use_cudnn")]
    assert [a for a in arguments if a not in config] == []
    for name, value in settings(family, "everything set").items():
        if isinstance(value, (bool, int, float)) and name != "use_cudnn":
            assert config[name] == value, name


@pytest.mark.parametrize("name", CELLS)
def test_cell_config(name):
    kwargs = {"units": 3, "dropout": 0.2, "activation": "relu", "seed": 4, "name": "cell"}
    mine, other = ours(name)(**kwargs), theirs(name)(**kwargs)
    config, expected = mine.get_config(), other.get_config()
    assert expected.items() <= config.items()
    assert ours(name).from_config(config).get_config() == config


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("LSTM",)))
def test_serialize_keras_object(family):
    """The registered name and the plain data of it bring back a layer with the same results."""
    layer, _ = built_pair(family, (2, 3, 4), units=3, return_sequences=True)
    data = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    assert data["registered_name"] == f"rnn_keras>{family}"
    again = keras.saving.deserialize_keras_object(data)
    assert type(again) is ours(family)
    again.build((2, 3, 4))
    again.set_weights(layer.get_weights())
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    np.testing.assert_array_equal(again(x), layer(x))


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("GRU",)))
def test_clone_model(family):
    model = keras.Sequential([keras.Input((3, 4)), ours(family)(2)])
    clone = keras.models.clone_model(model)
    assert type(clone.layers[0]) is ours(family)
    clone.set_weights(model.get_weights())
    x = np.ones((2, 3, 4), "float32")
    np.testing.assert_array_equal(clone(x), model(x))


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("LSTM",)))
def test_input_dim_round_trip(family, tmp_path):
    tokens = keras.Input((None,), dtype="int32")
    model = keras.Model(tokens, keras.layers.Bidirectional(ours(family)(3, input_dim=7))(tokens))
    model.save(tmp_path / "ids.keras")
    loaded = keras.saving.load_model(tmp_path / "ids.keras")
    assert loaded.layers[1].forward_layer.input_dim == 7
    assert loaded.layers[1].forward_layer.get_config()["input_dim"] == 7
    ids = np.array([[1, 2, 6], [0, 0, 5]], "int32")
    np.testing.assert_array_equal(loaded(ids), model(ids))
