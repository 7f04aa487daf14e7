"""Where the recurrent layers run on hand-written backpropagation through time, and where on the general loop."""

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf
from tensorflow.python.eager import forwardprop_util, record
from tensorflow.python.ops.resource_variable_ops import BaseResourceVariable

from rnn_keras.layers.bptt.activations import ACTIVATIONS
from rnn_keras.layers.bptt.block import Parameters
from rnn_keras.layers.bptt.equations import Equations
from rnn_keras.layers.bptt.portable import callbacks_are_active
from rnn_keras.layers.bptt.products import under_xla
from rnn_keras.layers.bptt.recurrence import recurrence
from rnn_keras.layers.bptt.shapes import last_size
from rnn_keras.layers.cell import RecurrentCell
from rnn_keras.layers.keras_types import Tensor
from rnn_keras.layers.processor import has_bfloat16_products

# Layers of so many units are compiled although the length is known at run time only.
UNITS_FOR_ANY_LENGTH = 128
# Whether layers are compiled at all.
COMPILE = True

_general_loop = contextvars.ContextVar("general_loop", default=False)


@contextlib.contextmanager
def general_loop() -> Iterator[None]:
    """Within it the recurrent layers leave the gradient to TensorFlow: slower, and differentiable to any order.

    It applies where a layer is called, or, in a `tf.function` or a compiled model, where the call is traced.

    Example:
        >>> with general_loop(), tf.GradientTape() as outer, tf.GradientTape() as inner:
        ...     outputs = layer(inputs)
    """
    token = _general_loop.set(True)
    try:
        yield
    finally:
        _general_loop.reset(token)


def find_obstacle(
    cell: RecurrentCell, cell_class: type[RecurrentCell], unroll: bool, sequences: Tensor, mask: Tensor | None
) -> str | None:
    """Why a layer cannot take the fast path for these inputs; None: it can.

    Args:
        cell: of the layer.
        cell_class: that of the family. A cell of a subclass may compute something else.
        unroll: of the layer.
        sequences: `(batch, time, features)`, or ids `(batch, time)`.
        mask: `(batch, time)`, `(batch, time, 1)` or None.
    """
    if keras.backend.backend() != "tensorflow":
        return f"the backend is {keras.backend.backend()}, the fast path is for tensorflow"
    if _general_loop.get():
        return "called within general_loop()"
    if type(cell) is not cell_class:
        return f"the cell is a {type(cell).__name__}, the fast path is for {cell_class.__name__}"
    for name in ("activation", "recurrent_activation"):
        function = getattr(cell, name, keras.activations.tanh)
        if function not in ACTIVATIONS:
            function_name = getattr(function, "__name__", type(function).__name__)
            return f"{name}={function_name!r}, the fast path has derivatives of tanh and sigmoid"
    if unroll:
        return "unroll=True"
    if sequences.shape[1] == 1:
        return "there is one step, and no loop"
    if mask is not None and len(mask.shape) == 3 and mask.shape[-1] != 1:
        return f"the mask has the shape {tuple(mask.shape)}, the fast path takes (batch, time)"
    if has_gpu():
        return "TensorFlow sees a GPU, the fast path is for the CPU"
    return None


def find_forward_mode(tensors: list[Tensor]) -> str | None:
    """Why a layer cannot take the fast path while a `tf.autodiff.ForwardAccumulator` follows one of these tensors.

    Raises:
        NotImplementedError: it does so while a function is traced, where TensorFlow has no such derivative of a loop.
    """
    if not record.could_possibly_record():
        return None
    values = [value.value if isinstance(value, keras.Variable) else value for value in tensors]
    # An accumulator knows a variable by the tensor of its handle.
    values = [value.handle if isinstance(value, BaseResourceVariable) else value for value in values]
    if not forwardprop_util.pack_tangents([value for value in values if isinstance(value, tf.Tensor)]).tangents:
        return None
    if not tf.executing_eagerly():
        raise NotImplementedError(
            "tf.autodiff.ForwardAccumulator (forward-mode differentiation) follows the inputs of a recurrent layer "
            "inside of a tf.function, where TensorFlow cannot differentiate a loop so: make the accumulator outside of "
            "the function, or call the layer eagerly."
        )
    return "tf.autodiff.ForwardAccumulator follows its inputs, the fast path is for tapes"


@functools.cache
def has_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))


@tf.autograph.experimental.do_not_convert
def run(
    equations: Equations,
    inputs: tf.Tensor,
    mask: tf.Tensor | None,
    parameters: Parameters,
    dropout_masks: tuple[tf.Tensor, ...],
    states: tuple[tf.Tensor, ...],
    return_sequences: bool,
) -> tuple[tf.Tensor | None, tuple[tf.Tensor, ...]]:
    """`recurrence`, compiled where that pays: in graphs that run here.

    16-bit numbers are computed in 32 bits, but for large products where the processor has them in bfloat16.

    Eager calls are not compiled: their shapes may change with every call, and each new shape would wait for the
    compiler.
    """
    bfloat16 = inputs.dtype == tf.bfloat16 and has_bfloat16_products()
    if inputs.dtype in (tf.float16, tf.bfloat16):
        parameters, dropout_masks, states = tf.nest.map_structure(
            lambda value: None if value is None else tf.cast(value, tf.float32), (parameters, dropout_masks, states)
        )
    save_for_gradient = record.could_possibly_record()
    units = parameters.units
    if tf.executing_eagerly():
        function = graph_function(equations, return_sequences, save_for_gradient, last_size(inputs), units)
        return function(inputs, mask, parameters, dropout_masks, states)
    compiling_pays = inputs.shape[1] is not None or units >= UNITS_FOR_ANY_LENGTH
    return recurrence(
        equations,
        inputs,
        mask,
        parameters,
        dropout_masks,
        states,
        return_sequences=return_sequences,
        save_for_gradient=save_for_gradient,
        compile=COMPILE and compiling_pays and not under_xla() and not callbacks_are_active(),
        bfloat16=bfloat16,
    )


@functools.cache
def graph_function(
    equations: Equations, return_sequences: bool, save_for_gradient: bool, width: int, units: int
) -> Callable:
    """`recurrence` as a graph of any batch size and length, for eager calls.

    One for each `width` of the inputs and number of `units`, so that the sizes that TensorFlow finds to vary from call
    to call, and then no longer fixes, are those two alone.
    """
    del width, units

    # A partial function has no code object, by which TensorFlow would take all of these for one, traced too often.
    function = functools.partial(
        recurrence,
        equations,
        return_sequences=return_sequences,
        save_for_gradient=save_for_gradient,
        compile=False,
    )
    return tf.function(function, autograph=False, reduce_retracing=True)
