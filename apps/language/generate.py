"""Reading and writing one character after another, with the state kept: nothing is read twice."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from apps.language.data import Alphabet
from rnn_keras.training.stateful import get_states, make_stateful

CHUNK = 512  # characters that are read at once where nothing is trained


class Reader:
    """A network that reads characters, a few at a time, and keeps its state.

    Args:
        network: as `build_network` made it, stateful or not.
    """

    def __init__(self, network: keras.Model):
        self.network: Any = make_stateful(network, 1)
        self._run = tf.function(
            lambda ids: self.network(keras.tree.pack_sequence_as(self.network.input, [ids]), training=False)[0],
            input_signature=[tf.TensorSpec((1, None), tf.int32)],
            autograph=False,
        )
        self.reset()

    def reset(self) -> None:
        """Sets the state to zero."""
        for state in get_states(self.network):
            state.assign(tf.zeros_like(state))

    def read(self, ids: np.ndarray | Sequence[int]) -> np.ndarray:
        """Logits `(characters, ids)` of what comes after each of the characters `(characters,)`, at least one."""
        return self._run(tf.constant(np.asarray(ids, np.int32)[np.newaxis])).numpy()


def bits_per_character(network: keras.Model, ids: np.ndarray) -> float:
    """The mean of -log2 of the probability of each character, read as one stream from a zero state.

    All characters without an id are one; `LanguageData.naming_bits` is what it takes to tell them apart.
    """
    reader = Reader(network)
    total = 0.0
    for start in range(0, len(ids) - 1, CHUNK):
        logits = reader.read(ids[start : start + CHUNK])
        targets = ids[start + 1 : start + 1 + CHUNK]
        log_probabilities = tf.nn.log_softmax(tf.cast(logits[: len(targets)], tf.float64)).numpy()
        total -= log_probabilities[np.arange(len(targets)), targets].sum()
    return float(total / (len(ids) - 1) / math.log(2))


def generate(reader: Reader, prompt: np.ndarray, number: int, temperature: float, seed: int) -> list[int]:
    """Ids that continue those of the prompt, drawn one by one; each is read once, with the state kept."""
    generator = np.random.default_rng(seed)
    reader.reset()
    logits = reader.read(prompt)[-1]
    ids: list[int] = []
    for _ in range(number):
        scaled = logits[2:].astype(np.float64) / temperature  # never padding, nor what is unknown
        probabilities = np.exp(scaled - scaled.max())
        ids.append(2 + int(generator.choice(len(probabilities), p=probabilities / probabilities.sum())))
        logits = reader.read([ids[-1]])[-1]
    return ids


def continue_prompts(model: Any, prompts: Sequence[str], number: int, temperature: float, seed: int) -> list[str]:
    """Each prompt with so many characters after it, by a saved model.

    Raises:
        UserError: no character of a prompt is known to the model.
    """
    alphabet = Alphabet(model.get_layer("label").get_vocabulary())
    for prompt in prompts:
        alphabet.check_prompt(prompt)
    reader = Reader(model.get_layer("network"))
    written = [generate(reader, alphabet.encode(prompt), number, temperature, seed) for prompt in prompts]
    return [prompt + alphabet.decode(ids) for prompt, ids in zip(prompts, written, strict=True)]
