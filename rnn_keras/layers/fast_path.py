"""Where the recurrent layers run on hand-written backpropagation through time, and where on the general loop."""

import contextlib
import contextvars
import functools
import sys

import keras
import tensorflow as tf
from tensorflow.python.eager import record

from rnn_keras.layers.bptt import ACTIVATIONS, Parameters, recurrence, under_xla

# Layers of so many units are compiled although the length is known at run time only.
UNITS_FOR_ANY_LENGTH = 128

_general_loop = contextvars.ContextVar("general_loop", default=False)


@contextlib.contextmanager
def general_loop():
    """Within it the recurrent layers leave the gradient to TensorFlow: slower, and differentiable as often as asked.

    It counts where a layer is called, or, in a `tf.function` or a compiled model, where the call is traced.
    """
    token = _general_loop.set(True)
    try:
        yield
    finally:
        _general_loop.reset(token)


def reason_against(layer, sequences, mask):
    """Why the layer cannot take the fast path for these inputs, or None."""
    cell = layer.cell
    if keras.backend.backend() != "tensorflow":
        return f"the backend is {keras.backend.backend()}, the fast path is for tensorflow"
    if _general_loop.get():
        return "called within general_loop()"
    if type(cell) is not layer.cell_class:
        return f"the cell is a {type(cell).__name__}, the fast path is for {layer.cell_class.__name__}"
    for name in ("activation", "recurrent_activation"):
        function = getattr(cell, name, keras.activations.tanh)
        if function not in ACTIVATIONS:
            given = getattr(function, "__name__", type(function).__name__)
            return f"{name}={given!r}, the fast path has derivatives of tanh and sigmoid"
    if layer.unroll:
        return "unroll=True"
    if sequences.shape[1] == 1:
        return "there is one step, and no loop"
    if mask is not None and len(mask.shape) == 3 and mask.shape[-1] != 1:
        return f"the mask has the shape {tuple(mask.shape)}, the fast path takes (batch, time)"
    if gpus():
        return "TensorFlow sees a GPU, the fast path is for the CPU"
    if not record.could_possibly_record() and not tf.executing_eagerly() and traced_for_export():
        return "traced ahead of time, as for an export"
    return None


@functools.cache
def gpus():
    return tuple(tf.config.list_physical_devices("GPU"))


def traced_for_export():
    """Whether this call is traced ahead of time, as every export does it, and not because a function was called.

    An exported graph must run where there is no XLA, and nothing else tells one from a graph that `fit` or `predict`
    runs here.
    """
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name in ("get_concrete_function", "_get_concrete_function_garbage_collected"):
            return True
        frame = frame.f_back
    return False


def run(equations, inputs, mask, parameters, masks, states, sequences):
    """`recurrence`, compiled where that pays: in graphs that are run as they are; 16-bit numbers are computed in 32.

    Eager calls are not compiled: their shapes may change with every call, and a call would wait for the compiler.
    """
    if inputs.dtype in (tf.float16, tf.bfloat16):
        inputs, parameters, masks, states = tf.nest.map_structure(
            lambda value: None if value is None else tf.cast(value, tf.float32), (inputs, parameters, masks, states)
        )
    keep = record.could_possibly_record()
    if tf.executing_eagerly():
        function = in_a_graph(equations, sequences, keep, inputs.shape[-1], parameters.recurrent_kernel.shape[0])
        return function(inputs, mask, parameters, masks, states)
    compile = pays(inputs, parameters) and not under_xla() and not traced_for_export()
    return recurrence(
        equations, inputs, mask, parameters, masks, states, sequences=sequences, keep=keep, compile=compile
    )


def pays(inputs, parameters):
    """Whether compiling is worth its seconds: where the length stays, or the products are large."""
    return inputs.shape[1] is not None or parameters.recurrent_kernel.shape[0] >= UNITS_FOR_ANY_LENGTH


@functools.cache
def in_a_graph(equations, sequences, keep, width, units):
    """`recurrence` as a graph of any batch size and length, for eager calls.

    One for each `width` of the inputs and number of `units`, so that the sizes that TensorFlow finds to vary from call
    to call, and then no longer fixes, are those two alone.
    """
    del width, units

    def function(inputs, mask, parameters, masks, states):
        return recurrence(
            equations, inputs, mask, parameters, masks, states, sequences=sequences, keep=keep, compile=False
        )

    return tf.function(function, autograph=False, reduce_retracing=True)


__all__ = ["Parameters", "general_loop", "reason_against", "run"]
