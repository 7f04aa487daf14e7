"""Recurrent networks that keep their state between batches: for truncated backpropagation through time, and streams."""

import keras
from keras import ops

from rnn_keras.layers import TimeDistributed
from rnn_keras.layers.assets import copy_assets
from rnn_keras.layers.traversal import find_recurrent_layers, iterate_layers


def make_stateful(network: keras.Model, batch_size: int) -> keras.Model:
    """A copy of a network, with all its weights, whose recurrent layers keep their state from call to call.

    Args:
        network: functional or Sequential, and so may models inside it be. Its recurrent layers, ours, those of
            keras.layers or keras.layers.RNN with any registered cell, read forward in time. A recurrent layer within
            TimeDistributed (of keras.layers or rnn_keras.layers) starts from zeros in every step, in the copy as well.
        batch_size: the size of every batch.

    Raises:
        ValueError: the network is not built; or a recurrent layer reads backward, or is inside a layer that hides it,
            so that its state would be lost unnoticed.

    Example:
        >>> network = keras.Sequential([keras.Input((None, 3)), keras.layers.GRU(8, return_sequences=True)])
        >>> live = make_stateful(network, batch_size=1)
        >>> first = live(np.ones((1, 5, 3)))
        >>> second = live(np.ones((1, 5, 3)))  # continues from the state after the first
        >>> [state.shape for state in get_states(live)]
        [TensorShape([1, 8])]
    """
    for layer in iterate_layers(network):
        _require_forward(layer)
    return _copy(network, batch_size)


def make_stateless(network: keras.Model) -> keras.Model:
    """A copy of a network, with all its weights, that keeps no state and takes batches of any size; for inference.

    Args:
        network: as for `make_stateful`; also one that keeps no state.

    Raises:
        ValueError: the network is not built.

    Example:
        >>> live = keras.Sequential([keras.Input((None, 3), batch_size=1), keras.layers.GRU(8, stateful=True)])
        >>> make_stateless(live)(np.ones((4, 5, 3))).shape
        TensorShape([4, 8])
    """
    return _copy(network, None)


def get_states(network: keras.Model) -> list[keras.Variable]:
    """The variables `(batch_size, ...)` in which the recurrent layers of a network keep their state."""
    layers = [
        layer for layer in find_recurrent_layers(network) if isinstance(layer, keras.layers.RNN) and layer.stateful
    ]
    return [state for layer in layers for state in keras.tree.flatten(layer.states)]


class StatefulModel(keras.Model):
    """A network that keeps its state, for batches whose input `continues` says which rows continue their sequence.

    Before the network is called, the state of each row with `continues` 0 is set to zero; a row with 1 starts from the
    state that the previous batch left. Without the input `continues`, all rows do. The gradient reaches back to the
    first step of the batch. `rnn_keras.data.streams.StreamBatches` makes such batches.

    It is trained with plain `fit`. `make_stateless` makes of it a network for inference, which can be saved.

    Args:
        inputs, outputs: of the network, as for keras.Model; see `make_stateful`. A network that keeps no state can be
            trained on the same batches.

    Call arguments:
        inputs: a dict of the network's inputs by their names, and `continues (batch_size,)`, 0 or 1. A network with one
            input takes that one under any name.
    """

    def __call__(self, inputs, *args, **kwargs):
        if isinstance(inputs, dict) and "continues" in inputs:
            for state in get_states(self):
                continues = ops.reshape(inputs["continues"], (-1, *[1] * (len(state.shape) - 1)))
                state.assign(state * ops.cast(continues, state.dtype))
            # The network does not have this input, and Keras would use it as the first, by the order of the names.
            inputs = {name: value for name, value in inputs.items() if name != "continues"}
            if len(inputs) == len(self.inputs) == 1:
                inputs = keras.tree.pack_sequence_as(self.input, list(inputs.values()))
        return super().__call__(inputs, *args, **kwargs)


def _require_forward(layer: keras.layers.Layer) -> None:
    if isinstance(layer, keras.layers.Bidirectional) or getattr(layer, "go_backwards", False):
        raise ValueError(
            f"{layer.name} reads backward, from steps that are in later windows: a stream has no end to start from; "
            "use a layer that reads forward"
        )
    if isinstance(layer, (keras.layers.RNN, keras.layers.TimeDistributed, TimeDistributed)):
        return
    if any(isinstance(inner, keras.layers.RNN) for inner in layer._flatten_layers()):  # there is no public way
        raise ValueError(
            f"{layer.name}, a {type(layer).__name__}, hides a recurrent layer, whose state cannot be kept; make that "
            "layer one of the network itself"
        )


def _copy(network: keras.Model, batch_size: int | None) -> keras.Model:
    """A copy with weights of its own, stateful where there is a batch size."""
    copy = _copy_layers(network, batch_size)
    for new, old in zip(_weights(copy), _weights(network), strict=True):
        new.assign(old)
    copy_assets(network, copy)
    return copy


def _copy_layers(network: keras.Model, batch_size: int | None) -> keras.Model:
    if not hasattr(network, "inputs"):
        raise ValueError(
            f"the network {network.name!r}, a {type(network).__name__}, has no graph of layers to copy: expected a "
            "functional model, or a Sequential that was called or begins with a keras.Input"
        )

    def copy_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.Model) and find_recurrent_layers(layer):
            return _copy_layers(layer, batch_size)
        config = layer.get_config()
        if isinstance(layer, keras.layers.RNN):
            config["stateful"] = batch_size is not None
        return type(layer).from_config(config)

    if isinstance(network, keras.Sequential):
        inputs, outputs = network.inputs[0], network.outputs[0]
    else:
        inputs, outputs = network.input, network.output
    new_inputs = keras.tree.map_structure(
        lambda tensor: keras.Input(batch_shape=(batch_size, *tensor.shape[1:]), dtype=tensor.dtype, name=tensor.name),
        inputs,
    )
    plain = keras.Model(inputs, outputs, name=network.name)  # of a compiled one, the copy would be compiled as well
    return keras.models.clone_model(plain, input_tensors=new_inputs, clone_function=copy_layer)


def _weights(network: keras.Model) -> list[keras.Variable]:
    """All weights except the states."""
    states = {id(state) for state in get_states(network)}
    return [weight for weight in network.weights if id(weight) not in states]
