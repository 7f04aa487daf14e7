"""A model as a SavedModel in TF Serving's layout: `<directory>/<version>/`, raw inputs in, answers out."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import atomic_write

if TYPE_CHECKING:
    import keras


def export_saved_model(model: "keras.Model", endpoint: Callable, directory: Path) -> Path:
    """Writes the next version, whole or not at all.

    Args:
        model: whose weights and vocabularies go along.
        endpoint: a tf.function with an input signature, that calls the model and returns a dict of named tensors; the
            names of its arguments and results are those of the signature `serving_default`.
        directory: the versions' folder.

    Returns:
        The new version's folder, numbered one above the highest there.

    Raises:
        UserError: the folder cannot be written to, or the graph holds what TF Serving does not run; nothing was left
            there.
    """
    import keras

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", endpoint)
    version = directory / str(1 + max(versions(directory), default=0))
    with atomic_write(version) as temporary:
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

    stored = saved_model_pb2.SavedModel.FromString((saved_model / "saved_model.pb").read_bytes())
    for graph in (meta_graph.graph_def for meta_graph in stored.meta_graphs):
        functions = {function.signature.name: function for function in graph.library.function}
        nodes = [*graph.node, *(node for function in functions.values() for node in function.node_def)]
        foreign = {node.op for node in nodes if node.op not in functions and op_def_registry.get(node.op) is None}
        foreign |= {node.op for node in nodes if "PyFunc" in node.op or node.op.startswith("Xla")}
        foreign |= {name for name, function in functions.items() if function.attr["_XlaMustCompile"].b}
        if foreign:
            raise UserError(
                f"the model's graph has operations that TF Serving does not run: {', '.join(sorted(foreign))}; take "
                "tf.py_function, custom operations and jit_compile=True out of its layers"
            )


def versions(directory: Path) -> list[int]:
    """The numbers of the versions in the folder, rising."""
    if not directory.is_dir():
        return []
    return sorted(int(entry.name) for entry in directory.iterdir() if entry.name.isdecimal() and entry.is_dir())
