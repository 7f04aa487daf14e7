"""A model's training step divided among several processes, so that the result is that of one."""

import keras
import tensorflow as tf
from keras import tree

from rnn_keras.errors import UserError
from rnn_keras.training.carried_state import kept_states
from rnn_keras.training.cluster import Cluster


def train_together(model: keras.Model, cluster: Cluster) -> None:
    """Makes `fit` and `evaluate` of a compiled model work on a share of each batch's rows in each process.

    Every process reads the same batches and computes its rows of the outputs; the outputs of the others are gathered.
    So each knows the loss of the whole batch, whatever the loss divides by, and all metrics; its gradient reaches the
    weights through its own rows, and the sum of all processes' gradients is that of the whole batch. It is clipped and
    applied everywhere alike: the result is that of one process up to the order of sums. (Keras's own step fails under
    TensorFlow's strategy for several workers, and would clip each share of the gradient on its own.)

    Dropout draws other masks in each process.

    Raises:
        UserError: the model keeps its state from batch to batch, row by row.
    """
    if kept_states(model):
        raise UserError(
            "this model carries its state from one batch to the next, whose rows cannot be divided among processes; "
            "train it with --strategy none"
        )
    loss_of = next(metric for metric in model.metrics if metric.name == "loss")

    def outputs_of(inputs, training):
        """The outputs of all rows, of which those of this process carry gradients."""
        number = tf.shape(tree.flatten(inputs)[0])[0]
        share = -(-number // cluster.size)
        first = tf.minimum(cluster.rank * share, number)
        last = tf.minimum(first + share, number)
        places = tf.minimum(tf.range(first, tf.maximum(last, first + 1)), number - 1)  # no network likes no rows
        outputs = model(tree.map_structure(lambda part: tf.gather(part, places), inputs), training=training)
        own = [
            tf.pad(part[: last - first], [[first, number - last]] + [[0, 0]] * (len(part.shape) - 1))
            for part in tree.flatten(outputs)
        ]
        # The values are everyone's, the gradient is that of the own rows.
        wholes = [
            tf.stop_gradient(everyone - part) + part
            for part, everyone in zip(own, cluster.sum([tf.stop_gradient(part) for part in own]), strict=True)
        ]
        return tree.pack_sequence_as(outputs, wholes)

    def unpacked(batch):
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
        return inputs, targets, weights, tf.shape(tree.flatten(inputs)[0])[0]

    def train_step(batch):
        inputs, targets, weights, number = unpacked(batch)
        with tf.GradientTape() as tape:
            outputs = outputs_of(inputs, training=True)
            loss = model.compute_loss(inputs, targets, outputs, weights, training=True)
        gradients = tape.gradient(loss, model.trainable_variables)
        gradients = cluster.sum([tf.convert_to_tensor(gradient) for gradient in gradients])
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        loss_of.update_state(loss, sample_weight=number)
        return model.compute_metrics(inputs, targets, outputs, weights)

    def test_step(batch):
        inputs, targets, weights, number = unpacked(batch)
        outputs = outputs_of(inputs, training=False)
        loss_of.update_state(model.compute_loss(inputs, targets, outputs, weights, training=False), number)
        return model.compute_metrics(inputs, targets, outputs, weights)

    def function_of(step):
        return tf.function(lambda iterator: step(next(iterator)), autograph=False, reduce_retracing=True)

    def make_train_function(force=False):
        model.train_function = model.train_function or function_of(train_step)

    def make_test_function(force=False):
        model.test_function = model.test_function or function_of(test_step)

    model.make_train_function, model.make_test_function = make_train_function, make_test_function


def own_masks(generators: list[keras.Variable], rank: int) -> None:
    """Moves the seeds of dropout away from those of the first process, whose state is what is kept."""
    for generator in generators:
        generator.assign_add([rank, 0])
