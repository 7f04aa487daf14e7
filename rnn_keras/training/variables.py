"""The variables that training needs in addition to the model's own."""

import contextlib
from itertools import zip_longest
from typing import Any

import keras
import tensorflow as tf
from keras import tree


def make_variables(model: keras.Model, batches: tf.data.Dataset) -> None:
    """Creates the variables that the first step would create: of the optimizer, the metrics and the mean losses.

    TensorFlow traces a function that has created variables a second time, and with a recurrent network a trace takes
    most of the time to the first step.

    Args:
        model: compiled; functional, or sequential with a known input.
        batches: what it will be trained on, `(inputs, targets)` or `(inputs, targets, weights)`; no batch is read.
    """
    assert model.optimizer is not None
    model.optimizer.build(model.trainable_variables)
    inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batches.element_spec)
    outputs: Any = model.outputs[0] if isinstance(model, keras.Sequential) else model.output
    batch: Any = tree.map_structure(_make_smallest, (inputs, *_complete_shapes(targets, outputs), weights))
    # A loss may need more than one example in a batch; its variables are then created in the first trace, as usual.
    with contextlib.suppress(ValueError, tf.errors.InvalidArgumentError):
        model.compute_loss(*batch)
        model.compute_metrics(*batch)
    model.reset_metrics()


def _complete_shapes(targets: Any, outputs: Any) -> tuple[Any, Any]:
    """Takes unknown sizes from each other: of the outputs, often the number of steps; of the targets, of classes."""
    flat_targets, flat_outputs = tree.flatten(targets), tree.flatten(outputs)
    if targets is None or len(flat_targets) != len(flat_outputs):
        return targets, outputs
    return (
        tree.pack_sequence_as(targets, list(map(_complete_shape, flat_targets, flat_outputs))),
        tree.pack_sequence_as(outputs, list(map(_complete_shape, flat_outputs, flat_targets))),
    )


def _complete_shape(spec: Any, other: Any) -> tf.TensorSpec:
    sizes = [own or others for own, others in zip_longest(spec.shape, other.shape)]
    return tf.TensorSpec(sizes[: len(spec.shape)], spec.dtype)


def _make_smallest(spec: Any) -> tf.Tensor | None:
    return None if spec is None else tf.zeros([size or 1 for size in spec.shape], spec.dtype)
