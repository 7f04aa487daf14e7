"""The variables that training needs beside the model's own."""

import contextlib
from itertools import zip_longest

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
    inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batches.element_spec)
    [outputs] = model.outputs if isinstance(model, keras.Sequential) else [model.output]
    batch = tree.map_structure(_smallest, (inputs, *_with_each_others_sizes(targets, outputs), weights))
    # A loss may want more of a batch than one example; its variables are then made in the first trace, as ever.
    with contextlib.suppress(ValueError, tf.errors.InvalidArgumentError):
        model.compute_loss(*batch)
        model.compute_metrics(*batch)
    model.reset_metrics()


def _with_each_others_sizes(targets, outputs) -> tuple:
    """A model may leave open how many steps the targets have, and they how many classes."""
    pair = tree.flatten(targets), tree.flatten(outputs)
    if targets is None or len(pair[0]) != len(pair[1]):
        return targets, outputs
    return (
        tree.pack_sequence_as(targets, list(map(_filled, *pair))),
        tree.pack_sequence_as(outputs, list(map(_filled, *reversed(pair)))),
    )


def _filled(spec, other) -> tf.TensorSpec:
    sizes = [own or others for own, others in zip_longest(spec.shape, other.shape)]
    return tf.TensorSpec(sizes[: len(spec.shape)], spec.dtype)


def _smallest(spec) -> tf.Tensor | None:
    return None if spec is None else tf.zeros([size or 1 for size in spec.shape], spec.dtype)
