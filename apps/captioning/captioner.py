"""A saved model's parts at work on many pictures."""

import math
import time
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from apps.captioning.features import progress
from rnn_keras.data.open_vocabulary import END, START
from rnn_keras.seq2seq.text_to_text import BATCH, Written


class AttentionMap(NamedTuple):
    """`weights (written, rows, columns)`, each a distribution over the picture; the last is of the end token."""

    written: list[str]
    weights: np.ndarray


class Captioner:
    """Pictures `(n, ...)`, as pixels or as the grids that the backbone makes of them -> captions.

    Args:
        model: what `build_captioner` makes.
    """

    def __init__(self, model: keras.Model):
        self.model, self.joined = model, model.get_layer("joined_text")
        self.reader, self.search = model.get_layer("reader"), model.get_layer("search")
        self.backbone = model.get_layer("backbone")
        ways = {
            "greedy": lambda pictures: self.search.greedy(*self.read(pictures)),
            "beam": lambda pictures: self.search(*self.read(pictures))["tokens"],
            # The reader's mean picture does not matter: without() looks at its shape alone.
            "without": lambda pictures: self.search(*self.reader.without(*self.read(pictures)))["tokens"],
        }
        self.searches = {
            how: tf.function(search, autograph=False, reduce_retracing=True) for how, search in ways.items()
        }

    def read(self, pictures):
        """Places and summary."""
        grids = self.backbone(pictures, training=False) if pictures.dtype == tf.uint8 else tf.cast(pictures, tf.float32)
        return self.reader(grids, training=False)

    def write(
        self, pictures: np.ndarray, how: str = "beam", places: np.ndarray | None = None, batch_size: int = BATCH
    ) -> Written:
        """The pictures' captions by `"greedy"` or `"beam"` search.

        Args:
            pictures: may lie in a file, of which a batch at a time is read.
            places: which of them; None: all.
        """
        self.searches[how](tf.constant(pictures[:1]))  # traced before the clock runs
        started = time.perf_counter()
        texts = []
        places = np.arange(len(pictures)) if places is None else places
        starts = range(0, len(places), batch_size)
        for start in progress(starts, len(starts), f"writing captions, {how}"):
            tokens = self.searches[how](tf.constant(pictures[places[start : start + batch_size]]))
            texts += [text.decode() for text in self.joined(tokens).numpy()]
        return Written(texts, time.perf_counter() - started)

    def without_picture(self, pictures: np.ndarray) -> str | None:
        """What the decoder writes where there is no picture; None where it was not trained for that.

        Args:
            pictures: at least one; only the shape matters.
        """
        return self.write(pictures[:1], "without").texts[0] if self.reader.blind else None

    def attention_map(self, picture: np.ndarray) -> AttentionMap | None:
        """Where in a picture `(...)` the decoder looked as it wrote; None where it has no attention."""
        if self.search.decoder.attention is None:
            return None
        read = self.read(tf.constant(picture[np.newaxis]))
        tokens = self.search(*read)["tokens"].numpy()[0]
        tokens = tokens[tokens > 0]
        written = tf.constant(np.concatenate([[START], tokens[:-1]])[np.newaxis])
        weights = self.search.decoder.teacher_forced(written, *read)[1].numpy()[0]
        words = ["(end)" if token == END else self.joined([[token]]).numpy()[0].decode() for token in tokens]
        side = math.isqrt(weights.shape[1])
        return AttentionMap(words, weights.reshape(len(words), side, side))
