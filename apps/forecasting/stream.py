"""Forecasts that are renewed with each new row, of which only as many are kept as the network reads."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from apps.forecasting.description import read_description
from apps.forecasting.evaluation_data import rename_columns, select_series
from apps.forecasting.forecast import list_rows
from apps.forecasting.predict import forecast_series
from apps.forecasting.roles import find_column
from apps.forecasting.series_files import read_series
from rnn_keras.cli import FinishedRun
from rnn_keras.data.tables import Records, read_records
from rnn_keras.utils.errors import UserError


class ForecastStream:
    """The forecasts of a file that grows.

    Args:
        run: a finished run, without inputs of its own that must be known in advance.
        history: a file with the columns of the training, and the rows so far.

    Raises:
        UserError: the file cannot be used, or the model has such inputs.

    Example:
        >>> stream = ForecastStream(run, Path("load.csv"))
        >>> stream.push("2024-01-13 12:00,31.2")
        [{"time": "2024-01-13T13:00:00", "target": "load", "forecast": 30.8, "low_80": 29.1, ...}, ...]
    """

    def __init__(self, run: FinishedRun, history: Path):
        self._model, self._known, self._config = run.model, read_description(run.model), run.config
        self._roles = rename_columns(self._known.roles, run.config)
        future = self._known.roles.list_inputs(self._known.roles.future)
        ahead = [name for name in future if name not in self._known.static]
        if ahead:
            raise UserError(
                f"a stream of new rows says nothing about {ahead[0]} in the steps ahead, which the model must know; "
                "use predict with a file that has these rows, or train without --future"
            )
        records = read_records(history)
        self._path, self._header, self._delimiter = records.path, records.header, records.delimiter
        self._series = find_column(records, self._roles.series, "series") if self._roles.series else None
        self._rows: dict[str, list[tuple[int, list[str]]]] = {}
        self._line = 0
        for line, row in records.rows:
            rows = self._find_rows(row)
            rows.append((line, row))
            del rows[: -self._known.lookback]
            self._line = line

    def _find_rows(self, row: list[str]) -> list[tuple[int, list[str]]]:
        """The rows of the series of a row, which are kept."""
        return self._rows.setdefault("" if self._series is None else row[self._series].strip(), [])

    def push(self, line: str) -> list[dict[str, Any]]:
        """The rows of the forecast of a series, as `list_rows` has them, once this row of it is known.

        Args:
            line: a row as in the file.

        Raises:
            UserError: it does not fit the rows before; it is then not kept.
        """
        row = next(csv.reader([line], delimiter=self._delimiter), [])
        self._line += 1
        if len(row) != len(self._header):
            raise UserError(f"{len(row)} fields where the header of {self._path} names {len(self._header)}: {line}")
        rows = self._find_rows(row)
        records = Records(self._path, self._header, [*rows, (self._line, row)], self._delimiter)
        table = read_series(records, self._roles, self._config.time_zone, self._known.step)
        table, numbers, _ = select_series(table, self._known)
        [forecast] = forecast_series(self._model, self._known, table, numbers)
        rows.append((self._line, row))
        del rows[: -self._known.lookback]
        return list_rows(table, forecast, self._known)


def push_lines(stream: ForecastStream, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """For each row its forecast as `steps`, or `error`, a sentence on why it was left out."""
    for line in lines:
        if line.strip():
            try:
                yield {"row": line.strip(), "steps": stream.push(line.strip("\r\n"))}
            except UserError as error:
                yield {"row": line.strip(), "error": str(error)}
