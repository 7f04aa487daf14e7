"""Many to one: words go in one by one, and what the network holds at the end, or held on the way, decides."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from apps.sentiment.config import SentimentConfig
from apps.sentiment.hashed_ngrams import HashedNgrams, NgramRatios
from rnn_keras.data.classification import label_layer
from rnn_keras.data.text import PADDING
from rnn_keras.layers import MaskedMaxPooling1D, MergeSegments, SplitSegments
from rnn_keras.layers.by_name import RECURRENT_LAYERS
from rnn_keras.layers.traversal import find_recurrent_layers

if TYPE_CHECKING:
    from apps.sentiment.naive_bayes import NgramKnowledge


def build_classifier(
    config: SentimentConfig,
    vocabulary_size: int,
    classes: int,
    word_vectors: np.ndarray | None = None,
    ngrams: "Mapping[int, NgramKnowledge] | None" = None,
) -> keras.Model:
    """Word ids `(batch, time)`, 0 for padding -> probabilities.

    With two classes that of the second, `(batch, 1)`; with more, `(batch, classes)`.

    Args:
        word_vectors: what the embedding starts with, `(vocabulary_size, embedding_units)`; None: at random.
        ngrams: by their length, what is known of n-grams, and not trained; None: nothing.
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    split = (
        keras.layers.Identity() if not config.segment_length else SplitSegments(config.segment_length, name="segments")
    )
    x = split(ids)
    mask = ops.not_equal(x, PADDING)
    if config.input == "embedding":
        x = make_embedding(vocabulary_size, config.embedding_units, word_vectors, "embedding")(x)
        if ngrams:
            known = [look_up(ids, split, length, *tables) for length, tables in ngrams.items()]
            x = keras.layers.Concatenate(name="words_and_ngrams")([x, *known])
        x = keras.layers.Dropout(config.word_dropout, noise_shape=(None, None, 1), name="word_dropout")(x)
        x = keras.layers.SpatialDropout1D(config.embedding_dropout, name="embedding_dropout")(x)
    for number in range(config.layers):
        is_last = number == config.layers - 1
        on_ids = config.input == "one_hot" and number == 0
        layer = RECURRENT_LAYERS[config.cell](
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
        if config.segment_length:
            x, mask = MergeSegments(name="merged")(x, ids), MergeSegments(name="merged_mask")(mask, ids)
        x = pool(x, mask, config.pooling)
    x = keras.layers.Dropout(config.dropout, name="dropout")(x)
    if classes == 2:
        score = keras.layers.Dense(1, activation="sigmoid", dtype="float32", name="probabilities")(x)
    else:
        score = keras.layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(ids, score, name="classifier")


def list_pretrained_layers(classifier: keras.Model) -> tuple[Any, list[Any]]:
    """The embedding, and the recurrent layers that can learn to predict words: the first one where it is bidirectional,
    since one above it would read both directions; otherwise all."""
    recurrent = find_recurrent_layers(classifier)
    is_bidirectional = isinstance(recurrent[0], keras.layers.Bidirectional)
    return classifier.get_layer("embedding"), recurrent[:1] if is_bidirectional else recurrent


def look_up(ids: Any, split: Any, length: int, ratios: np.ndarray, held_out: np.ndarray | None) -> Any:
    """What is known of the n-grams of so many words that end with each word, `(batch, time, width)`.

    Args:
        ids: of the words, `(batch, time)`.
        split: a layer that divides texts into segments.
        ratios, held_out: see `NgramKnowledge`.
    """
    hashed = HashedNgrams(length, len(ratios), name=f"ngrams_{length}")
    table = NgramRatios(*ratios.shape, name=f"ratios_{length}")
    table.set_weights([ratios])
    if held_out is not None:
        hashed.folds = len(held_out)
        table.cross_fit(held_out)
    return table(split(hashed(ids)))


def make_embedding(size: int, units: int, vectors: np.ndarray | None, name: str):
    """An embedding that starts with these vectors `(size, units)`, or at random."""
    embedding = keras.layers.Embedding(size, units, name=name)
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


@keras.saving.register_keras_serializable(package="apps.sentiment.model")
class SentimentModel(keras.Model):
    """The saved model; `import apps.sentiment.model` before `keras.models.load_model`."""


def build_text_model(
    vectorization: keras.layers.TextVectorization, classifier: keras.Model, class_names: list[str]
) -> keras.Model:
    """Raw texts `(batch,)` -> `score` and `label` `(batch,)`.

    With two classes `score` is the probability of the second; with more, all probabilities, `(batch, classes)`.
    """
    text = keras.Input((), dtype="string", name="text")
    score = classifier(vectorization(text))
    if len(class_names) == 2:
        score = ops.squeeze(score, -1)
        index = ops.cast(ops.greater(score, 0.5), "int64")
    else:
        index = ops.argmax(score, axis=-1)
    label = label_layer(class_names)(index)
    return SentimentModel({"text": text}, {"score": score, "label": label}, name="sentiment")
