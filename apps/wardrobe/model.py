"""Many to many in step: today's weather and yesterday's clothes in, today's clothes out; the week is in the state."""

import keras
from keras import ops

from apps.wardrobe.config import WardrobeConfig
from apps.wardrobe.rules import SEASONS, WEATHER
from rnn_keras.data.classification import label_layer
from rnn_keras.layers import GRU, LSTM, OneHot, SimpleRNN

CELLS = {"simple_rnn": SimpleRNN, "lstm": LSTM, "gru": GRU}
DEGREES = 10.0  # that the temperature is divided by


def build_dresser(config: WardrobeConfig, clothes: int) -> keras.Model:
    """Steps `(batch, time, 5)` int32 -> probabilities of what is worn, `(batch, time, clothes)`, twice.

    A step holds the weekday, the season, the weather, the temperature, and what was worn yesterday, from 1 on. The
    outputs are a dict: `clothes`, by recurrent layers; and `today_only`, by a network that sees the first four alone,
    one to one, which shares no weight with them and is trained along.
    """
    steps = keras.Input((None, 5), dtype="int32", name="steps")
    sizes = {0: 7, 1: len(SEASONS), 2: len(WEATHER)}
    today = [OneHot(size, name=f"one_hot_{place}")(steps[:, :, place]) for place, size in sizes.items()]
    today.append(ops.cast(steps[:, :, 3:4], "float32") / DEGREES)
    today = keras.layers.Concatenate(name="today")(today)
    yesterday = OneHot(clothes + 1, name="yesterday")(steps[:, :, 4])

    x = keras.layers.Concatenate(name="today_and_yesterday")([today, yesterday])
    for number in range(1, config.layers + 1):
        x = CELLS[config.cell](config.units, return_sequences=True, name=f"{config.cell}_{number}")(x)
        x = keras.layers.Dropout(config.dropout, name=f"dropout_{number}")(x)
    # Which clothes are left depends on several things together, and what a recurrent layer gives is one step's sum.
    x = keras.layers.Dense(config.units, activation="relu", name="hidden")(x)
    worn = keras.layers.Dense(clothes, activation="softmax", dtype="float32", name="clothes")(x)

    alone = keras.layers.Dense(config.units, activation="relu", name="hidden_alone")(today)
    alone = keras.layers.Dense(clothes, activation="softmax", dtype="float32", name="today_only")(alone)
    return keras.Model(steps, {"clothes": worn, "today_only": alone}, name="dresser")


def build_wardrobe_model(dresser: keras.Model, names: list[str]) -> keras.Model:
    """Steps -> the likeliest `clothes (batch, time)`; `probabilities` and `today_only`, `(batch, time, clothes)`."""
    steps = keras.Input((None, 5), dtype="int32", name="steps")
    outputs = dresser(steps)
    return keras.Model(
        {"steps": steps},
        {
            "clothes": label_layer(names)(ops.argmax(outputs["clothes"], axis=-1)),
            "probabilities": outputs["clothes"],
            "today_only": outputs["today_only"],
        },
        name="wardrobe",
    )
