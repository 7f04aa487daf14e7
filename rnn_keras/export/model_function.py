"""A model as a function of named tensors, which is what every file format stores."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.utils.errors import UserError

SINGLE_INPUT, SINGLE_OUTPUT = "inputs", "output"


@dataclasses.dataclass(frozen=True, eq=False)  # tf.function needs a hash
class ModelFunction:
    """See above.

    Attributes:
        model: the model.
        inputs: the shape and the type of each input by its name, with the batch first; sizes of None may be any.
        arrange: a tensor for each input -> what the model is called with.
    """

    model: keras.Model
    inputs: Mapping[str, tf.TensorSpec]
    arrange: Callable[[Sequence[Any]], Any]

    def __call__(self, *tensors: Any) -> dict[str, Any]:
        """The outputs by their names; see `name_outputs`."""
        return name_outputs(self.model(self.arrange(tensors), training=False), self.model)


def describe_model(model: keras.Model, examples: Sequence[Any] = ()) -> ModelFunction:
    """A model as a function.

    Args:
        model: its inputs are a tensor, a list or a dict of tensors. The names are those of the dict, or those of the
            `keras.Input`s.
        examples: of inputs, without the batch: arrays, or dicts or lists of these. They are needed for a model of a
            class of its own, whose inputs Keras does not know; an axis on which they differ may have any size in the
            files. The inputs of such a model are named by the dict, or `inputs`; those of a list `inputs_0` and so on.

    Raises:
        UserError: the inputs are not known, and there are no examples.
    """
    known: Any = getattr(model, "inputs", None)
    if known:
        structure: Any = known[0] if isinstance(model, keras.Sequential) else model.input
        if isinstance(structure, dict):
            names, tensors = list(structure), list(structure.values())
            arrange: Any = lambda values: dict(zip(names, values, strict=True))  # noqa: E731
        elif isinstance(structure, list | tuple):
            tensors, arrange = list(structure), list
            names = [tensor.name for tensor in tensors]
        else:
            names, tensors, arrange = [structure.name], [structure], lambda values: values[0]
        specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in tensors]
    elif len(examples):
        names, arrange = name_parts(examples[0])
        parts = [[flatten_example(example)[number] for example in examples] for number in range(len(names))]
        specs = [describe_arrays(arrays) for arrays in parts]
    else:
        raise UserError(
            f"the inputs of the model {model.name!r} are not known; make it a keras.Model(inputs, outputs), begin the "
            "keras.Sequential with a keras.Input, or pass examples of its inputs"
        )
    pairs = zip(names, specs, strict=True)
    return ModelFunction(model, {name: tf.TensorSpec(s.shape, s.dtype, name) for name, s in pairs}, arrange)


def name_parts(example: Any) -> tuple[list[str], Callable[[Sequence[Any]], Any]]:
    """The names of the parts of an example, and what puts a tensor for each together again."""
    if isinstance(example, Mapping):
        names = list(example)
        if names == [f"{SINGLE_INPUT}_{number}" for number in range(len(names))]:
            return names, list
        return names, lambda values: dict(zip(names, values, strict=True))
    if isinstance(example, list | tuple) and all(np.ndim(part) for part in example):
        return [f"{SINGLE_INPUT}_{number}" for number in range(len(example))], list
    return [SINGLE_INPUT], lambda values: values[0]


def flatten_example(example: Any, names: Iterable[str] | None = None) -> list[Any]:
    """The parts of an example, those of a dict in the order of these names; see `name_parts`."""
    if isinstance(example, Mapping):
        return [example[name] for name in names or example]
    return list(example) if len(name_parts(example)[0]) > 1 else [example]


def describe_arrays(arrays: Sequence[Any]) -> tf.TensorSpec:
    """A shape that fits all of these arrays, with a batch of any size before it, and their type."""
    arrays = [np.asarray(array) for array in arrays]
    first = arrays[0]
    if any(array.ndim != first.ndim for array in arrays):
        raise UserError(
            f"the examples of one input must have one number of dimensions; got {sorted({a.ndim for a in arrays})}"
        )
    sizes = [set(axis) for axis in zip(*(array.shape for array in arrays), strict=True)]
    dtype = tf.string if first.dtype.kind in "OSU" else tf.as_dtype(first.dtype)
    dtype = tf.float32 if dtype == tf.float64 else dtype
    return tf.TensorSpec([None, *(size.pop() if len(size) == 1 else None for size in sizes)], dtype)


def name_outputs(outputs: Any, model: keras.Model) -> dict[str, Any]:
    """The outputs of a model by their names: those of a dict; `output` for a single one; or those that Keras gave them.

    Raises:
        UserError: they are something else.
    """
    if isinstance(outputs, Mapping):
        return dict(outputs)
    if not isinstance(outputs, list | tuple):
        return {SINGLE_OUTPUT: outputs}
    flat = keras.tree.flatten(outputs)
    names = getattr(model, "output_names", None) or []
    if len(names) != len(flat) or len(set(names)) != len(names):
        names = [f"{SINGLE_OUTPUT}_{number}" for number in range(len(flat))]
    return dict(zip(names, flat, strict=True))
