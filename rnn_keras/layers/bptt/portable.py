"""Functions that run compiled here, while every copy of the graph that calls them holds plain operations.

XLA makes the loops fast, but a graph with its operations cannot be converted to ONNX or LiteRT, and does not run where
XLA is missing. Nothing tells a graph that will be exported from one that runs here: any function that was called may
be exported later, by whatever means. So each graph holds a portable function, and this process's runtime, which looks
functions up by name when it runs them, has another body under the same name.
"""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context, record

# Not public, and needed: the function that is called by name in a graph, and added to copies of the graph.
from tensorflow.python.eager.polymorphic_function.atomic_function import AtomicFunction
from tensorflow.python.framework import op_callbacks


@tf.autograph.experimental.do_not_convert
def call_portably(function: Callable, portable: Callable, *arguments: Any) -> Any:
    """The results of `function` in graphs that run in this process, those of `portable` in copies of the graph.

    Tapes do not see the call, and no gradient passes it.

    Args:
        function, portable: pure functions of the same arguments and with results of the same structure, dtypes and
            shapes. Equal ones (`functools.partial` apart: see `Partial`) are traced once for all calls with arguments
            of the same shapes.
        arguments: tensors, or tuples of tensors and None.
    """
    arguments = tf.nest.map_structure(lambda value: None if value is None else tf.stop_gradient(value), arguments)
    with record.stop_recording():
        if tf.executing_eagerly() or function == portable:
            results = portable(*arguments)
        else:
            specs = tf.nest.map_structure(
                lambda value: None if value is None else tf.TensorSpec(value.shape, value.dtype), arguments
            )
            called = trace_pair(function, portable, specs, runtime().function_scope_id)
            flat = called.call_flat(*(value for value in tf.nest.flatten(arguments) if value is not None))
            results = called.function_type.pack_output(flat)
        return tf.nest.map_structure(lambda value: None if value is None else tf.stop_gradient(value), results)


class Partial(functools.partial):
    """A `functools.partial` that equals another of the same function and arguments."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Partial) and self.parts() == other.parts()

    def __hash__(self) -> int:
        return hash(self.parts())

    def parts(self) -> tuple[Any, ...]:
        return self.func, self.args, tuple(sorted(self.keywords.items()))


@functools.cache
def trace_pair(function: Callable, portable: Callable, specs: tuple[Any, ...], scope: int) -> "PortableFunction":
    """The two functions traced for arguments of these shapes; once for each runtime (`scope`)."""
    del scope

    def trace(traced: Callable) -> AtomicFunction:
        concrete = tf.function(lambda *values: traced(*values), autograph=False).get_concrete_function(*specs)
        return concrete._inference_function

    return PortableFunction(trace(portable), trace(function))


class PortableFunction(AtomicFunction):
    """A function of a graph whose definition is the portable one, and whose name stands for another body here."""

    def __init__(self, portable: AtomicFunction, here: AtomicFunction):
        self.portable_function = portable._c_func
        self.portable_definition = portable.definition
        self.traced = portable, here  # the runtime forgets what nobody holds
        super().__init__(
            portable.name,
            runtime(),
            portable.function_type,
            portable.children,
            portable.call_options,
            portable.graph,
        )
        body = here.definition
        body.signature.name = portable.name.decode()
        runtime().remove_function(portable.name)
        runtime().add_function_def(body)

    @property
    def _c_func(self) -> Any:
        return self.portable_function

    @property
    def definition(self) -> Any:
        return self.portable_definition

    @property
    def cached_definition(self) -> Any:
        return self.portable_definition


def runtime() -> Any:
    """TensorFlow's runtime of this process, which knows functions by name."""
    return context.context()


def callbacks_are_active() -> bool:
    """Whether TensorFlow puts operations of its own between ours, as `tf.debugging.enable_check_numerics` does.

    XLA cannot compile them.
    """
    return op_callbacks.should_invoke_op_callbacks() or bool(runtime().op_callbacks)
