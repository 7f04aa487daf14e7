"""Three ways from the past of a channel to its future: segments, an encoder and a decoder, the last state."""

from typing import Any

import keras

from apps.forecasting.config import ForecastingConfig
from rnn_keras.layers.by_name import RECURRENT_LAYERS
from rnn_keras.layers.keras_types import ops

LARGEST_SEGMENT = 48


@keras.saving.register_keras_serializable(package=__name__)
class FutureQueries(keras.layers.Layer):
    """Numbers of channels `(rows,)` -> embeddings of place and channel, `(rows, places, units)`, to decode from.

    Args:
        places: segments that are forecast.
        channels: of all series together.
        units: width of the outputs.
    """

    def __init__(self, places: int, channels: int, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.places, self.channels, self.units = places, channels, units
        half = units // 2
        self.place = self.add_weight((places, units - half), "uniform", name="place")
        self.channel = self.add_weight((channels, half), "uniform", name="channel")

    def call(self, numbers: Any) -> Any:
        channel = ops.repeat(ops.expand_dims(ops.take(self.channel, numbers, axis=0), 1), self.places, axis=1)
        place = ops.expand_dims(self.place, 0) + ops.zeros_like(channel[:, :, :1])
        return ops.concatenate([place, channel], axis=-1)

    def compute_output_spec(self, numbers: Any) -> Any:
        return keras.KerasTensor((numbers.shape[0], self.places, self.units), "float32")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {name: getattr(self, name) for name in ("places", "channels", "units")}


def choose_segment(config: ForecastingConfig) -> int:
    """Steps of a segment: those of the config, or 48, or a quarter of a horizon that is below 96."""
    if config.segment is None:
        return LARGEST_SEGMENT if config.horizon >= 2 * LARGEST_SEGMENT else -(-config.horizon // 4)
    return max(1, min(config.segment, config.horizon))


def read_segments(config: ForecastingConfig, past: Any, ahead: Any, numbers: Any, channels: int, outputs: int) -> Any:
    """Segments of the past are read one after another; all of the future are written at once, from the last state.

    Each segment ahead is one more step of the same layer, which begins with the state at the end of the past and reads
    an embedding of the segment's place, and what is known in advance of it. Source: Lin et al., SegRNN: Segment
    Recurrent Neural Network for Long-Term Time Series Forecasting, 2023 (arXiv:2308.11200).

    Args:
        config: the settings.
        past: `(rows, lookback, features)`, a row for each channel of each window.
        ahead: `(rows, horizon, inputs)` of what is known in advance; None: nothing is.
        numbers: `(rows,)` of the channels.
        channels: how many there are.
        outputs: numbers for each step.

    Returns:
        `(rows, horizon, outputs)`.
    """
    segment, horizon = choose_segment(config), config.horizon
    places = -(-horizon // segment)
    pad: Any = keras.layers.ZeroPadding1D
    padded = pad((-past.shape[1] % segment, 0), name="pad_past")(past)
    x = keras.layers.Reshape((-1, segment * past.shape[2]), name="split_past")(padded)
    x = keras.layers.Dense(config.units, activation="relu", name="read_segment")(x)
    queries = FutureQueries(places, channels, config.units, name="queries")(numbers)
    if ahead is not None:
        known = pad((0, places * segment - horizon), name="pad_ahead")(ahead)
        known = keras.layers.Reshape((places, segment * ahead.shape[2]), name="split_ahead")(known)
        queries = queries + keras.layers.Dense(config.units, activation="relu", name="read_ahead")(known)
    decoded = ops.reshape(queries, (-1, 1, config.units))
    for number in range(1, config.layers + 1):
        layer = _make_layer(config, number)
        x, *states = layer(x)
        states = [ops.repeat(state, places, axis=0) for state in states]
        decoded = layer(decoded, initial_state=states)[0]
    decoded = keras.layers.Dropout(config.dropout, name="dropout")(decoded)
    forecast = keras.layers.Dense(segment * outputs, name="write_segment")(decoded)
    return ops.reshape(forecast, (-1, places * segment, outputs))[:, :horizon]


def encode_and_decode(
    config: ForecastingConfig, past: Any, ahead: Any, numbers: Any, channels: int, outputs: int
) -> Any:
    """An encoder reads step by step, and a decoder, which begins with its last states, writes step by step.

    At each step the decoder reads an embedding of the channel, and what is known in advance. The arguments are those of
    `read_segments`. Source: Cho et al., Learning phrase representations using RNN encoder-decoder, EMNLP 2014
    (arXiv:1406.1078).
    """
    x = past
    decoded = ops.repeat(FutureQueries(1, channels, config.units, name="queries")(numbers), config.horizon, axis=1)
    if ahead is not None:
        decoded = ops.concatenate([decoded, ahead], axis=-1)
    for number in range(1, config.layers + 1):
        x, *states = _make_layer(config, number)(x)
        decoded = _make_layer(config, number, "decoder")(decoded, initial_state=states)[0]
    decoded = keras.layers.Dropout(config.dropout, name="dropout")(decoded)
    return keras.layers.Dense(outputs, name="write_step")(decoded)


def read_last_state(config: ForecastingConfig, past: Any, ahead: Any, numbers: Any, channels: int, outputs: int) -> Any:
    """All steps ahead at once, by one linear map of the last state; the arguments are those of `read_segments`."""
    x, state = past, past
    for number in range(1, config.layers + 1):
        x, state, *_ = _make_layer(config, number)(x)
    parts = [state, FutureQueries(1, channels, config.units, name="queries")(numbers)[:, 0]]
    if ahead is not None:
        parts.append(keras.layers.Flatten(name="ahead")(ahead))
    x = keras.layers.Dropout(config.dropout, name="dropout")(ops.concatenate(parts, axis=-1))
    return ops.reshape(keras.layers.Dense(config.horizon * outputs, name="write_all")(x), (-1, config.horizon, outputs))


RECURRENT_PARTS = {"segments": read_segments, "encoder_decoder": encode_and_decode, "last_state": read_last_state}


def _make_layer(config: ForecastingConfig, number: int, prefix: str = "") -> Any:
    """The recurrent layer of a number, which returns its sequence and its states."""
    layer: Any = RECURRENT_LAYERS[config.cell]
    name = "_".join(filter(None, (prefix, config.cell, str(number))))
    return layer(config.units, return_sequences=True, return_state=True, name=name)
