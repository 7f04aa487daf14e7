"""Series of numbers with a class each, from a CSV file with a row for each step, in three disjoint splits."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnn_keras.data.classification import ClassificationDataset, SourceExamples, divide_examples, index_classes
from rnn_keras.data.tables import read_named_rows, read_rows
from rnn_keras.utils.errors import UserError

COLUMNS = ("series", "label")


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


def check_series_source(dataset: str) -> None:
    """Refuses a file that does not exist.

    Raises:
        UserError: there is no such file.
    """
    path = Path(os.path.expanduser(dataset))
    if not path.is_file():
        raise UserError(f"no such file: {path}; expected a .csv or .tsv with the columns series,label and numbers")


def load_series_dataset(dataset: str, class_names: Sequence[str] | None = None) -> SeriesDataset:
    """Reads series and their classes and divides them into train, validation and test.

    Args:
        dataset: a `.csv` or `.tsv` file with a row for each step, in time order: `series` (which series the step
            belongs to), `label` (the class, the same in all rows of a series), and one or more columns of numbers.
        class_names: the classes of a trained model, to score it on other data; None: those of the file.

    Returns:
        The series; a hash of each series' name decides on its split, 80 / 10 / 10. See `splits.assign_splits`.

    Raises:
        UserError: anything about the file that the user can correct.
    """
    check_series_source(dataset)
    path = Path(os.path.expanduser(dataset))
    features = list_features(path)
    values: dict[str, list[list[float]]] = {}
    labels: dict[str, str] = {}
    for line, row in read_named_rows(path, [*COLUMNS, *features]):
        name, label = row["series"].strip(), row["label"].strip()
        if not name or not label:
            raise UserError(f"{path}, line {line}: series and label must not be empty")
        if labels.setdefault(name, label) != label:
            raise UserError(
                f"{path}, line {line}: series {name!r} has the label {label!r} here and {labels[name]!r} above; "
                "expected one label for each series"
            )
        values.setdefault(name, []).append([parse_number(path, line, feature, row[feature]) for feature in features])
    series = [np.array(steps, np.float32) for steps in values.values()]
    names, indices = index_classes([labels[name] for name in values])
    source = SourceExamples(series, indices, names, [None] * len(series))
    return divide_examples(
        dataset,
        source,
        list(values),
        lambda chosen, of_chosen: SeriesExamples([series[index] for index in chosen], of_chosen),
        what="series",
        class_names=class_names,
    )


def list_features(path: Path) -> list[str]:
    """The columns of numbers, by the file's first line."""
    (_, header), *_ = read_rows(path)
    features = [name.strip().casefold() for name in header]
    features = [name for name in features if name not in COLUMNS]
    if not features:
        raise UserError(
            f"{path} has no column of numbers besides series and label: its first line is {','.join(header)}"
        )
    return features


def parse_number(path: Path, line: int, column: str, text: str) -> float:
    """A finite number.

    Raises:
        UserError: it is not one.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(
            f"{path}, line {line}: {text!r} in the column {column} is not a number; correct or delete the row"
        )
    return value


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
