"""Models that read one text and write another: how they are trained, put together, and set to work on many texts."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from rich.progress import track

from rnn_keras.data.open_vocabulary import END, START, JoinedText, OpenVocabulary
from rnn_keras.data.pair_batches import padded
from rnn_keras.data.text import PADDING
from rnn_keras.seq2seq.decoder import AttentionDecoder
from rnn_keras.seq2seq.encoder import BidirectionalEncoder
from rnn_keras.seq2seq.search import Search
from rnn_keras.utils.terminal import console

BATCH = 64


def teacher_forced(encoder: BidirectionalEncoder, decoder: AttentionDecoder) -> keras.Model:
    """Ids of the source `(batch, time)` and of what was written `(batch, steps)` -> logits of what comes next."""
    source = keras.Input((None,), dtype="int32", name="source")
    written = keras.Input((None,), dtype="int32", name="written")
    places, summary = encoder(source)
    logits = decoder(written, places, summary, ops.not_equal(source, PADDING))
    return keras.Model([source, written], logits, name="teacher_forced")


def build_text_to_text(
    network: keras.Model,
    source_vocabulary: OpenVocabulary,
    target_vocabulary: OpenVocabulary,
    *,
    answer: str,
    maximum_length: int,
    name: str,
    width: int = 1,
    length_penalty: float = 0.0,
) -> keras.Model:
    """Raw texts `(batch,)` -> the `answer` `(batch,)` and its `score` `(batch,)`, see `beam_search`.

    Args:
        network: what `teacher_forced` made, with layers named `encoder` and `decoder`.
        source_vocabulary: named `source_vocabulary`.
        answer: the name of the output.
        maximum_length: the most tokens written.
        name: the model's.
        width, length_penalty: of the search.
    """
    text = keras.Input((), dtype="string", name="text")
    ids = source_vocabulary(text)
    places, summary = network.get_layer("encoder")(ids)
    search = Search(
        network.get_layer("decoder"),
        start=START,
        end=END,
        forbidden=START + 1,  # padding, what is unknown, and the start
        maximum_length=maximum_length + 1,
        width=width,
        length_penalty=length_penalty,
        name="search",
    )
    found = search(places, summary, ops.not_equal(ids, PADDING))
    written = JoinedText(target_vocabulary.tokens, name="joined_text")(found["tokens"])
    return keras.Model({"text": text}, {answer: written, "score": found["score"]}, name=name)


class Written(NamedTuple):
    """`texts` in the order of what was read, and `seconds` that the search for them took."""

    texts: list[str]
    seconds: float


class TextWriter:
    """A saved model's parts at work on many sentences, in batches of like length.

    Args:
        model: what `build_text_to_text` made.
    """

    def __init__(self, model: keras.Model):
        self.vocabulary = model.get_layer("source_vocabulary")
        encoder, search = model.get_layer("encoder"), model.get_layer("search")
        self.joined = model.get_layer("joined_text")

        def read(ids):
            return *encoder(ids, training=False), tf.not_equal(ids, 0)

        signature = [tf.TensorSpec((None, None), tf.int32)]
        self.searches = {
            "greedy": tf.function(lambda ids: search.greedy(*read(ids)), signature, autograph=False),
            "beam": tf.function(lambda ids: search(*read(ids))["tokens"], signature, autograph=False),
        }

    def write(self, texts: Sequence[str], how: str = "beam", batch_size: int = BATCH) -> Written:
        """The answers to texts, by `"greedy"` or `"beam"` search."""
        sequences = self.vocabulary.encode(texts)
        order = np.argsort([len(ids) for ids in sequences], kind="stable")
        batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
        answers = [""] * len(texts)
        self.searches[how](np.ones((1, 1), np.int32))  # traced before the clock runs
        started = time.perf_counter()
        for batch in track(batches, f"writing, {how} ...", console=console, transient=True, disable=len(batches) < 5):
            tokens = self.searches[how](padded([sequences[place] for place in batch]))
            for place, text in zip(batch, self.joined(tokens).numpy(), strict=True):
                answers[place] = text.decode()
        return Written(answers, time.perf_counter() - started)
