"""An LSTM as LiteRT's fused operation."""

import uuid
from collections.abc import Callable
from typing import Any

import tensorflow as tf


def gather_steps(x: Any, steps: Any) -> Any:
    """`(batch, time, units)` and one step for each row, `(batch,)` -> `(batch, units)`."""
    return tf.squeeze(tf.gather(x, tf.expand_dims(steps, 1), axis=1, batch_dims=1), 1)


def fuse_lstm(cell: Any) -> Callable[[Any], Any]:
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
    units = cell.units
    bias = cell.bias if cell.use_bias else tf.zeros((4 * units,))
    weights = [tf.convert_to_tensor(weight) for weight in (cell.kernel, cell.recurrent_kernel, bias)]

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
        return run(x, zeros, zeros, *weights)[1]

    return outputs
