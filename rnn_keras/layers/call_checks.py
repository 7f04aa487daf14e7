"""What a recurrent layer checks of the tensors that it is called with."""

from typing import Any

import keras
import tensorflow as tf

from rnn_keras.layers.keras_types import Tensor

NO_STEPS = "{name} takes sequences of at least one step, got inputs of shape {shape}: leave out or pad what is empty."


def check_sequences(layer: keras.layers.RNN, sequences: Tensor) -> None:
    """Refuses what is no dense tensor, and sequences without a step.

    Raises:
        ValueError: so.
    """
    kind = type(sequences).__name__
    if isinstance(sequences, tf.RaggedTensor) or getattr(sequences, "ragged", False):
        raise ValueError(
            f"{layer.name} takes dense tensors (batch, time, features), got a {kind} that is ragged: pad it with "
            "`x.to_tensor()`, and pass `mask=tf.sequence_mask(x.row_lengths())`."
        )
    if isinstance(sequences, tf.SparseTensor) or getattr(sequences, "sparse", False):
        raise ValueError(
            f"{layer.name} takes dense tensors (batch, time, features), got a {kind} that is sparse: make it dense "
            "with `tf.sparse.to_dense(x)`."
        )
    if sequences.shape[1] == 0:
        raise ValueError(NO_STEPS.format(name=layer.name, shape=tuple(sequences.shape)))


def check_run_time_sizes(layer: keras.layers.RNN, sequences: Any) -> Any:
    """The sequences; a graph of unknown sizes fails with a sentence where no step or another batch size comes."""
    if keras.backend.backend() != "tensorflow" or isinstance(sequences, keras.KerasTensor):
        return sequences
    batch, time = sequences.shape[:2]
    if time is None:
        message = NO_STEPS.format(name=layer.name, shape="(batch, 0, ...)")
        with tf.control_dependencies([tf.debugging.assert_positive(tf.shape(sequences)[1], message)]):
            sequences = tf.identity(sequences)
    expected = layer._expected_batch_size if layer.stateful else None
    if batch is None and expected is not None:
        size = tf.shape(sequences)[0]
        with tf.control_dependencies([tf.debugging.assert_equal(size, expected, batch_size_message(layer, "another"))]):
            # Not an identity, before whose check TensorFlow may move the shape's own, which says less.
            sequences = sequences[: tf.identity(size)]
    return sequences


def batch_size_message(layer: keras.layers.RNN, given: object) -> str:
    return (
        f"{layer.name} is stateful and was built for a batch size of {layer._expected_batch_size}, got {given}: row i "
        "of a batch continues from the state of row i of the batch before, so that every batch, the last one too, must "
        "have that size."
    )
