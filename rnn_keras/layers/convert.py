"""A model's recurrent layers exchanged: those of keras.layers for ours, and back."""

from typing import Any, Literal

import keras

from rnn_keras.layers.assets import copy_assets
from rnn_keras.layers.gru import GRU, GRUCell
from rnn_keras.layers.lstm import LSTM, LSTMCell
from rnn_keras.layers.simple_rnn import SimpleRNN, SimpleRNNCell

OURS: dict[str, type] = {cls.__name__: cls for cls in (SimpleRNN, SimpleRNNCell, LSTM, LSTMCell, GRU, GRUCell)}
THEIRS: dict[str, type] = {name: getattr(keras.layers, name) for name in OURS}
# What keras.layers do not know.
OWN_ARGUMENTS = ("input_dim", "general_loop")


def convert(model: keras.Model, to: Literal["rnn_keras", "keras"] = "rnn_keras") -> keras.Model:
    """The same model with other recurrent layers: all of keras.layers become those of rnn_keras.layers, or back.

    Layers inside Bidirectional, TimeDistributed, RNN, StackedRNNCells and inner models are among them. Weights, names,
    compilation and the optimizer's state are kept; the given model stays as it is.

    Args:
        model: functional, Sequential, or of a class whose `from_config` makes it from its layers' configurations.
        to: "keras" gives a model that is saved and opened without this package.

    Raises:
        ValueError: an unknown `to`; a model whose own code makes its layers; back to keras.layers, a layer with
            `input_dim`, which they do not have.

    Example:
        >>> inputs = keras.Input((None, 4))
        >>> model = keras.Model(inputs, keras.layers.Bidirectional(keras.layers.LSTM(8))(inputs))
        >>> type(convert(model).layers[1].forward_layer)
        <class 'rnn_keras.layers.lstm.LSTM'>
        >>> convert(convert(model), to="keras").save("model.keras")
    """
    if to not in ("rnn_keras", "keras"):
        raise ValueError(f"`to` must be 'rnn_keras' or 'keras', got {to!r}.")
    source, target = (THEIRS, OURS) if to == "rnn_keras" else (OURS, THEIRS)
    own_classes = {type(layer).__name__: type(layer) for layer in model._flatten_layers() if is_custom(layer)}
    config = replace_layers(keras.saving.serialize_keras_object(model), source, target)
    # Not loading: the configuration, functions of Lambda layers included, is that of the given model.
    converted: Any = keras.saving.deserialize_keras_object(config, custom_objects=own_classes, safe_mode=False)
    left = [layer.name for layer in converted._flatten_layers() if type(layer) in source.values()]
    if left:
        raise ValueError(
            f"{type(model).__name__} makes its layers {', '.join(left)} in its own code, not from its configuration: "
            "change the import there."
        )
    if model.built:
        if not converted.built:
            converted.build(model.input_shape)
        converted.set_weights(model.get_weights())
        copy_optimizer(model, converted)
    copy_assets(model, converted)
    return converted


def is_custom(layer: keras.layers.Layer) -> bool:
    return not type(layer).__module__.startswith(("keras.", "rnn_keras."))


def replace_layers(config: Any, source: dict[str, type], target: dict[str, type]) -> Any:
    """A serialized object in which every recurrent layer and cell of `source` is one of `target`.

    Raises:
        ValueError: a layer has an `input_dim`, and the target is keras.layers.
    """
    if isinstance(config, list):
        return [replace_layers(value, source, target) for value in config]
    if not isinstance(config, dict):
        return config
    config = {name: replace_layers(value, source, target) for name, value in config.items()}
    if not (isinstance(config.get("config"), dict) and is_one_of(config, source)):
        return config
    arguments = config["config"]
    if target is THEIRS:
        if arguments.get("input_dim") is not None:
            raise ValueError(
                f"{arguments['name']} takes ids, with input_dim={arguments['input_dim']}, which keras.layers cannot: "
                "put a one-hot encoding before it, and leave `input_dim` out."
            )
        arguments = {name: value for name, value in arguments.items() if name not in OWN_ARGUMENTS}
    cls = target[config["class_name"]]
    return config | {
        "module": "keras.layers" if target is THEIRS else cls.__module__,
        "registered_name": None if target is THEIRS else keras.saving.get_registered_name(cls),
        "config": arguments,
    }


def is_one_of(config: dict[str, Any], source: dict[str, type]) -> bool:
    """Whether a serialized object is of one of these classes."""
    name = config.get("class_name")
    is_ours = str(config.get("registered_name") or "").startswith("rnn_keras>")
    return name in source and is_ours == (source is OURS) and (is_ours or config.get("module") == "keras.layers")


def copy_optimizer(model: keras.Model, converted: keras.Model) -> None:
    """The optimizer's state, so that training goes on where it stopped."""
    before, after = getattr(model, "optimizer", None), getattr(converted, "optimizer", None)
    if before is None or after is None or not before.built:
        return
    after.build(converted.trainable_variables)
    for old, new in zip(before.variables, after.variables, strict=True):
        new.assign(old)
