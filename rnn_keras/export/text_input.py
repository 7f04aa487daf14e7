"""A model that reads texts by Keras's TextVectorization, for formats that have no texts: the part behind it."""

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from rnn_keras.runtime.runner import VOCABULARY
from rnn_keras.utils.errors import UserError

IDS = "ids"  # the input of the part
STANDARDIZE = (None, "lower", "strip_punctuation", "lower_and_strip_punctuation")
SPLIT = ("whitespace", "character")


@dataclasses.dataclass(frozen=True)
class TextInput:
    """The only input of a model is texts, which a TextVectorization makes ids of.

    Attributes:
        vectorization: the layer.
        network: ids `(batch, tokens)` in, the model's outputs out.
    """

    vectorization: keras.layers.TextVectorization
    network: keras.Model

    def encode(self, texts: Sequence[Any]) -> list[np.ndarray]:
        """Texts, bytes, or arrays of one of them -> ids `(tokens,)`."""
        return [self.vectorization([get_text(text)]).numpy()[0] for text in texts]

    @property
    def tokenizer(self) -> dict[str, Any]:
        """What `rnn_keras.runtime.tokenizer.KerasTokenizer` must know."""
        config = self.vectorization.get_config()
        return {name: config[name] for name in ("standardize", "split", "output_sequence_length")}

    @property
    def files(self) -> dict[str, bytes]:
        """The vocabulary, which is inside the exported files."""
        return {VOCABULARY: "\n".join(self.vectorization.get_vocabulary()).encode()}


def get_text(text: Any) -> bytes:
    """The bytes of a text, or of an array of one."""
    text = text.item() if isinstance(text, np.ndarray) else text
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def arrange_input(value: Any) -> Any:
    """An input as an array, a text as bytes, and an array of texts as one without Python objects."""
    array = np.asarray(value)
    if array.dtype.kind not in "OSU":
        return array
    if array.ndim == 0:
        return get_text(array)
    texts = [get_text(text).decode("utf-8", "replace") for text in array.ravel().tolist()]
    return np.array(texts).reshape(array.shape)


def find_output(layer: keras.layers.Layer, outputs: Sequence[Any]) -> Any:
    """What a layer computes on the way to these outputs; `layer.output` may be of an earlier call of it."""
    found = list(outputs)
    for tensor in found:
        history = tensor._keras_history
        if history.operation is layer:
            return tensor
        found += history.operation._inbound_nodes[history.node_index].input_tensors
    raise ValueError(f"the outputs do not depend on {layer.name}")


def split_text_input(model: keras.Model, name: str) -> TextInput:
    """The TextVectorization of a model, and the part behind it.

    Args:
        model: functional or Sequential.
        name: of its input that is text.

    Raises:
        UserError: the input is not the only one, or what reads it is something else than one TextVectorization that
            works as the runners do.
    """
    start = f"the model's input {name} is text, which LiteRT and ONNX files read by the vocabulary inside them"
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.TextVectorization)]
    if not getattr(model, "inputs", None) or len(model.inputs) != 1 or len(layers) != 1:
        raise UserError(
            f"{start}: expected a functional or Sequential model with that input alone and one TextVectorization; "
            "choose saved_model, or export the part behind the texts"
        )
    config: Any = layers[0].get_config()
    for argument, known in (
        ("standardize", STANDARDIZE),
        ("split", SPLIT),
        ("ngrams", (None,)),
        ("output_mode", ("int",)),
    ):
        value = config[argument]
        if isinstance(value, str | None) and value in known:
            continue
        raise UserError(
            f"{start}: expected a TextVectorization whose `{argument}` is "
            f"{' or '.join(repr(one) for one in known)}, got {value!r}; choose saved_model, or export what follows"
        )
    output: Any = model.outputs[0] if isinstance(model, keras.Sequential) else model.output
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the name of the tensor is another one
            network = keras.Model({IDS: find_output(layers[0], model.outputs)}, output, name=model.name)
    except ValueError as error:
        raise UserError(
            f"{start}, but something else than its TextVectorization reads it too; choose saved_model"
        ) from error
    return TextInput(layers[0], network)
