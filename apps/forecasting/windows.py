"""Windows of series: what the network reads of the past, what is known in advance, and what it must forecast."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from apps.forecasting.series import Series
from rnn_keras.data.batching import Batches


class PaddedSeries:
    """The values of series one after another, with missing values between them, so that a window is one slice.

    Args:
        series: with the values that windows are to have.
        positions: of each series, the places of its steps in the cycle, `(n,)`, and those of the next `horizon` ones.
        lookback, horizon: steps of the past and the future in a window.
        numbers: of the series in training, which the network knows them by.
    """

    def __init__(
        self,
        series: Sequence[Series],
        positions: Sequence[np.ndarray],
        lookback: int,
        horizon: int,
        numbers: Sequence[int],
    ):
        self.lookback, self.horizon, self.numbers = lookback, horizon, np.asarray(numbers, np.int32)
        self.offsets = np.cumsum([0, *(lookback + len(one) + horizon for one in series)])[:-1] + lookback
        self.targets, self.past, self.future = (
            np.concatenate([self._pad(getattr(one, name)) for one in series]) for name in ("targets", "past", "future")
        )
        self.positions = np.concatenate([np.pad(one, (lookback, 0)) for one in positions]).astype(np.int32)

    def _pad(self, values: np.ndarray) -> np.ndarray:
        padding = ((self.lookback, self.horizon), (0, 0))
        return np.pad(values.astype(np.float32), padding, constant_values=np.nan)

    def gather(self, series: np.ndarray, origins: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The inputs and the labels of windows.

        Args:
            series: `(batch,)` the numbers of the series.
            origins: `(batch,)` the first step that is forecast of each.

        Returns:
            `targets (batch, lookback, T)`, `past (batch, lookback, P)` if there are such columns, `future (batch,
            lookback + horizon, F)` likewise, `position (batch,)` and `series (batch,)`, the number in training; and
            `(batch, horizon, T)`.
        """
        first = self.offsets[series] + origins
        before = first - self.lookback
        inputs = {"targets": _slice_rows(self.targets, before, self.lookback)}
        if self.past.shape[1]:
            inputs["past"] = _slice_rows(self.past, before, self.lookback)
        if self.future.shape[1]:
            inputs["future"] = _slice_rows(self.future, before, self.lookback + self.horizon)
        inputs |= {"position": self.positions[first], "series": self.numbers[series]}
        return inputs, _slice_rows(self.targets, first, self.horizon)


def _slice_rows(values: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """The rows from each start on, `(batch, length, columns)`; each is copied as one block, which is fast."""
    columns = values.shape[1]
    views = np.lib.stride_tricks.sliding_window_view(values.reshape(-1), length * columns)[::columns]
    return views[starts].reshape(len(starts), length, columns)


class WindowBatches(Batches):
    """Batches of windows, which are cut out of the series when they are needed.

    Args:
        values: of the series.
        series: `(n,)` the number of the series of each window.
        origins: `(n,)` its first step that is forecast.
        batch_size, shuffle, seed: see `Batches`.
    """

    def __init__(
        self,
        values: PaddedSeries,
        series: np.ndarray,
        origins: np.ndarray,
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
    ):
        self.values, self.series, self.origins = values, series, origins
        super().__init__(len(origins), batch_size, shuffle=shuffle, seed=seed)
        inputs, labels = values.gather(series[:1], origins[:1])
        self.names = tuple(inputs)
        self._signature = tuple(
            tf.TensorSpec((None, *part.shape[1:]), part.dtype)  # pyright: ignore[reportArgumentType]
            for part in (*inputs.values(), labels)
        )

    @property
    def signature(self) -> tuple[tf.TensorSpec, ...]:
        return self._signature

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, ...]:
        inputs, labels = self.values.gather(self.series[indices], self.origins[indices])
        return *inputs.values(), labels

    def arrange(self, *parts: tf.Tensor) -> tuple[Any, ...]:
        return dict(zip(self.names, parts, strict=False)), parts[-1]


def list_origins(series: Series, first: int, end: int, horizon: int, earliest: int, stride: int = 1) -> np.ndarray:
    """The origins of a part of a series: each forecasts steps of this part alone, of which one or more are known.

    Args:
        series: the series.
        first, end: of the part.
        horizon: steps that are forecast.
        earliest: no origin is before this step, so that there is a past to read.
        stride: steps from an origin to the next.
    """
    origins = np.arange(max(first, earliest), end - horizon + 1, stride)
    known = np.concatenate([[0], np.cumsum((~np.isnan(series.targets)).any(axis=1))])
    return origins[known[origins + horizon] > known[origins]] if len(origins) else origins
