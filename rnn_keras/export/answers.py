"""How an ONNX file, which holds the network alone, answers what the SavedModel of the same export does."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.export.model_function import describe_model, name_outputs
from rnn_keras.export.saved_model import make_endpoint
from rnn_keras.export.spec import ExportSpec, extend_description
from rnn_keras.runtime.answers import ANSWERS, SIGNATURE
from rnn_keras.runtime.runner import DESCRIPTION, VOCABULARY

ROWS, SIZE = 64, 3  # of the outputs that are made up; the size of open axes


def describe_signature(spec: ExportSpec, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files inside an ONNX file, whose description also says what the SavedModel takes and gives.

    Where the SavedModel does more than `rnn_keras.runtime.answers` can, it says nothing of it.

    Args:
        spec: what is exported.
        files: the files inside, by name.
    """
    description = json.loads(files.get(DESCRIPTION, b"{}"))
    signature = find_signature(spec, description, files)
    if signature is None:
        return dict(files)
    return extend_description(files, **{SIGNATURE: signature})


def find_signature(
    spec: ExportSpec, description: Mapping[str, Any], files: Mapping[str, bytes]
) -> dict[str, dict[str, Any]] | None:
    """See `rnn_keras.runtime.answers`; None where the network's outputs do not say what the SavedModel answers."""
    model, network = spec.model, spec.network
    if network is None:
        return None
    call = None if network is model else find_call(model, network)
    if network is not model and call is None:
        return None
    inputs = describe_model(model, spec.comparison.inputs).inputs
    outputs = trace_outputs(spec)
    if call is None:
        feeds: dict[str, str] | None = {name: name for name in inputs}
        answers: dict[str, Any] | None = {
            name: {"dtype": tf.as_dtype(tensor.dtype).name, "output": name, "answer": "same"}
            for name, tensor in outputs.items()
        }
    else:
        feeds = find_feeds(model, network, call, VOCABULARY in files and "tokenizer" in description)
        answers = find_answers(call, network, outputs, description.get("labels", []))
    if feeds is None or answers is None or feeds.keys() != inputs.keys():
        return None
    return {
        "inputs": {
            name: {"dtype": one.dtype.name, "shape": list(one.shape), "feeds": feeds[name]}
            for name, one in inputs.items()
        },
        "outputs": {name: {**answers[name], "shape": list(tensor.shape)} for name, tensor in outputs.items()},
    }


def trace_outputs(spec: ExportSpec) -> dict[str, Any]:
    """The outputs of the SavedModel by their names, each with a shape and a dtype."""
    if getattr(spec.model, "inputs", None) and not isinstance(spec.model, keras.Sequential):
        outputs = name_outputs(spec.model.output, spec.model)
    else:  # Keras does not know the output
        endpoint: Any = make_endpoint(spec.model, spec.outputs, spec.comparison.inputs)
        outputs = endpoint.get_concrete_function().structured_outputs
    return {name: outputs[name] for name in spec.outputs or outputs}


def find_call(model: keras.Model, network: keras.Model) -> Any:
    """The only place where a functional model calls a network with one input and one output; None: there is none."""
    groups: Any = getattr(model, "_nodes_by_depth", {})
    nodes = [node for group in groups.values() for node in group if node.operation is network]
    if len(nodes) != 1 or len(nodes[0].input_tensors) != 1 or len(nodes[0].output_tensors) != 1:
        return None
    return nodes[0]


def find_feeds(model: keras.Model, network: keras.Model, call: Any, has_vocabulary: bool) -> dict[str, str] | None:
    """The model's input that the network reads as it is, or as ids of texts, and the network's own; None: neither."""
    [own] = describe_model(network).inputs
    [read] = call.input_tensors
    layer = read._keras_history.operation
    if has_vocabulary and isinstance(layer, keras.layers.TextVectorization):
        config = layer.get_config()
        if config["output_mode"] != "int" or config["output_sequence_length"] is not None or config["ragged"]:
            return None
        [read] = layer._inbound_nodes[read._keras_history.node_index].input_tensors
    known: Any = model.inputs
    names = [name for name, tensor in zip(describe_model(model).inputs, known, strict=True) if tensor is read]
    return {names[0]: own} if len(names) == 1 else None


def find_answers(
    call: Any, network: keras.Model, outputs: Mapping[str, Any], labels: Sequence[str]
) -> dict[str, dict[str, str]] | None:
    """The network's output and the answer that each of the model's outputs is, and its dtype; None: one is no answer.

    What the model makes of its network's output is computed for outputs that are made up, and compared.
    """
    [tensor] = call.output_tensors
    [name] = name_outputs(network.output, network)
    encoded = [label.encode() for label in labels]
    try:
        rest: Any = keras.Function(tensor, dict(outputs))
        made_up = make_outputs(tensor.shape)
        results: dict[str, Any] = {key: keras.ops.convert_to_numpy(value) for key, value in rest(made_up).items()}
    except Exception:  # they depend on more than the network's output, or cannot be computed for what is made up
        return None
    answers = {}
    for key, result in results.items():
        kind = next((kind for kind in ANSWERS if is_answer(kind, made_up, encoded, result)), None)
        if kind is None:
            return None
        dtype = "string" if kind == "label" else result.dtype.name
        answers[key] = {"dtype": dtype, "output": name, "answer": kind}
    return answers


def is_answer(kind: str, outputs: np.ndarray, labels: Sequence[bytes], result: np.ndarray) -> bool:
    """Whether a result is, to the last bit, an answer of `rnn_keras.runtime.answers` to a network's outputs."""
    is_text = result.dtype.kind == "O"
    if is_text != (kind == "label") or (is_text and len(labels) != max(2, outputs.shape[-1])):
        return False
    expected = ANSWERS[kind](outputs, labels)
    return expected.dtype == result.dtype and np.array_equal(expected, result)


def make_outputs(shape: Sequence[int | None]) -> np.ndarray:
    """Outputs of a network of this shape, such as probabilities; of each kind some that are equal, 0 or 1."""
    sizes = [ROWS, *(size or SIZE for size in shape[1:])]
    generator = np.random.default_rng(0)
    outputs = generator.random(sizes).astype("float32")
    if sizes[-1] > 1:
        outputs /= outputs.sum(axis=-1, keepdims=True)
    outputs[0], outputs[1], outputs[2] = 0, 1, 0.5
    return outputs
