"""Many to one: words go in one by one, and what the network holds at the end, or held on the way, decides."""

import keras
import numpy as np
from keras import ops

from apps.sentiment.config import SentimentConfig
from rnn_keras.data.text import PADDING
from rnn_keras.layers import GRU, LSTM, Joined, MaskedMaxPooling1D, Pieces, SimpleRNN

CELLS = {"simple_rnn": SimpleRNN, "lstm": LSTM, "gru": GRU}


def build_scorer(
    config: SentimentConfig,
    vocabulary_size: int,
    classes: int,
    word_vectors: np.ndarray | None = None,
    pair_vectors: np.ndarray | None = None,
) -> keras.Model:
    """Word ids `(batch, time)`, 0 for padding -> probabilities.

    With two classes that of the second, `(batch, 1)`; with more, `(batch, classes)`.

    Args:
        word_vectors: what the embedding starts with, `(vocabulary_size, embedding_units)`; None: at random.
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    pieces = Pieces(config.segment, name="pieces")(ids) if config.segment else ids
    mask = ops.not_equal(pieces, PADDING)
    x = pieces
    if config.input == "embedding":
        embedding = keras.layers.Embedding(vocabulary_size, config.embedding_units, name="embedding")
        x = embedding(pieces)
        if word_vectors is not None:
            embedding.set_weights([word_vectors])
        if config.pairs:
            pairs = keras.layers.Embedding(
                config.pairs, config.pair_units, name="pair_embedding", trainable=config.pair_trainable
            )
            x = keras.layers.Concatenate(name="words_and_pairs")([x, pairs(Pairs(config.pairs, name="pairs")(pieces))])
            if pair_vectors is not None:
                pairs.set_weights([pair_vectors])
        x = keras.layers.Dropout(config.word_dropout, noise_shape=(None, None, 1), name="word_dropout")(x)
        x = keras.layers.SpatialDropout1D(config.embedding_dropout, name="embedding_dropout")(x)
    for number in range(config.layers):
        is_last = number == config.layers - 1
        on_ids = config.input == "one_hot" and number == 0
        layer = CELLS[config.cell](
            config.units,
            return_sequences=not is_last or config.pooling != "last",
            dropout=config.word_dropout if on_ids else 0.0,
            recurrent_dropout=config.recurrent_dropout,
            input_dim=vocabulary_size if on_ids else None,
            name=f"{config.cell}_{number + 1}",
        )
        if config.bidirectional:
            layer = keras.layers.Bidirectional(layer, name=f"bidirectional_{number + 1}")
        x = layer(x, mask=mask)
        if not is_last:
            x = keras.layers.Dropout(config.dropout, name=f"dropout_{number + 1}")(x)
    if config.pooling != "last":
        if config.segment:
            x, mask = Joined(name="joined")(x, ids), Joined(name="joined_mask")(mask, ids)
        x = pool(x, mask, config.pooling)
    x = keras.layers.Dropout(config.dropout, name="dropout")(x)
    if classes == 2:
        score = keras.layers.Dense(1, activation="sigmoid", dtype="float32", name="decision")(x)
    else:
        score = keras.layers.Dense(classes, activation="softmax", dtype="float32", name="decision")(x)
    return keras.Model(ids, score, name="scorer")


@keras.saving.register_keras_serializable(package="rnn_keras")
class Pairs(keras.layers.Layer):
    """Word ids `(batch, time)` -> the number of the pair that each word makes with the one before it, hashed."""

    def __init__(self, buckets, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.buckets = buckets

    def call(self, ids):
        previous = ops.pad(ids[:, :-1], ((0, 0), (1, 0)))
        return pair_ids(previous, ids, self.buckets)

    def get_config(self):
        return super().get_config() | {"buckets": self.buckets}


def pair_ids(previous, ids, buckets):
    return (previous * 30011 + ids * 7919) % buckets


def pool(x, mask, kind: str):
    """`(batch, time, units)` and `(batch, time)` -> `(batch, units)`, or twice as wide for `max_mean`."""
    pooled = []
    if "max" in kind:
        pooled.append(MaskedMaxPooling1D(name="largest")(x, mask=mask))
    if "mean" in kind:
        pooled.append(keras.layers.GlobalAveragePooling1D(name="mean")(x, mask=mask))
    return keras.layers.Concatenate(name="pooling")(pooled) if len(pooled) > 1 else pooled[0]


def build_text_model(
    vectorization: keras.layers.TextVectorization, scorer: keras.Model, class_names: list[str]
) -> keras.Model:
    """Raw texts `(batch,)` -> `score` and `label` `(batch,)`.

    With two classes `score` is the probability of the second; with more, all probabilities, `(batch, classes)`.
    """
    text = keras.Input((), dtype="string", name="text")
    score = scorer(vectorization(text))
    if len(class_names) == 2:
        score = ops.squeeze(score, -1)
        index = ops.cast(score >= 0.5, "int64")
    else:
        index = ops.argmax(score, axis=-1)
    label = keras.layers.StringLookup(
        vocabulary=class_names, invert=True, num_oov_indices=0, mask_token=None, name="label"
    )(index)
    return keras.Model({"text": text}, {"score": score, "label": label}, name="sentiment")
