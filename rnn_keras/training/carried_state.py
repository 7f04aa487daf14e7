"""Recurrent networks that go on from where their last batch left them: truncated BPTT, and streams."""

import keras

RECURRENT = (keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU)


def with_kept_state(network: keras.Model, rows: int | None) -> keras.Model:
    """A copy of a functional network, with its weights, whose recurrent layers keep their state between calls.

    Args:
        network: functional; the recurrent layers in it go forward in time.
        rows: the fixed batch size; None: the copy keeps no state and takes any number, as for inference on its own.
    """

    def copied(layer):
        config = layer.get_config()
        if isinstance(layer, RECURRENT):
            config["stateful"] = rows is not None
        return type(layer).from_config(config)

    inputs = keras.tree.map_structure(
        lambda tensor: keras.Input(batch_shape=(rows, *tensor.shape[1:]), dtype=tensor.dtype, name=tensor.name),
        network.input,
    )
    plain = keras.Model(network.input, network.output, name=network.name)  # else the copy is compiled as it is
    copy = keras.models.clone_model(plain, input_tensors=inputs, clone_function=copied)
    for new, old in zip(copy.trainable_variables, network.trainable_variables, strict=True):
        new.assign(old)
    return copy


def kept_states(network: keras.Model) -> list:
    """The variables `(rows, units)` in which a network's recurrent layers keep their state."""
    layers = [layer for layer in network.layers if isinstance(layer, RECURRENT) and layer.stateful]
    return [state for layer in layers for state in layer.states]


class CarryingModel(keras.Model):
    """Trains a network that keeps its state, on batches whose inputs say in `continues` which rows go on.

    `rnn_keras.data.windows.WindowBatches` and `rnn_keras.data.streams.StreamBatches` make such batches.

    Wherever it is called, the state of a row is set to zero first where the batch's `continues` is 0; the gradient
    reaches back to the window's first step. Inputs without `continues` go on from the state as it is. Source: Williams
    & Peng, An efficient gradient-based algorithm for on-line training of recurrent network trajectories, Neural
    Computation 2, 1990.

    Args:
        inputs, outputs: of the network, whose recurrent layers are stateful, or keep no state.
    """

    def __call__(self, inputs, *args, **kwargs):
        if isinstance(inputs, dict) and "continues" in inputs:
            continues = keras.ops.expand_dims(inputs["continues"], -1)
            for state in kept_states(self):
                state.assign(state * keras.ops.cast(continues, state.dtype))
            # The network knows no such input, and Keras would take it for the first, by the order of the names.
            inputs = {name: value for name, value in inputs.items() if name != "continues"}
        return super().__call__(inputs, *args, **kwargs)
