"""Data parallelism: a training step on shards of a batch, with the result of the whole batch on one device."""

from collections.abc import Sequence
from typing import Any, Protocol

import keras
import tensorflow as tf
from keras import tree

from rnn_keras.distributed.batch_shard import BatchShard
from rnn_keras.training.stateful import get_states
from rnn_keras.utils.errors import UserError


class ShardGroup(Protocol):
    """The processes or devices that compute the shards of a batch.

    Attributes:
        processes: how many.
    """

    processes: int

    def shards(self, rows: tf.Tensor) -> list[BatchShard]:
        """The shards of a batch with so many rows that this process computes."""
        ...

    def sum(self, tensors: list) -> list:
        """The sums of the tensors over all processes, the same in each."""
        ...


def distribute_model(model: keras.Model, group: ShardGroup) -> None:
    """Makes `fit` and `evaluate` of a compiled model compute each batch in shards of its rows.

    The outputs of all shards are gathered. So the loss is that of the whole batch, whatever it divides by, and so are
    all metrics; its gradient with respect to the outputs is propagated through each shard's own rows to the weights,
    and the sum over all shards is the gradient of the whole batch. It is clipped and applied once: the result is that
    of one device up to the order of sums. Of several processes each reads the same batches, computes its shard, and
    gathers the others' outputs and gradients. (Keras's own step fails under TensorFlow's strategy for several workers.
    Under the strategy for several devices it clips each shard's gradient on its own, and takes the mean of the losses
    of shards of unequal size.)

    An embedding's gradient is summed over all occurrences of a word before its norm is computed for clipping; Keras, on
    one device, counts each occurrence as a row of its own. Dropout draws other masks in each shard. Batch normalisation
    uses the moments of each shard's own rows; what it keeps for inference is the mean over all processes.

    Raises:
        UserError: the model keeps its state from batch to batch, row by row, or has an activity regularizer, whose sum
            over the rows no shard knows.
    """
    if get_states(model):
        raise UserError(
            "this model keeps its state from one batch to the next, so its rows cannot be divided; train it with "
            "--strategy none"
        )
    layers = list(model._flatten_layers())
    if any(layer.activity_regularizer is not None for layer in layers):
        raise UserError("a layer has an activity_regularizer, which cannot be divided; train with --strategy none")
    moments = [v for layer in layers if isinstance(layer, keras.layers.BatchNormalization) for v in moving(layer)]
    loss_metric: Any = next(metric for metric in model.metrics if metric.name == "loss")

    def run(inputs, training: bool):
        """The outputs of all rows, and the shards that were computed here."""
        shards = group.shards(number_of_rows(inputs))
        computed = [shard.run(model, inputs, training=training) for shard in shards]
        outputs = computed[0][0]
        parts = [add(parts) for parts in zip(*(tree.flatten(outputs) for outputs, _ in computed), strict=True)]
        masks = [None if of[0] is None else add(of) for of in zip(*(masks for _, masks in computed), strict=True)]
        gathered = group.sum([*parts, *(mask for mask in masks if mask is not None)])
        whole, gathered_masks = gathered[: len(parts)], iter(gathered[len(parts) :])
        for part, mask in zip(whole, masks, strict=True):
            if mask is not None:
                part._keras_mask = next(gathered_masks) > 0  # with it Keras leaves padding out of losses and metrics
        return tree.pack_sequence_as(outputs, whole), shards

    def train_step(batch):
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
        outputs, shards = run(inputs, training=True)
        whole, variables = tree.flatten(outputs), model.trainable_variables
        with tf.GradientTape() as tape:
            tape.watch(whole)
            loss = model.compute_loss(inputs, targets, outputs, weights, training=True)
        # Regularizers lead straight from the loss to the variables, and count once.
        output_gradients, direct = tape.gradient(loss, (whole, variables))
        output_gradients = [
            tf.zeros_like(part) if gradient is None else gradient
            for gradient, part in zip(output_gradients, whole, strict=True)
        ]
        of_shards = [shard.gradients(output_gradients, variables) for shard in shards]
        gradients = group.sum([add(of) for of in zip(*of_shards, strict=True)])
        gradients = [g if more is None else g + more for g, more in zip(gradients, direct, strict=True)]
        model.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        for variable, total in zip(moments, group.sum([tf.convert_to_tensor(v) for v in moments]), strict=True):
            variable.assign(total / group.processes)
        loss_metric.update_state(loss, sample_weight=number_of_rows(inputs))
        return model.compute_metrics(inputs, targets, outputs, weights)

    def test_step(batch):
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
        outputs, _ = run(inputs, training=False)
        loss = model.compute_loss(inputs, targets, outputs, weights, training=False)
        loss_metric.update_state(loss, sample_weight=number_of_rows(inputs))
        return model.compute_metrics(inputs, targets, outputs, weights)

    def make_function(step):
        return tf.function(lambda iterator: step(next(iterator)), autograph=False, reduce_retracing=True)

    def make_train_function(force: bool = False) -> None:
        if force or model.train_function is None:
            model.train_function = make_function(train_step)

    def make_test_function(force: bool = False) -> None:
        if force or model.test_function is None:
            model.test_function = make_function(test_step)

    model.make_train_function, model.make_test_function = make_train_function, make_test_function


def number_of_rows(inputs: Any) -> tf.Tensor:
    return tf.shape(tree.flatten(inputs)[0])[0]


def add(tensors: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.add_n(list(tensors))


def moving(layer: keras.layers.BatchNormalization) -> list[keras.Variable]:
    """What is kept for inference, where it is trained."""
    return [layer.moving_mean, layer.moving_variance] if layer.trainable else []
