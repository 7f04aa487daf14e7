"""Many to one: words go in one by one, and what the network holds at the end, or held on the way, decides."""

import keras
import numpy as np
from keras import ops

from apps.sentiment.config import SentimentConfig
from rnn_keras.data.classification import label_layer
from rnn_keras.data.text import PADDING
from rnn_keras.layers import GRU, LSTM, HashedBigrams, MaskedMaxPooling1D, MergeSegments, SimpleRNN, SplitSegments

CELLS = {"simple_rnn": SimpleRNN, "lstm": LSTM, "gru": GRU}


def build_scorer(
    config: SentimentConfig,
    vocabulary_size: int,
    classes: int,
    word_vectors: np.ndarray | None = None,
    pair_ratios: np.ndarray | None = None,
) -> keras.Model:
    """Word ids `(batch, time)`, 0 for padding -> probabilities.

    With two classes that of the second, `(batch, 1)`; with more, `(batch, classes)`.

    Args:
        word_vectors: what the embedding starts with, `(vocabulary_size, embedding_units)`; None: at random.
        pair_ratios: what is known of pairs of words, `(config.pairs, features)`, and not trained; None: nothing.
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    in_pieces = (
        keras.layers.Identity() if not config.piece_length else SplitSegments(config.piece_length, name="pieces")
    )
    x = in_pieces(ids)
    mask = ops.not_equal(x, PADDING)
    if config.input == "embedding":
        x = initialised_embedding(vocabulary_size, config.embedding_units, word_vectors, "embedding")(x)
        if pair_ratios is not None:
            pairs = in_pieces(HashedBigrams(config.pairs, name="pairs")(ids))
            ratios = initialised_embedding(*pair_ratios.shape, pair_ratios, "pair_ratios", trainable=False)
            x = keras.layers.Concatenate(name="words_and_pairs")([x, ratios(pairs)])
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
        if config.piece_length:
            x, mask = MergeSegments(name="joined")(x, ids), MergeSegments(name="joined_mask")(mask, ids)
        x = pool(x, mask, config.pooling)
    x = keras.layers.Dropout(config.dropout, name="dropout")(x)
    if classes == 2:
        score = keras.layers.Dense(1, activation="sigmoid", dtype="float32", name="decision")(x)
    else:
        score = keras.layers.Dense(classes, activation="softmax", dtype="float32", name="decision")(x)
    return keras.Model(ids, score, name="scorer")


def initialised_embedding(size: int, units: int, vectors: np.ndarray | None, name: str, trainable: bool = True):
    """An embedding that starts with these vectors `(size, units)`, or at random."""
    embedding = keras.layers.Embedding(size, units, name=name, trainable=trainable)
    embedding.build()
    if vectors is not None:
        embedding.set_weights([vectors])
    return embedding


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
        index = ops.cast(score > 0.5, "int64")
    else:
        index = ops.argmax(score, axis=-1)
    label = label_layer(class_names)(index)
    return keras.Model({"text": text}, {"score": score, "label": label}, name="sentiment")
