"""A language model of characters: it reads a text and predicts each next character."""

from collections.abc import Sequence
from typing import Any

import keras

from apps.language.config import LanguageConfig
from apps.language.texts import UNKNOWN
from rnn_keras.data.classification import label_layer
from rnn_keras.layers.by_name import RECURRENT_LAYERS

ops: Any = keras.ops  # Keras has no annotations, and the types inferred from all backends at once are wrong


def build_network(config: LanguageConfig, number_of_ids: int) -> keras.Model:
    """Ids `(batch, time)` -> logits of the next character at each step, `(batch, time, number_of_ids)`."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    make_layer: Any = RECURRENT_LAYERS[config.cell]
    x = ids
    for number in range(1, config.layers + 1):
        x = make_layer(
            config.units,
            return_sequences=True,
            input_dim=number_of_ids if number == 1 else None,  # a row of the kernel for each character
            name=f"{config.cell}_{number}",
        )(x)
        x = keras.layers.Dropout(config.dropout, name=f"dropout_{number}")(x)
    logits = keras.layers.Dense(number_of_ids, dtype="float32", name="next_character")(x)
    return keras.Model(ids, logits, name="network")


def select_last_step(logits: Any, ids: Any) -> Any:
    """`(batch, time, n)` -> `(batch, n)` at the last step that is not padding, by the ids `(batch, time)`."""
    lengths = ops.sum(ops.cast(ops.not_equal(ids, 0), "int32"), axis=1)
    last = ops.reshape(ops.maximum(lengths - 1, 0), (-1, 1, 1))
    return ops.squeeze(ops.take_along_axis(logits, last, axis=1), 1)


@keras.saving.register_keras_serializable(package="apps.language.model")
class LanguageModel(keras.Model):
    """The saved model; `import apps.language.model` before `keras.models.load_model`."""


def build_text_model(network: keras.Model, characters: Sequence[str]) -> keras.Model:
    """Raw texts `(batch,)` -> `next (batch,)`, the most probable next character, and `probabilities (batch, ids)`.

    Ids 0 and 1 are padding and unknown characters; those of the characters follow.

    Args:
        network: as `build_network` made it, without a kept state.
        characters: those that have an id.
    """
    text = keras.Input((), dtype="string", name="text")
    vectorization: Any = keras.layers.TextVectorization
    ids = vectorization(standardize=None, split="character", vocabulary=list(characters), name="text_vectorization")(
        text
    )
    ids = ops.cast(ids, "int32")
    probabilities = ops.softmax(select_last_step(network(ids), ids))
    most_probable = ops.argmax(probabilities[:, UNKNOWN + 1 :], axis=-1)
    outputs = {"next": label_layer(characters)(most_probable), "probabilities": probabilities}
    return LanguageModel({"text": text}, outputs, name="language")


def get_network(model: keras.Model) -> keras.Model:
    """The network inside a saved model."""
    return model.get_layer("network")  # pyright: ignore[reportReturnType]
