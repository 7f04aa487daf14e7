"""Series of numbers with a class each, from a CSV file with a row for each step, in three disjoint splits."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnn_keras.data.characters import is_blank
from rnn_keras.data.classification import (
    ClassificationDataset,
    SourceExamples,
    divide_examples,
    index_classes,
    note_merged_classes,
)
from rnn_keras.data.delimited_files import require_regular
from rnn_keras.data.prediction_files import Inputs, read_inputs
from rnn_keras.data.tables import TABLES, Records, Table, check_columns, find_columns, read_records, select_columns
from rnn_keras.utils.errors import UserError

COLUMNS = {"series": "series", "label": "label"}  # by what they are for


@dataclass(frozen=True)
class SeriesExamples:
    """Series `(steps, features)` float32, `n` of them, and `(n,)` int32 labels, each an index into the class names."""

    series: list[np.ndarray]
    labels: np.ndarray

    @property
    def inputs(self) -> list[np.ndarray]:
        """What is classified: the series."""
        return self.series

    def __len__(self) -> int:
        return len(self.series)

    def select(self, indices: Sequence[int] | np.ndarray) -> "SeriesExamples":
        """The examples at these indices."""
        return SeriesExamples([self.series[index] for index in indices], self.labels[indices])


SeriesDataset = ClassificationDataset[SeriesExamples]


def check_series_source(dataset: str, columns: Mapping[str, str] = COLUMNS) -> None:
    """Refuses a file that does not exist, or whose first line does not name the columns.

    Raises:
        UserError: there is no such file, or a column is missing.
    """
    path = Path(os.path.expanduser(dataset))
    named = ",".join(columns.values())
    require_regular(path, f"expected a .csv or .tsv with the columns {named} and numbers")
    check_columns(path, columns)


def load_series_dataset(
    dataset: str, class_names: Sequence[str] | None = None, columns: Mapping[str, str] = COLUMNS
) -> SeriesDataset:
    """Reads series and their classes and divides them into train, validation and test.

    Args:
        dataset: a `.csv` or `.tsv` file with a row for each step, in time order: `series` (which series the step
            belongs to), `label` (the class, the same in all rows of a series), and one or more columns of numbers.
        class_names: the classes of a trained model, to score it on other data; None: those of the file.
        columns: the names of the columns `series` and `label`.

    Returns:
        The series; a hash of each series' name decides on its split, 80 / 10 / 10. See `splits.assign_splits`.

    Raises:
        UserError: anything about the file that the user can correct.
    """
    check_series_source(dataset, columns)
    path = Path(os.path.expanduser(dataset))
    records = read_records(path)
    table, numbers = _read_steps(records, find_columns(path, records.header, columns))
    rows: dict[str, list[int]] = {}
    words: dict[str, str] = {}
    for number, (line, row) in enumerate(table):
        name, label = row["series"].strip(), row["label"].strip()
        if not name or is_blank(label):
            raise UserError(f"{path}, line {line}: series and label must not be empty")
        if words.setdefault(name, label) != label:
            raise UserError(
                f"{path}, line {line}: series {name!r} has the label {label!r} here and {words[name]!r} above; "
                "expected one label for each series"
            )
        rows.setdefault(name, []).append(number)
    series = [numbers[indices] for indices in rows.values()]
    names, labels = index_classes(list(words.values()))
    source = SourceExamples(series, labels, names, [None] * len(series), note_merged_classes(words.values()))
    return divide_examples(
        dataset,
        source,
        list(rows),
        lambda chosen, of_chosen: SeriesExamples([series[index] for index in chosen], of_chosen),
        what="series",
        class_names=class_names,
    )


def _read_steps(records: Records, named: Mapping[str, int]) -> tuple[Table, np.ndarray]:
    """The named columns of each step, and the numbers of all others, `(steps, features)` float32.

    Raises:
        UserError: there are no others, or one is not a number.
    """
    features = {f"number {index}": index for index in range(len(records.header)) if index not in named.values()}
    if not features:
        raise UserError(
            f"{records.path} has no column of numbers besides {','.join(records.header)}; expected a row for each step "
            "of a series, with its numbers in columns of their own"
        )
    table = select_columns(records, {**named, **features})
    return table, np.array([table.parse_numbers(feature) for feature in features], np.float32).T


def read_series_inputs(path: Path, columns: Mapping[str, str] = COLUMNS) -> Inputs:
    """The series of a table in the form of `load_series_dataset`, with or without labels, as `parse_series` reads them.

    Any other file has such a series on each line.

    Raises:
        UserError: the file cannot be read, has no column `series`, or a row has no value there.
    """
    if path.suffix.lower() not in TABLES:
        return read_inputs(path, "series")
    records = read_records(path)
    indices = find_columns(path, records.header, {"series": columns["series"]}, {"label": columns["label"]})
    table, numbers = _read_steps(records, indices)
    steps: dict[str, list[str]] = {}
    for (line, row), values in zip(table, numbers, strict=True):
        if not (name := row["series"].strip()):
            raise UserError(f"{path}, line {line}: the column {columns['series']} must not be empty")
        steps.setdefault(name, []).append(",".join(map(str, values)))
    return Inputs([";".join(one).encode() for one in steps.values()], [{"series": name} for name in steps])


def parse_series(text: str, features: int) -> np.ndarray:
    """A series `(steps, features)` float32 from a line such as `0.1,2;0.3,1.5`: steps by semicolons, numbers by commas.

    Raises:
        UserError: a step has another number of numbers, or something in it is not a number.
    """
    steps = [step.split(",") for step in text.strip().strip(";").split(";")]
    try:
        values = np.array([[float(number) for number in step] for step in steps], np.float32)
    except ValueError:
        values = np.full((1, 0), np.nan, np.float32)
    if values.ndim != 2 or values.shape[1] != features or not np.isfinite(values).all():
        raise UserError(
            f"{text[:60]!r} is not a series of this model: expected steps with semicolons between, each of {features} "
            "number(s) with commas between, such as " + ";".join(",".join(["0.5"] * features) for _ in range(3))
        )
    return values
