"""What the classifier holds while it reads one text: its score after each word, and every gate and state."""

from typing import Any, NamedTuple

import keras
import numpy as np

from apps.sentiment.plots import running_scores
from rnn_keras.data.text import encode_texts
from rnn_keras.diagnostics import gate_traces


class RunningState(NamedTuple):
    """One text, word by word.

    Attributes:
        words: of the text, as the tokenizer splits it.
        is_known: of each word, whether it is in the vocabulary.
        scores: the probability of the class `shown` after each word, `(words,)`.
        shown: the index of the class: the second of two, or of more the one that the whole text has.
        traces: the values of each gate and state of the last recurrent layer, by name, `(words, units)`.
    """

    words: list[str]
    is_known: list[bool]
    scores: np.ndarray
    shown: int
    traces: dict[str, np.ndarray]


def compute_running_state(model: keras.Model, classifier: keras.Model, text: str) -> RunningState:
    """Reads one text.

    Args:
        model: of `build_text_model`.
        classifier: the network in it.
        text: the text.
    """
    vectorization: Any = model.get_layer("text_vectorization")
    [ids] = encode_texts(vectorization, [text])
    words = split_words(vectorization, text)
    outputs = running_scores(classifier, ids)
    shown = 0 if outputs.shape[1] == 1 else int(outputs[-1].argmax())
    # A long text is read in segments, which are rows of one batch.
    traces = {
        name: values.reshape(-1, values.shape[-1])[: len(ids)]
        for name, values in gate_traces(classifier, ids[np.newaxis]).items()
    }
    return RunningState(
        words, [bool(known) for known in ids > 1], outputs[:, shown], shown + (outputs.shape[1] == 1), traces
    )


def split_words(vectorization: keras.layers.TextVectorization, text: str) -> list[str]:
    """The words of a text, as the layer splits it."""
    tokenizer: Any = vectorization.get_config()["split"]
    return [token.decode() for token in tokenizer(keras.ops.convert_to_tensor([text])).flat_values.numpy()]
