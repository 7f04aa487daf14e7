"""Recurrent layers without a mask, as LiteRT wants them: an LSTM as one operation, others written out step by step."""

import uuid

import keras
import tensorflow as tf


def fits(layer) -> bool:
    """Whether the fused operation computes what this layer does."""
    return (
        isinstance(layer, keras.layers.LSTM)
        and layer.activation is keras.activations.tanh
        and layer.recurrent_activation is keras.activations.sigmoid
        and not layer.stateful
        and not layer.return_state
        and getattr(layer, "input_dim", None) is None  # it takes vectors, not ids
    )


class UnmaskedRNN(keras.layers.Layer):
    """A recurrent layer that needs no mask, where the masked steps are the last.

    What comes before them does not depend on them, and read backwards a sequence is turned round within its own length.

    Args:
        layer: the layer.
        run: the hidden states of all steps `(batch, time, units)`, from the first on, for inputs `(batch, time, ...)`.
    """

    def __init__(self, layer, run):
        super().__init__(name=f"unmasked_{layer.name}")
        self.supports_masking = True
        self.layer = layer
        self.run = run
        self.built = True  # it makes no variables of its own

    def call(self, x, mask=None):
        time = tf.shape(x)[1]
        lengths = tf.fill([x.shape[0]], time) if mask is None else tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
        backwards = self.layer.go_backwards
        outputs = self.run(turned_round(x, lengths) if backwards else x)
        if self.layer.return_sequences:
            # Keras gives the outputs of a layer that goes backwards in the order in which the steps were taken; with a
            # mask, the masked ones are taken first.
            return tf.reverse(turned_round(outputs, lengths), [1]) if backwards and mask is not None else outputs
        return at(outputs, tf.maximum(lengths - 1, 0)) * tf.cast(tf.expand_dims(lengths > 0, 1), outputs.dtype)


def turned_round(x, lengths):
    """`(batch, time, ...)` with the first `lengths` steps of each row in reverse order, and the rest as it is."""
    steps = tf.expand_dims(tf.range(tf.shape(x)[1]), 0)
    lengths = tf.expand_dims(lengths, 1)
    return tf.gather(x, tf.where(steps < lengths, lengths - 1 - steps, steps), axis=1, batch_dims=1)


def at(x, steps):
    """`(batch, time, units)` and a step for each row -> `(batch, units)`."""
    return tf.squeeze(tf.gather(x, tf.expand_dims(steps, 1), axis=1, batch_dims=1), 1)


def unrolled(layer):
    """The hidden states of all steps, by a copy of the layer that writes out its loop, as full int8 needs it.

    (With a mask, what selects between the old and the new state forces one 8-bit scale on both, and is far off.)
    """
    config = layer.get_config() | {"unroll": True, "return_sequences": True, "go_backwards": False}
    copy = type(layer).from_config(config)
    copy.build(layer.get_build_config()["input_shape"])
    copy.set_weights(layer.get_weights())
    return copy


def fused(lstm):
    """The hidden states of all steps, as a function that the converter knows how to fuse; the batch size must be fixed.

    It looks for these attributes, six arguments and five results, of which the last and the sequence are used; the
    weights must be constants. Sources: TensorFlow, lite/kernels/unidirectional_sequence_lstm.cc, and the pass
    prepare_composite_functions_tf.cc.
    """
    attributes = {
        "api_implements": f"lstm_{uuid.uuid4()}",
        "api_preferred_device": "CPU",
        "time_major": False,
        "go_backwards": False,
    }
    units = lstm.units
    bias = lstm.cell.bias if lstm.use_bias else tf.zeros((4 * units,))
    weights = [keras.ops.convert_to_numpy(weight) for weight in (lstm.cell.kernel, lstm.cell.recurrent_kernel, bias)]

    @tf.function(autograph=False, experimental_attributes=attributes)
    def run(x, h, c, kernel, recurrent_kernel, bias):
        def step(states, x_t):
            h, c = states
            z = tf.matmul(x_t, kernel) + tf.matmul(h, recurrent_kernel) + bias
            input_gate, forget_gate, candidate, output_gate = tf.split(z, 4, axis=-1)
            c = tf.sigmoid(forget_gate) * c + tf.sigmoid(input_gate) * tf.tanh(candidate)
            return tf.sigmoid(output_gate) * tf.tanh(c), c

        h, c = tf.scan(step, tf.transpose(x, [1, 0, 2]), initializer=(h, c))
        return h[-1], tf.transpose(h, [1, 0, 2]), h[-1], c[-1], tf.constant(1.0)

    def outputs(x):
        zeros = tf.zeros((x.shape[0], units))
        return run(x, zeros, zeros, *(tf.constant(weight, tf.float32) for weight in weights))[1]

    return outputs
