"""Windows of one series of numbers, in three parts that follow each other in time."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from rnn_keras.data.batching import FixedBatches
from rnn_keras.data.splits import select_split
from rnn_keras.data.tables import read_table
from rnn_keras.utils.errors import UserError

EVALUATION_BATCH = 256


@dataclasses.dataclass(frozen=True)
class SeriesWindows:
    """The last values of a series, and the next ones.

    Attributes:
        name: of the data.
        parts: the values `(n,)` float32 of `train`, `validation` and `test`; a window is in one of them alone.
        window: how many values are read.
        horizon: how many follow.
        notes: sentences about the data that the user should read.
    """

    name: str
    parts: dict[str, np.ndarray]
    window: int
    horizon: int
    notes: Sequence[str] = ()

    @property
    def summary(self) -> str:
        return ", ".join(f"{len(values)} {split}" for split, values in self.parts.items()) + " values"

    def windows(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """The values that are read, `(n, window, 1)`, and those that follow, `(n, horizon)`, of a split or of `all`."""
        everything = np.concatenate(list(self.parts.values()))
        part = select_split(self.name, self.parts, everything, split)
        both = np.lib.stride_tricks.sliding_window_view(part, self.window + self.horizon)
        return both[:, : self.window, None], both[:, self.window :]

    def sample(self, split: str, number: int) -> tuple[list[np.ndarray], np.ndarray]:
        """At most that many windows, for `rnn_keras.export.regression.regression_spec`."""
        past, future = self.windows(split)
        return list(past[:number]), future[:number]

    def training_batches(self, config: Any) -> FixedBatches:
        return FixedBatches(self.windows("train"), config.batch_size, shuffle=True, seed=config.seed)

    def validation_dataset(self) -> tf.data.Dataset:
        return FixedBatches(self.windows("validation"), EVALUATION_BATCH, shuffle=False).dataset()


def load_series_windows(dataset: str, column: str, window: int, horizon: int) -> SeriesWindows:
    """Reads a column of numbers, whose first 80 % train, the next 10 % validate, and the last 10 % test.

    Args:
        dataset: a `.csv` or `.tsv` file with a row for each step, in time order.
        column: the name of the column.
        window, horizon: see `SeriesWindows`.

    Raises:
        UserError: the file cannot be used, or a part is shorter than one window.

    Example:
        >>> data = load_series_windows("load.csv", "load", window=48, horizon=12)
        >>> past, future = data.windows("train")  # (n, 48, 1) and (n, 12)
    """
    values = read_series(dataset, column)
    first, second = int(0.8 * len(values)), int(0.9 * len(values))
    parts = {"train": values[:first], "validation": values[first:second], "test": values[second:]}
    if min(len(part) for part in parts.values()) < window + horizon:
        raise UserError(
            f"{dataset} has {len(values)} rows, and a tenth of them must be a window of {window} values and the "
            f"{horizon} that follow: expected {10 * (window + horizon)} rows or more, or a smaller --window"
        )
    return SeriesWindows(dataset, parts, window, horizon)


def read_last_window(file: str, column: str, window: int) -> np.ndarray:
    """The last values of a column, `(window, 1)`, as a model reads them that continues the series.

    Raises:
        UserError: the file cannot be used, or has fewer rows.

    Example:
        >>> past = read_last_window("load.csv", "load", window=48)
        >>> model.predict(past[None])  # (1, horizon)
    """
    values = read_series(file, column)
    if len(values) < window:
        raise UserError(f"{file} has {len(values)} rows; expected {window} or more, since the model reads so many")
    return values[-window:, None]


def read_series(file: str, column: str) -> np.ndarray:
    """A column of numbers of a `.csv` or `.tsv` file, `(rows,)` float32.

    Raises:
        UserError: the file cannot be used.
    """
    return np.array(read_table(Path(os.path.expanduser(file)), {"value": column}).parse_numbers("value"), np.float32)
