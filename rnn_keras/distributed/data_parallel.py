"""A model's training step divided among several processes or devices, so that the result is that of one."""

import keras
import tensorflow as tf
from keras import tree

from rnn_keras.distributed.cluster import Cluster
from rnn_keras.distributed.devices import Devices
from rnn_keras.training.stateful import get_states
from rnn_keras.utils.errors import UserError


def distribute_model(model: keras.Model, group: Cluster | Devices) -> None:
    """Makes `fit` and `evaluate` of a compiled model work on shares of each batch's rows.

    The outputs of all shares are put together. So the loss is that of the whole batch, whatever it divides by, and so
    are all metrics; its gradient with respect to the outputs goes back through each share's own rows to the weights,
    and the sum over all shares is the gradient of the whole batch. It is clipped and applied once: the result is that
    of one device up to the order of sums. Of several processes each reads the same batches, computes its share, and
    gathers the others' outputs and gradients. (Keras's own step fails under TensorFlow's strategy for several workers,
    and under that for several devices clips each share of the gradient on its own, and takes the mean of their losses
    where the shares differ.)

    An embedding's gradient is the sum over all places of a word before its norm is taken to be clipped; Keras, on one
    device, takes each place for a row of its own. Dropout draws other masks in each share. Batch normalisation takes
    the moments of each share's own rows; what it keeps for inference is the mean of all processes'.

    Raises:
        UserError: the model keeps its state from batch to batch, row by row, or punishes activities, whose sum over
            the rows no share knows.
    """
    if get_states(model):
        raise UserError(
            "this model carries its state from one batch to the next, whose rows cannot be divided; train it with "
            "--strategy none"
        )
    layers = list(model._flatten_layers())
    if any(layer.activity_regularizer is not None for layer in layers):
        raise UserError("a layer has an activity_regularizer, which cannot be divided; train with --strategy none")
    moments = [v for layer in layers if isinstance(layer, keras.layers.BatchNormalization) for v in moving(layer)]
    loss_of = next(metric for metric in model.metrics if metric.name == "loss")

    def run(inputs, training):
        """The outputs of all rows, and the shares that were computed here."""
        shares = group.shares(number_of_rows(inputs))
        computed = [share.run(model, inputs, training=training) for share in shares]
        outputs = computed[0][0]
        parts = [added(parts) for parts in zip(*(tree.flatten(outputs) for outputs, _ in computed), strict=True)]
        masks = [None if of[0] is None else added(of) for of in zip(*(masks for _, masks in computed), strict=True)]
        everyones = group.sum([*parts, *(mask for mask in masks if mask is not None)])
        wholes, known = everyones[: len(parts)], iter(everyones[len(parts) :])
        for whole, mask in zip(wholes, masks, strict=True):
            if mask is not None:
                whole._keras_mask = next(known) > 0  # by which Keras leaves padding out of losses and metrics
        return tree.pack_sequence_as(outputs, wholes), shares

    def train_step(batch):
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
        outputs, shares = run(inputs, training=True)
        wholes, variables = tree.flatten(outputs), model.trainable_variables
        with tf.GradientTape() as tape:
            tape.watch(wholes)
            loss = model.compute_loss(inputs, targets, outputs, weights, training=True)
        # Regularisers lead straight from the loss to the variables, and are counted once.
        to_outputs, direct = tape.gradient(loss, (wholes, variables))
        to_outputs = [tf.zeros_like(w) if to is None else to for to, w in zip(to_outputs, wholes, strict=True)]
        of_shares = [share.gradients(to_outputs, variables) for share in shares]
        gradients = group.sum([added(of) for of in zip(*of_shares, strict=True)])
        gradients = [g if more is None else g + more for g, more in zip(gradients, direct, strict=True)]
        model.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        for variable, everyones in zip(moments, group.sum([tf.convert_to_tensor(v) for v in moments]), strict=True):
            variable.assign(everyones / group.processes)
        loss_of.update_state(loss, sample_weight=number_of_rows(inputs))
        return model.compute_metrics(inputs, targets, outputs, weights)

    def test_step(batch):
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
        outputs, _ = run(inputs, training=False)
        loss = model.compute_loss(inputs, targets, outputs, weights, training=False)
        loss_of.update_state(loss, sample_weight=number_of_rows(inputs))
        return model.compute_metrics(inputs, targets, outputs, weights)

    def function_of(step):
        return tf.function(lambda iterator: step(next(iterator)), autograph=False, reduce_retracing=True)

    def make_train_function(force=False):
        if force or model.train_function is None:
            model.train_function = function_of(train_step)

    def make_test_function(force=False):
        if force or model.test_function is None:
            model.test_function = function_of(test_step)

    model.make_train_function, model.make_test_function = make_train_function, make_test_function


def number_of_rows(inputs) -> tf.Tensor:
    return tf.shape(tree.flatten(inputs)[0])[0]


def added(tensors) -> tf.Tensor:
    return tf.add_n(list(tensors))


def moving(layer: keras.layers.BatchNormalization) -> list[keras.Variable]:
    """What is kept for inference, where it is learnt."""
    return [layer.moving_mean, layer.moving_variance] if layer.trainable else []


def offset_dropout_seeds(generators: list[keras.Variable], rank: int) -> None:
    """Moves the seeds of dropout away from those of the first process, whose state is what is kept."""
    for generator in generators:
        generator.assign_add([rank, 0])
