"""How many bits a character costs, beside what it costs without memory."""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from apps.language.reader import CharacterReader
from apps.language.texts import UNKNOWN, Text

READ_AT_ONCE = 512  # characters in a call of the network


def compute_metrics(network: keras.Model, text: Text, split: str) -> dict[str, Any]:
    """The metrics of a network on a split of a text, or on `all` of it.

    Args:
        network: as `build_network` made it.
        text: with the characters of the network.
        split: `train`, `validation`, `test` or `all`.

    Returns:
        `bits_per_character`; `without_memory`, what the counts of the characters alone would give; the number of
        `characters`, and the `unknown_share` of them.
    """
    ids = text.ids(split)
    return {
        "bits_per_character": float(compute_bits(network, ids).mean()) + unknown_bits(text, ids[1:]),
        "without_memory": unigram_bits(text, split),
        "characters": len(ids),
        "unknown_share": float((ids == UNKNOWN).mean()),
    }


def compute_bits(network: keras.Model, ids: np.ndarray) -> np.ndarray:
    """-log2 of the probability of each character after the first, `(len(ids) - 1,)`, read as one stream.

    All unknown characters are one here; see `unknown_bits`.
    """
    reader = CharacterReader(network)
    bits = []
    for start in range(0, len(ids) - 1, READ_AT_ONCE):
        logits = reader.read(ids[start : start + READ_AT_ONCE])
        targets = ids[start + 1 : start + 1 + READ_AT_ONCE]
        log_probabilities: Any = tf.nn.log_softmax(tf.cast(logits[: len(targets)], tf.float64))
        bits.append(-log_probabilities.numpy()[np.arange(len(targets)), targets] / math.log(2))
    return np.concatenate(bits)


def unknown_bits(text: Text, ids: np.ndarray) -> float:
    """Bits per character that tell the unknown characters apart, all of which are equally probable."""
    return float((ids == UNKNOWN).mean() * np.log2(max(text.unknown_characters, 1)))


def unigram_bits(text: Text, split: str) -> float:
    """Bits per character without memory: the cross-entropy with the frequencies in the train split of the text."""
    ids = text.ids(split)
    counts = np.bincount(text.splits["train"], minlength=text.number_of_ids) + 1.0
    return float(-np.log2(counts / counts.sum())[ids].mean()) + unknown_bits(text, ids)
