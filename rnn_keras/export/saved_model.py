"""A model as a SavedModel in TF Serving's layout: `<directory>/<version>/`, raw inputs in, predictions out."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import atomic_write, lock_directory

if TYPE_CHECKING:  # `rnn_keras.serving` lists versions without TensorFlow
    import keras


def make_endpoint(model: "keras.Model", outputs: Sequence[str] | None = None) -> Callable[..., Any]:
    """A tf.function that calls the model, whose arguments and results have the names of the model's inputs and outputs.

    Args:
        model: functional, or sequential with a known input. Inputs and outputs that are not dicts have the names that
            Keras gave them.
        outputs: the names of the results; default: all outputs.
    """
    import tensorflow as tf

    inputs, arrange = name_model_inputs(model)
    signature = [tf.TensorSpec(tensor.shape, tensor.dtype, name=name) for name, tensor in inputs.items()]

    @tf.function(input_signature=signature)
    def serve(*tensors: "tf.Tensor") -> "dict[str, tf.Tensor]":
        results: Any = model(arrange(tensors), training=False)
        if not isinstance(results, dict):
            results = results if isinstance(results, list | tuple) else [results]
            names = getattr(model, "output_names", None) or [f"output_{number}" for number in range(len(results))]
            results = dict(zip(names, results, strict=True))
        return {name: results[name] for name in outputs or results}

    return serve


def name_model_inputs(model: "keras.Model") -> tuple[dict[str, Any], Callable[[Sequence[Any]], Any]]:
    """The symbolic inputs of a model by their names, and what arranges a tensor for each as the model is called with.

    Args:
        model: whose input is a tensor, a list or a dict of tensors.

    Raises:
        UserError: its inputs are not known: it is neither functional nor sequential, or was never called.
    """
    import keras

    inputs: Any = getattr(model, "inputs", None)
    if not inputs:
        raise UserError(
            f"the inputs of the model {model.name!r} are not known; make it a keras.Model(inputs, outputs), or begin "
            "the keras.Sequential with a keras.Input"
        )
    inputs = inputs[0] if isinstance(model, keras.Sequential) else model.input
    if isinstance(inputs, dict):
        return dict(inputs), lambda tensors: dict(zip(inputs, tensors, strict=True))
    if isinstance(inputs, list | tuple):
        return {tensor.name: tensor for tensor in inputs}, list
    return {inputs.name: inputs}, lambda tensors: tensors[0]


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

    from rnn_keras.layers import general_loop

    archive: Any = keras.export.ExportArchive()
    archive.track(model)
    # The graph is traced within these. Of the general loop it is smaller and sooner done: no gradient comes along.
    with general_loop():
        archive.add_endpoint("serve", endpoint)
    with lock_directory(directory, "--saved-models"):
        version = directory / str(1 + max(versions(directory), default=0))
        with atomic_write(version) as temporary, general_loop():
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
