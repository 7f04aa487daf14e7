"""A model as a `.keras` file that can be opened again, and that says whose it is."""

import json
import zipfile
from pathlib import Path

import keras

from rnn_keras.export.keras_file import APP_FILE, list_saved_classes
from rnn_keras.layers.traversal import iterate_layers
from rnn_keras.utils.errors import UserError, first_line

REGISTER = "put @keras.saving.register_keras_serializable(package=__name__) above it"


def save_keras_file(model: keras.Model, path: Path, app: str | None = None) -> None:
    """Writes a model as a `.keras` file.

    Args:
        model: any model of Keras.
        path: the file.
        app: the name of the app that the model is of; see `keras_file.read_app_name`.

    Raises:
        UserError: a layer cannot be saved, or could not be found again by whoever opens the file.
    """
    again = "correct that and repeat the command: nothing that was trained is lost"
    try:
        model.save(path)
    except (NotImplementedError, TypeError) as error:
        raise UserError(
            f"the model cannot be saved ({first_line(error)}): get_config of a layer returns the arguments of its "
            f"__init__, as numbers and texts; {again}"
        ) from error
    for saved in list_saved_classes(path):
        if keras.saving.get_registered_object(saved.registered_name) is None:
            raise UserError(f"the model has {saved.name}, which is not registered with Keras: {REGISTER}; {again}")
    with zipfile.ZipFile(path) as archive:
        has_lambda = b'"__lambda__"' in archive.read("config.json")
    if has_lambda:
        raise UserError(
            "the model has a Lambda layer with a lambda, which Keras does not load again: make it a layer of its own, "
            f"or give it a function that is registered; {again}"
        )
    if app is not None:
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(APP_FILE, json.dumps({"app": app}))


def find_unsaveable_layers(network: keras.Model) -> list[str]:
    """Sentences on the layers that a saved model could not have, one for each class; to be told before a training."""
    found = {}
    for layer in iterate_layers(network):
        kind = type(layer)
        is_known = kind.__module__.split(".")[0] == "keras" or keras.saving.get_registered_name(kind) != kind.__name__
        if not is_known:
            found[kind.__name__] = f"the layer {kind.__name__} is not registered with Keras: {REGISTER}"
        elif _is_lambda(layer):
            found[layer.name] = f"the layer {layer.name} is a Lambda with a lambda: make it a layer of its own"
    return [f"{reason}; a saved model that has it cannot be opened" for reason in found.values()]


def _is_lambda(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.Lambda) and getattr(layer.function, "__name__", "") == "<lambda>"
