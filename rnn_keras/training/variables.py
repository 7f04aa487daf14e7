"""The variables that training needs beside the model's own."""

import keras
import tensorflow as tf
from keras import tree


def make_variables(model: keras.Model, batches: tf.data.Dataset) -> None:
    """Makes what the first step would make: the state of the optimiser, of the metrics and of the losses' means.

    TensorFlow traces a function that has made variables a second time, and with a recurrent network a trace takes most
    of the time to the first step.

    Args:
        model: compiled; functional, or sequential with a known input.
        batches: what it will be trained on, `(inputs, targets)` or `(inputs, targets, weights)`; none is drawn.
    """
    model.optimizer.build(model.trainable_variables)
    batch = tree.map_structure(_smallest, batches.element_spec)
    [output] = model.outputs if isinstance(model, keras.Sequential) else [model.output]
    outputs = tree.map_structure(_smallest, output)
    inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
    model.compute_loss(inputs, targets, outputs, weights)
    model.compute_metrics(inputs, targets, outputs, weights)
    model.reset_metrics()


def _smallest(spec) -> tf.Tensor:
    return tf.zeros([size or 1 for size in spec.shape], spec.dtype)
