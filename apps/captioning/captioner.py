"""Captions of many images, by the parts of a saved model, and the attention weights behind them."""

import math
import time
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from apps.captioning.features import show_progress
from rnn_keras.data.open_vocabulary import END, START
from rnn_keras.seq2seq.text_to_text import BATCH, GeneratedTexts

END_LABEL = "(end)"


class AttentionWeights(NamedTuple):
    """The attention weights of one caption.

    Attributes:
        words: of the caption, the end token last.
        weights: `(words, rows, columns)`; each word's weights over the image sum to 1.
    """

    words: list[str]
    weights: np.ndarray


class Captioner:
    """A saved model's parts, for many images in batches.

    Images are arrays `(n, ...)`: pixels `(size, size, 3)` uint8, or grids of features `(regions, channels)` float16, as
    the model's backbone computes them.

    Args:
        model: of `build_model`.
    """

    def __init__(self, model: keras.Model):
        self.backbone: Any = model.get_layer("backbone")
        self.image_memory: Any = model.get_layer("image_memory")
        self.search: Any = model.get_layer("search")
        self.detokenizer: Any = model.get_layer("detokenizer")
        grid: Any = self.backbone.output
        specs = [
            tf.TensorSpec((None, *spec.shape[1:]), tf.float32) for spec in self.image_memory.compute_output_spec(grid)
        ]
        self._encode: Any = tf.function(self.encode, autograph=False, reduce_retracing=True)
        self._searches: dict[str, Any] = {
            "greedy": tf.function(self.search.greedy, specs, autograph=False),
            "beam": tf.function(lambda *encoded: self.search(*encoded)["tokens"], specs, autograph=False),
        }

    def encode(self, images: tf.Tensor) -> tuple[Any, Any]:
        """What the decoder sees of images; see `ImageMemory`."""
        is_pixels = images.dtype == tf.uint8
        grids = self.backbone(images, training=False) if is_pixels else tf.cast(images, tf.float32)
        return self.image_memory(grids, training=False)

    def generate(
        self, images: np.ndarray, search: str = "beam", indices: np.ndarray | None = None, batch_size: int = BATCH
    ) -> GeneratedTexts:
        """The captions of images.

        Args:
            images: `(n, ...)`; it may lie in a file, of which a batch at a time is read.
            search: "greedy" or "beam".
            indices: of the images to caption; None: all.
            batch_size: images that are captioned at once.
        """
        run = self._searches[search]
        run(*self._encode(tf.constant(images[:1])))  # traced before the clock starts
        started = time.perf_counter()
        indices = np.arange(len(images)) if indices is None else indices
        texts = []
        starts = range(0, len(indices), batch_size)
        for start in show_progress(starts, len(starts), f"captioning, {search} search"):
            tokens = run(*self._encode(tf.constant(images[indices[start : start + batch_size]])))
            texts += [text.decode() for text in self.detokenizer(tokens).numpy()]
        return GeneratedTexts(texts, time.perf_counter() - started)

    def generate_without_image(self, images: np.ndarray) -> str | None:
        """The caption that the decoder writes without an image; None if the model was not trained for that.

        Args:
            images: `(n, ...)`, at least one; only the shape matters.
        """
        if not self.image_memory.image_dropout:
            return None
        encoded = self.image_memory.replace(*self._encode(tf.constant(images[:1])))
        return self.detokenizer(self._searches["beam"](*encoded)).numpy()[0].decode()

    def compute_attention(self, image: np.ndarray) -> AttentionWeights | None:
        """The attention weights of the caption of one image `(...)`; None if the model has no attention."""
        if self.search.decoder.attention is None:
            return None
        encoded = self._encode(tf.constant(image[np.newaxis]))
        tokens = self._searches["beam"](*encoded).numpy()[0]
        tokens = tokens[tokens > 0]
        decoder_inputs = tf.constant(np.concatenate([[START], tokens[:-1]])[np.newaxis])
        weights = self.search.decoder.apply_teacher_forcing(decoder_inputs, *encoded)[1].numpy()[0]
        words = [END_LABEL if token == END else self.detokenizer([[token]]).numpy()[0].decode() for token in tokens]
        side = math.isqrt(weights.shape[1])
        return AttentionWeights(words, weights.reshape(len(words), side, side))
