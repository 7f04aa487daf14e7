"""What could not be opened again is not saved, and a file says whose model it is."""

import keras
import numpy as np
import pytest

from rnn_keras.export.keras_file import read_app_name
from rnn_keras.export.keras_file_writer import find_unsaveable_layers, save_keras_file
from rnn_keras.utils.errors import UserError


class Unregistered(keras.layers.Layer):
    def call(self, inputs):
        return inputs


@keras.saving.register_keras_serializable(package=__name__)
class Registered(Unregistered):
    pass


@keras.saving.register_keras_serializable(package=__name__)
class Closed(keras.layers.Layer):
    def __init__(self, table, **kwargs):
        super().__init__(**kwargs)
        self.table = table

    def call(self, inputs):
        return inputs


def make_model(*layers):
    return keras.Sequential([keras.Input((2, 1)), *layers])


def test_a_model_that_can_be_opened_again(tmp_path):
    model = make_model(Registered(), keras.layers.Dense(1))
    save_keras_file(model, tmp_path / "model.keras", app="mood")
    assert find_unsaveable_layers(model) == []
    assert read_app_name(tmp_path / "model.keras") == "mood"
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])
    loaded.save(tmp_path / "again.keras")
    assert read_app_name(tmp_path / "again.keras") is None
    (tmp_path / "cut.keras").write_bytes((tmp_path / "model.keras").read_bytes()[:200])
    assert read_app_name(tmp_path / "cut.keras") is read_app_name(tmp_path / "none.keras") is None


@pytest.mark.parametrize(
    ("layer", "saving", "before"),
    [
        (
            Unregistered,
            "the model has Unregistered, which is not registered with Keras: put",
            "layer Unregistered is not",
        ),
        (
            lambda: keras.layers.TimeDistributed(Unregistered()),
            "the model has Unregistered, which is not registered",
            None,
        ),
        (lambda: keras.layers.Lambda(lambda x: x), "has a Lambda layer with a lambda", "is a Lambda with a lambda"),
        (lambda: Closed(object()), "the model cannot be saved .* get_config of a layer returns the arguments", None),
    ],
)
def test_what_could_not_be_opened_again_is_a_sentence(layer, saving, before, tmp_path):
    model = make_model(layer())
    with pytest.raises(UserError, match=f"{saving}.*nothing that was trained is lost"):
        save_keras_file(model, tmp_path / "model.keras")
    problems = find_unsaveable_layers(model)
    assert len(problems) == (before is not None) and all(before in problem for problem in problems)
