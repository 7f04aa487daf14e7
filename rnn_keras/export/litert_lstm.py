"""Recurrent layers without a mask, as LiteRT needs them: an LSTM as one fused operation, others unrolled."""

import uuid
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf


def can_fuse(layer: Any) -> bool:
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
    """A recurrent layer that needs no mask, where the masked steps are the last ones.

    The outputs before them do not depend on them, and a sequence that is read backwards is reversed within its length.

    Args:
        layer: the layer.
        run: inputs `(batch, time, ...)` -> the hidden states of all steps, `(batch, time, units)`, from the first on.
    """

    def __init__(self, layer: Any, run: Callable[[Any], Any]):
        super().__init__(name=f"unmasked_{layer.name}")
        self.supports_masking = True
        self.layer = layer
        self.run = run
        self.built = True  # it creates no variables of its own

    def call(self, x: Any, mask: Any = None) -> Any:
        """The outputs of the layer."""
        time = tf.shape(x)[1]
        lengths = tf.fill([x.shape[0]], time) if mask is None else tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
        backwards = self.layer.go_backwards
        outputs = self.run(reverse_sequences(x, lengths) if backwards else x)
        if self.layer.return_sequences:
            # Keras returns the outputs of a layer that goes backwards in the order in which the steps were taken; with
            # a mask, the masked ones are taken first.
            return tf.reverse(reverse_sequences(outputs, lengths), [1]) if backwards and mask is not None else outputs
        last = gather_steps(outputs, tf.maximum(lengths - 1, 0))
        return last * tf.cast(tf.expand_dims(lengths > 0, 1), outputs.dtype)


def reverse_sequences(x: Any, lengths: Any) -> Any:
    """`(batch, time, ...)` with the first `lengths` steps of each row in reverse order, and the others unchanged."""
    steps = tf.expand_dims(tf.range(tf.shape(x)[1]), 0)
    lengths = tf.expand_dims(lengths, 1)
    return tf.gather(x, tf.where(steps < lengths, lengths - 1 - steps, steps), axis=1, batch_dims=1)


def gather_steps(x: Any, steps: Any) -> Any:
    """`(batch, time, units)` and one step for each row, `(batch,)` -> `(batch, units)`."""
    return tf.squeeze(tf.gather(x, tf.expand_dims(steps, 1), axis=1, batch_dims=1), 1)


def unroll_layer(layer: Any) -> Any:
    """A copy of a recurrent layer with an unrolled loop, as full int8 needs it, that returns all hidden states.

    (With a mask, the selection between the old and the new state forces one 8-bit scale on both, with large errors.)
    """
    config = layer.get_config() | {"unroll": True, "return_sequences": True, "go_backwards": False}
    copy = type(layer).from_config(config)
    copy.build(layer.get_build_config()["input_shape"])
    copy.set_weights(layer.get_weights())
    return copy


def fuse_lstm(lstm: Any) -> Callable[[Any], Any]:
    """A function that computes all hidden states, as the converter knows how to fuse it; the batch size must be fixed.

    The converter looks for these attributes, six arguments and five results, of which the last and the sequence are
    used; the weights must be constants. Sources: TensorFlow, lite/kernels/unidirectional_sequence_lstm.cc, and the pass
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
    weights: list[Any] = [
        keras.ops.convert_to_numpy(weight) for weight in (lstm.cell.kernel, lstm.cell.recurrent_kernel, bias)
    ]

    @tf.function(autograph=False, experimental_attributes=attributes)
    def run(x: Any, h: Any, c: Any, kernel: Any, recurrent_kernel: Any, bias: Any) -> tuple[Any, ...]:
        def step(states: tuple[Any, Any], x_t: Any) -> tuple[Any, Any]:
            h, c = states
            z = tf.matmul(x_t, kernel) + tf.matmul(h, recurrent_kernel) + bias
            input_gate, forget_gate, candidate, output_gate = tf.split(z, 4, axis=-1)
            c = tf.sigmoid(forget_gate) * c + tf.sigmoid(input_gate) * tf.tanh(candidate)
            return tf.sigmoid(output_gate) * tf.tanh(c), c

        h, c = tf.scan(step, tf.transpose(x, [1, 0, 2]), initializer=(h, c))
        return h[-1], tf.transpose(h, [1, 0, 2]), h[-1], c[-1], tf.constant(1.0)

    def outputs(x: Any) -> Any:
        zeros = tf.zeros((x.shape[0], units))
        return run(x, zeros, zeros, *(tf.constant(weight, tf.float32) for weight in weights))[1]

    return outputs
