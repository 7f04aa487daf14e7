"""Models that read one text and write another: how they are trained, assembled, and run on many texts."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.data.open_vocabulary import END, START, Detokenizer, OpenVocabulary
from rnn_keras.data.pair_batches import pad_ids
from rnn_keras.data.text import PADDING
from rnn_keras.layers.keras_types import ops
from rnn_keras.seq2seq.decoder import AttentionDecoder
from rnn_keras.seq2seq.encoder import BidirectionalEncoder
from rnn_keras.seq2seq.search import Search

BATCH = 64


def build_training_network(encoder: BidirectionalEncoder, decoder: AttentionDecoder) -> keras.Model:
    """The network for teacher forcing: the source and the target so far -> the logits of each next token.

    Args:
        encoder: named `encoder`.
        decoder: named `decoder`.

    Returns:
        A model from ids `(batch, time)` of the source and `(batch, steps)` of the target to logits `(batch, steps,
        vocabulary)`.
    """
    source = keras.Input((None,), dtype="int32", name="source")
    written = keras.Input((None,), dtype="int32", name="written")
    encoder_outputs, summary = encoder(source)
    logits = decoder(written, encoder_outputs, summary, ops.not_equal(source, PADDING))
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
    """Raw texts `(batch,)` -> the `answer` `(batch,)` and its `score` `(batch,)`; see `beam_search`.

    Args:
        network: of `build_training_network`, with layers named `encoder` and `decoder`.
        source_vocabulary: named `source_vocabulary`.
        target_vocabulary: of the tokens that are written.
        answer: the name of the output.
        maximum_length: the most tokens written.
        name: the name of the model.
        width, length_penalty: of the search.
    """
    text = keras.Input((), dtype="string", name="text")
    ids = source_vocabulary(text)
    encoder_outputs, summary = network.get_layer("encoder")(ids)
    decoder: Any = network.get_layer("decoder")
    search = Search(
        decoder,
        start=START,
        end=END,
        forbidden=START + 1,  # padding, the unknown token, and the start
        maximum_length=maximum_length + 1,
        width=width,
        length_penalty=length_penalty,
        name="search",
    )
    results = search(encoder_outputs, summary, ops.not_equal(ids, PADDING))
    written = Detokenizer(target_vocabulary.tokens, name="detokenizer")(results["tokens"])
    return keras.Model({"text": text}, {answer: written, "score": results["score"]}, name=name)


class GeneratedTexts(NamedTuple):
    """`texts` in the order of the inputs, and the `seconds` that the search for them took."""

    texts: list[str]
    seconds: float


class TextGenerator:
    """A saved model's parts, for many texts in batches of similar length.

    Args:
        model: of `build_text_to_text`.

    Attributes:
        vocabulary: the model's source vocabulary.

    Example:
        >>> TextGenerator(model).generate(["Good morning."]).texts
        ['早上好。']
    """

    def __init__(self, model: keras.Model):
        vocabulary: Any = model.get_layer("source_vocabulary")
        self.vocabulary: OpenVocabulary = vocabulary
        encoder: Any = model.get_layer("encoder")
        search: Any = model.get_layer("search")
        self._detokenize: Any = model.get_layer("detokenizer")

        def encode(ids: tf.Tensor) -> tuple[Any, ...]:
            return *encoder(ids, training=False), tf.not_equal(ids, 0)

        signature = [tf.TensorSpec((None, None), tf.int32)]
        self._searches: dict[str, Any] = {
            "greedy": tf.function(lambda ids: search.greedy(*encode(ids)), signature, autograph=False),
            "beam": tf.function(lambda ids: search(*encode(ids))["tokens"], signature, autograph=False),
        }

    def generate(
        self,
        texts: Sequence[str],
        search: str = "beam",
        batch_size: int = BATCH,
        track: Callable[[Sequence[np.ndarray]], Iterable[np.ndarray]] = iter,
    ) -> GeneratedTexts:
        """The texts that are written for these.

        Args:
            texts: at least one.
            search: "greedy" or "beam".
            batch_size: texts that are read at once.
            track: the batches -> the same ones, with a progress bar, such as `rich.progress.track`.
        """
        sequences = self.vocabulary.encode(texts)
        order = np.argsort([len(ids) for ids in sequences], kind="stable")
        batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
        written = [""] * len(texts)
        run = self._searches[search]
        run(np.ones((1, 1), np.int32))  # traced before the clock starts
        started = time.perf_counter()
        for batch in track(batches):
            tokens = run(pad_ids([sequences[index] for index in batch]))
            for index, text in zip(batch, self._detokenize(tokens).numpy(), strict=True):
                written[index] = text.decode()
        return GeneratedTexts(written, time.perf_counter() - started)
