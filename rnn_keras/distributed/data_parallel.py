"""Data parallelism: a training step on shards of a batch, with the result of the whole batch on one device."""

from collections.abc import Callable
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
        processes: the number of processes.
    """

    processes: int

    def shards(self, rows: tf.Tensor) -> list[BatchShard]:
        """The shards of a batch that this process computes, for its number of rows, a scalar tensor."""
        ...

    def sum(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        """The sums of the tensors over all processes, the same in each."""
        ...


def distribute_model(model: keras.Model, group: ShardGroup) -> None:
    """Makes `fit` and `evaluate` of a compiled model compute each batch in shards of its rows.

    The outputs of all shards are gathered. So the loss is that of the whole batch, whatever it divides by, and so are
    all metrics. The gradient with respect to the outputs is propagated through the rows of each shard to the weights,
    and the sum over all shards is the gradient of the whole batch. It is clipped and applied once: the result is that
    of one device up to the order of sums. Each of several processes reads the same batches, computes its shard, and
    gathers the outputs and gradients of the others. (Keras's own step fails under TensorFlow's strategy for several
    workers. Under the strategy for several devices it clips the gradient of each shard separately, and averages the
    losses of shards of unequal size.)

    Three things differ from one device. The gradient of an embedding is summed over all occurrences of a word before
    its norm is computed for clipping; Keras, on one device, counts each occurrence as a row of its own. Dropout draws
    different masks in each shard. Batch normalisation uses the moments of the rows of each shard; its moments for
    inference are the mean over all processes.

    Args:
        model: compiled.
        group: computes the shards.

    Raises:
        UserError: the model is stateful, row by row, or has an activity regularizer, which needs the sum over all rows.
    """
    if get_states(model):
        raise UserError(
            "this model is stateful: it keeps a state for each row from batch to batch, so its rows cannot be divided; "
            "train with --strategy none"
        )
    layers = list(model._flatten_layers())
    if any(layer.activity_regularizer is not None for layer in layers):
        raise UserError("a layer has an activity_regularizer, which cannot be divided; train with --strategy none")
    moments = [
        moment
        for layer in layers
        if isinstance(layer, keras.layers.BatchNormalization)
        for moment in _get_moving_moments(layer)
    ]
    loss_metric: Any = next(metric for metric in model.metrics if metric.name == "loss")

    def run(inputs: Any, training: bool) -> tuple[Any, list[BatchShard]]:
        """The outputs of all rows, and the shards that were computed in this process."""
        shards = group.shards(_count_rows(inputs))
        results = [shard.run(model, inputs, training=training) for shard in shards]
        structure = results[0][0]
        outputs = [tf.add_n(parts) for parts in zip(*(tree.flatten(outputs) for outputs, _ in results), strict=True)]
        mask_parts = zip(*(masks for _, masks in results), strict=True)
        masks = [None if parts[0] is None else tf.add_n(parts) for parts in mask_parts]
        gathered = group.sum([*outputs, *(mask for mask in masks if mask is not None)])
        outputs, gathered_masks = gathered[: len(outputs)], iter(gathered[len(outputs) :])
        for output, mask in zip(outputs, masks, strict=True):
            if mask is not None:
                # With it Keras leaves padding out of losses and metrics.
                output._keras_mask = next(gathered_masks) > 0  # pyright: ignore[reportAttributeAccessIssue]
        return tree.pack_sequence_as(structure, outputs), shards

    def train_step(batch: Any) -> dict[str, Any]:
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
        outputs, shards = run(inputs, training=True)
        flat_outputs, variables = tree.flatten(outputs), model.trainable_variables
        with tf.GradientTape() as tape:
            tape.watch(flat_outputs)
            loss: Any = model.compute_loss(inputs, targets, outputs, weights, training=True)
        # Regularizers lead directly from the loss to the variables, and count once.
        sources: Any = (flat_outputs, variables)
        output_gradients, direct_gradients = tape.gradient(loss, sources)
        output_gradients = [
            tf.zeros_like(output) if gradient is None else gradient
            for gradient, output in zip(output_gradients, flat_outputs, strict=True)
        ]
        shard_gradients = [shard.gradients(output_gradients, variables) for shard in shards]
        gradients = group.sum([tf.add_n(parts) for parts in zip(*shard_gradients, strict=True)])
        gradients = [
            gradient if direct is None else gradient + direct
            for gradient, direct in zip(gradients, direct_gradients, strict=True)
        ]
        model.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        for moment, total in zip(moments, group.sum([tf.convert_to_tensor(moment) for moment in moments]), strict=True):
            moment.assign(total / group.processes)
        loss_metric.update_state(loss, sample_weight=_count_rows(inputs))
        return model.compute_metrics(inputs, targets, outputs, weights)

    def test_step(batch: Any) -> dict[str, Any]:
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
        outputs, _ = run(inputs, training=False)
        loss = model.compute_loss(inputs, targets, outputs, weights, training=False)
        loss_metric.update_state(loss, sample_weight=_count_rows(inputs))
        return model.compute_metrics(inputs, targets, outputs, weights)

    def make_function(step: Callable[[Any], dict[str, Any]]) -> Any:
        return tf.function(lambda iterator: step(next(iterator)), autograph=False, reduce_retracing=True)

    def make_train_function(force: bool = False) -> None:
        if force or model.train_function is None:
            model.train_function = make_function(train_step)

    def make_test_function(force: bool = False) -> None:
        if force or model.test_function is None:
            model.test_function = make_function(test_step)

    model.make_train_function, model.make_test_function = make_train_function, make_test_function


def _count_rows(inputs: Any) -> tf.Tensor:
    return tf.shape(tree.flatten(inputs)[0])[0]


def _get_moving_moments(layer: keras.layers.BatchNormalization) -> list[Any]:
    """The moments that inference uses, where the layer is trained."""
    return [layer.moving_mean, layer.moving_variance] if layer.trainable else []
