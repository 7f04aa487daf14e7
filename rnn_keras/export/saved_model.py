"""A model as a SavedModel in TF Serving's layout: `<directory>/<version>/`, raw inputs in, predictions out."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import atomic_write, lock_directory

if TYPE_CHECKING:  # `rnn_keras.serving` lists versions without TensorFlow
    import keras


def make_endpoint(
    model: "keras.Model", outputs: Sequence[str] | None = None, examples: Sequence[Any] = ()
) -> Callable[..., Any]:
    """A tf.function that calls the model, whose arguments and results have the names of the model's inputs and outputs.

    Args:
        model: any; for the names of inputs and outputs see `rnn_keras.export.model_function`.
        outputs: the names of the results; default: all outputs.
        examples: see `describe_model`.
    """
    import tensorflow as tf

    from rnn_keras.export.model_function import describe_model

    function = describe_model(model, examples)

    @tf.function(input_signature=list(function.inputs.values()))
    def serve(*tensors: "tf.Tensor") -> "dict[str, tf.Tensor]":
        results = function(*tensors)
        return {name: results[name] for name in outputs or results}

    return serve


def export_saved_model(model: "keras.Model", endpoint: Callable[..., Any], directory: Path) -> Path:
    """Writes the next version, whole or not at all.

    Args:
        model: its weights and vocabularies are saved.
        endpoint: a tf.function with an input signature, such as `make_endpoint` makes, that calls the model and returns
            a dict of named tensors. The names of its arguments and results are those of the signature
            `serving_default`.
        directory: the folder of the versions.

    Returns:
        The new version's folder, numbered one above the highest that is there.

    Raises:
        UserError: the folder cannot be written to, or TF Serving cannot run the graph; nothing was left there.
    """
    import keras

    from rnn_keras.export.recurrent.calls import replaced
    from rnn_keras.export.recurrent.tensorflow import TensorFlowEngine
    from rnn_keras.layers import general_loop

    archive: Any = keras.export.ExportArchive()
    archive.track(model)

    @contextlib.contextmanager
    def tracing() -> Iterator[None]:
        """What the graph is traced within, here and where it is written."""
        # Layers that the engine refuses take the general loop, which brings no gradient along.
        with general_loop(), replaced(model, TensorFlowEngine()):
            yield

    with tracing():
        archive.add_endpoint("serve", endpoint)
    with lock_directory(directory, "--saved-models"):
        version = directory / str(1 + max(versions(directory), default=0))
        with atomic_write(version) as temporary, tracing():
            archive.write_out(temporary, verbose=False)
            require_portable(temporary)
    return version


def require_portable(saved_model: Path) -> None:
    """Refuses a SavedModel with operations that TensorFlow's own servers do not have.

    Raises:
        UserError: it calls Python, an operation of another library, or XLA.
    """
    from tensorflow.core.protobuf import saved_model_pb2
    from tensorflow.python.framework import op_def_registry

    stored: Any = saved_model_pb2.SavedModel.FromString((saved_model / "saved_model.pb").read_bytes())
    for graph in (meta_graph.graph_def for meta_graph in stored.meta_graphs):
        functions = {function.signature.name: function for function in graph.library.function}
        nodes = [*graph.node, *(node for function in functions.values() for node in function.node_def)]
        foreign = {node.op for node in nodes if node.op not in functions and op_def_registry.get(node.op) is None}
        foreign |= {node.op for node in nodes if "PyFunc" in node.op or node.op.startswith("Xla")}
        foreign |= {name for name, function in functions.items() if function.attr["_XlaMustCompile"].b}
        if foreign:
            raise UserError(
                f"the model's graph has operations that TF Serving does not run: {', '.join(sorted(foreign))}; remove "
                "tf.py_function, custom operations and jit_compile=True from its layers"
            )


def versions(directory: Path) -> list[int]:
    """The numbers of the versions in a folder, in rising order."""
    if not directory.is_dir():
        return []
    return sorted(int(entry.name) for entry in directory.iterdir() if entry.name.isdecimal() and entry.is_dir())
