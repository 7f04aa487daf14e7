"""Sizes of tensors: static ones as ints, and those that are known at run time only as scalar tensors."""

from typing import Any, TypeAlias

import tensorflow as tf

Size: TypeAlias = Any  # an int where it is known when the graph is built, else a scalar tensor; both add and divide


def last_size(values: tf.Tensor) -> int:
    """The size of the last axis, which is always static."""
    return int(values.shape[-1])  # pyright: ignore[reportArgumentType]


def leading_sizes(values: tf.Tensor) -> list[Size]:
    """The first two sizes of a tensor."""
    dynamic = tf.unstack(tf.shape(values)[:2])
    return [d if s is None else s for s, d in zip(values.shape[:2], dynamic, strict=True)]


def are_static(sizes: tuple[Size, ...]) -> bool:
    return all(isinstance(size, int) for size in sizes)


def is_static_one(size: Size) -> bool:
    return isinstance(size, int) and size == 1


def static_size(size: Size) -> int | None:
    return size if isinstance(size, int) else None


def set_static_sizes(values: tf.Tensor, *sizes: Size) -> tf.Tensor:
    """The tensor with those of these sizes in its static shape that are ints."""
    shape = tf.TensorShape([static_size(size) for size in sizes])
    return values if values.shape.is_subtype_of(shape) else tf.ensure_shape(values, shape)


def take_first(values: tf.Tensor, count: Size, axis: int) -> tf.Tensor:
    """The first `count` values along an axis: the tensor itself where it is known to have no more."""
    if isinstance(count, int) and values.shape[axis] == count:
        return values
    return values[(slice(None),) * axis + (slice(count),)]
