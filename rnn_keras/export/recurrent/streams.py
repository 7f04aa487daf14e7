"""Files that read a stream in parts: states are inputs, and their next values outputs, which the runner hands on."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras
import tensorflow as tf

from rnn_keras.export.model_function import ModelFunction
from rnn_keras.export.recurrent.calls import find_recurrent_layers
from rnn_keras.export.recurrent.engine import Note, Streams, list_states
from rnn_keras.export.spec import extend_description
from rnn_keras.layers.assets import copy_assets
from rnn_keras.runtime.network import STATES
from rnn_keras.utils.errors import UserError

NEXT = "next_"  # before the name of a state: its next value


def make_stream(
    function: ModelFunction,
    specs: Sequence[tf.TensorSpec],
    layers: Sequence[Any],
    prepare: Callable[..., AbstractContextManager[dict[int, Note]]],
    notes: list[Note] | None,
) -> tuple[Callable[..., dict[str, Any]], list[tf.TensorSpec]]:
    """A model whose states are inputs and outputs, and the specs of all its inputs.

    Args:
        function: the model.
        specs: of its own inputs.
        layers: the recurrent layers whose states are handed on; may be none.
        prepare: takes `stateful` and `streams` of `recurrent.calls.replaced`, and is that.
        notes: is filled with how each recurrent layer is computed when the model is called; None: nobody asks.
    """
    sizes = list_states(layers)
    rows = specs[0].shape[0]

    def serve(*tensors: Any) -> dict[str, Any]:
        streams = Streams(dict(zip(sizes, tensors[len(specs) :], strict=True)))
        with prepare(stateful=layers, streams=streams) as found:
            outputs = function(*tensors[: len(specs)])
        if notes is not None:
            notes[:] = found.values()
        return outputs | {NEXT + name: streams.next_states[name] for name in sizes}

    return serve, [*specs, *(tf.TensorSpec((rows, size), tf.float32, name) for name, size in sizes.items())]


def describe_states(layers: Sequence[Any], files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files inside, whose description also says which outputs are the next values of which inputs."""
    if not layers:
        return dict(files)
    return extend_description(files, **{STATES: {name: NEXT + name for name in list_states(layers)}})


def require_stream(model: keras.Model) -> list[Any]:
    """The recurrent layers of a model that can read a stream in parts.

    Raises:
        UserError: a layer reads backwards, and so needs the end first.
    """
    layers = find_recurrent_layers(model)
    for layer in layers:
        if layer.go_backwards:
            raise UserError(
                f"{layer.path or layer.name} reads from the end, so that the model cannot read a stream in parts; "
                "leave `stream` out, or use layers that read forwards alone"
            )
    return layers


def make_stateless(model: keras.Model) -> keras.Model:
    """The same model with the same weights, whose layers keep no state, for any batch size.

    Raises:
        UserError: it is of a class whose configuration does not make its layers.
    """
    stateful = [layer for layer in find_recurrent_layers(model) if layer.stateful]
    states = {id(variable) for layer in stateful for variable in tf.nest.flatten(layer.states or [])}
    config = _remove_states(keras.saving.serialize_keras_object(model))
    classes = {type(layer).__name__: type(layer) for layer in model._flatten_layers()}
    copy: Any = keras.saving.deserialize_keras_object(config, custom_objects=classes, safe_mode=False)
    if any(layer.stateful for layer in find_recurrent_layers(copy)):
        raise UserError(
            f"{type(model).__name__} makes its stateful layers in its own code; make them with stateful=False, and "
            "export with `stream`"
        )
    copy.set_weights([variable.numpy() for variable in model.weights if id(variable) not in states])
    copy_assets(model, copy)
    return copy


def _remove_states(config: Any) -> Any:
    if isinstance(config, list):
        return [_remove_states(value) for value in config]
    if not isinstance(config, dict):
        return config
    config = {name: _remove_states(value) for name, value in config.items()}
    if config.get("stateful"):
        config["stateful"] = False
    if isinstance(config.get("batch_shape"), list | tuple):
        config["batch_shape"] = [None, *config["batch_shape"][1:]]
    return config
