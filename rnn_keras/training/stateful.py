"""Recurrent networks that go on from where their last batch left them: truncated BPTT, and streams."""

import keras

from rnn_keras.layers import TimeDistributed
from rnn_keras.layers.traversal import find_recurrent_layers, iterate_layers


def make_stateful(network: keras.Model, rows: int | None) -> keras.Model:
    """A copy of a network, with all its weights, whose recurrent layers keep their state between calls.

    Args:
        network: functional or Sequential, with others of the kind inside if you like; its recurrent layers, ours,
            those of keras.layers or keras.layers.RNN with any registered cell, go forward in time. One within
            TimeDistributed (of keras.layers or rnn_keras.layers) begins anew in every step, in the copy as well.
        rows: the fixed batch size; None: the copy keeps no state and takes any number, as for inference on its own.

    Raises:
        ValueError: the network is not built; or, with `rows`, a recurrent layer goes backwards or is inside of a layer
            that hides it, so that its state would be lost unseen.
    """
    if rows is not None:
        for layer in iterate_layers(network):
            _require_carriable(layer)
    copy = _copied(network, rows)
    for new, old in zip(_weights(copy), _weights(network), strict=True):
        new.assign(old)
    for layer in iterate_layers(copy):
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with what it made of its weights
    return copy


def get_states(network: keras.Model) -> list:
    """The variables `(rows, ...)` in which a network's recurrent layers keep their state."""
    layers = [
        layer for layer in find_recurrent_layers(network) if isinstance(layer, keras.layers.RNN) and layer.stateful
    ]
    return [state for layer in layers for state in keras.tree.flatten(layer.states)]


def _require_carriable(layer: keras.layers.Layer) -> None:
    if isinstance(layer, keras.layers.Bidirectional) or getattr(layer, "go_backwards", False):
        raise ValueError(
            f"{layer.name} reads backwards, from steps that are in later windows: a stream has no end to begin at; "
            "make it a layer that goes forward"
        )
    if isinstance(layer, (keras.layers.RNN, keras.layers.TimeDistributed, TimeDistributed)):
        return
    if any(isinstance(inner, keras.layers.RNN) for inner in layer._flatten_layers()):  # there is no public way
        raise ValueError(
            f"{layer.name}, a {type(layer).__name__}, hides a recurrent layer, whose state cannot be kept; make "
            "that layer one of the network itself"
        )


def _copied(network: keras.Model, rows: int | None) -> keras.Model:
    """With weights of its own."""
    if not hasattr(network, "inputs"):
        raise ValueError(
            f"the network {network.name!r}, a {type(network).__name__}, has no graph of layers to copy: expected a "
            "functional one, or a Sequential that was called or begins with a keras.Input"
        )

    def copied(layer):
        if isinstance(layer, keras.Model) and find_recurrent_layers(layer):
            return _copied(layer, rows)
        config = layer.get_config()
        if isinstance(layer, keras.layers.RNN):
            config["stateful"] = rows is not None
        return type(layer).from_config(config)

    if isinstance(network, keras.Sequential):
        given, made = network.inputs[0], network.outputs[0]
    else:
        given, made = network.input, network.output
    inputs = keras.tree.map_structure(
        lambda tensor: keras.Input(batch_shape=(rows, *tensor.shape[1:]), dtype=tensor.dtype, name=tensor.name), given
    )
    plain = keras.Model(given, made, name=network.name)  # else the copy is compiled as it is
    return keras.models.clone_model(plain, input_tensors=inputs, clone_function=copied)


def _weights(network: keras.Model) -> list:
    """All but the kept states."""
    states = {id(state) for state in get_states(network)}
    return [weight for weight in network.weights if id(weight) not in states]


class StatefulModel(keras.Model):
    """Trains a network that keeps its state, on batches whose inputs say in `continues` which rows go on.

    `apps.video_tagging.windows.WindowBatches` and `rnn_keras.data.streams.StreamBatches` make such batches.

    Wherever it is called, the state of a row is set to zero first where the batch's `continues` is 0; the gradient
    reaches back to the window's first step. Inputs without `continues` go on from the state as it is. Source: Williams
    & Peng, An efficient gradient-based algorithm for on-line training of recurrent network trajectories, Neural
    Computation 2, 1990.

    Args:
        inputs, outputs: of the network, whose recurrent layers are stateful, or keep no state.
    """

    def __call__(self, inputs, *args, **kwargs):
        if isinstance(inputs, dict) and "continues" in inputs:
            for state in get_states(self):
                continues = keras.ops.reshape(inputs["continues"], (-1, *[1] * (len(state.shape) - 1)))
                state.assign(state * keras.ops.cast(continues, state.dtype))
            # The network knows no such input, and Keras would take it for the first, by the order of the names.
            inputs = {name: value for name, value in inputs.items() if name != "continues"}
        return super().__call__(inputs, *args, **kwargs)
