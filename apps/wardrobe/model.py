"""Many to many in step: today's weather and yesterday's clothes in, today's clothes out; the week is in the state."""

from typing import Any

import keras

from apps.wardrobe.config import WardrobeConfig
from apps.wardrobe.days import SEASONS, STEP_FEATURES, WEATHER, YESTERDAY
from rnn_keras.data.classification import label_layer
from rnn_keras.layers import OneHot
from rnn_keras.layers.by_name import RECURRENT_LAYERS
from rnn_keras.layers.keras_types import ops

NETWORK = "recommender"
CATEGORIES = {"weekday": 7, "season": len(SEASONS), "weather": len(WEATHER)}
TEMPERATURE = STEP_FEATURES.index("temperature")
DEGREES = 10.0  # that the temperature is divided by


def build_recommender(config: WardrobeConfig, clothes: int) -> keras.Model:
    """Steps `(batch, time, 5)` int32 -> probabilities of what is worn, `(batch, time, clothes)`, twice.

    A step holds STEP_FEATURES; yesterday's clothes count from 1. The outputs are a dict: `clothes`, from recurrent
    layers; and `today_only`, from a one-to-one network that sees everything but yesterday's clothes. It shares no
    weights with the recurrent layers and is trained at the same time.
    """
    steps: Any = keras.Input((None, len(STEP_FEATURES)), dtype="int32", name="steps")
    today = [OneHot(size, name=name)(steps[:, :, STEP_FEATURES.index(name)]) for name, size in CATEGORIES.items()]
    today.append(ops.cast(steps[:, :, TEMPERATURE : TEMPERATURE + 1], "float32") / DEGREES)
    today = keras.layers.Concatenate(name="today")(today)
    yesterday = OneHot(clothes + 1, name="yesterday")(steps[:, :, YESTERDAY])

    x = keras.layers.Concatenate(name="today_and_yesterday")([today, yesterday])
    recurrent_layer: Any = RECURRENT_LAYERS[config.cell]
    for number in range(1, config.layers + 1):
        x = recurrent_layer(config.units, return_sequences=True, name=f"{config.cell}_{number}")(x)
        x = keras.layers.Dropout(config.dropout, name=f"dropout_{number}")(x)
    # What is still clean depends on several things together, which one linear map of the state cannot tell.
    x = keras.layers.Dense(config.units, activation="relu", name="hidden")(x)
    worn = keras.layers.Dense(clothes, activation="softmax", dtype="float32", name="clothes")(x)

    x = keras.layers.Dense(config.units, activation="relu", name="today_only_hidden")(today)
    today_only = keras.layers.Dense(clothes, activation="softmax", dtype="float32", name="today_only")(x)
    return keras.Model(steps, {"clothes": worn, "today_only": today_only}, name=NETWORK)


@keras.saving.register_keras_serializable(package="apps.wardrobe.model")
class WardrobeModel(keras.Model):
    """The saved model; `import apps.wardrobe.model` before `keras.models.load_model`."""


def build_wardrobe_model(recommender: keras.Model, names: list[str]) -> WardrobeModel:
    """Steps -> the likeliest `clothes (batch, time)`; `probabilities` and `today_only`, `(batch, time, clothes)`.

    Args:
        recommender: of `build_recommender`.
        names: of the clothes.
    """
    steps = keras.Input((None, len(STEP_FEATURES)), dtype="int32", name="steps")
    outputs: Any = recommender(steps)
    return WardrobeModel(
        {"steps": steps},
        {
            "clothes": label_layer(names)(ops.argmax(outputs["clothes"], axis=-1)),
            "probabilities": outputs["clothes"],
            "today_only": outputs["today_only"],
        },
        name="wardrobe",
    )
