"""An application that classifies series of numbers."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnn_keras.cli.classifier import ClassifierApp
from rnn_keras.training.config import TrainingConfig

if TYPE_CHECKING:
    import keras
    import numpy as np

    from rnn_keras.data.classification_data import ClassificationData
    from rnn_keras.data.prediction_files import Inputs
    from rnn_keras.export.spec import ExportSpec


@dataclasses.dataclass(frozen=True)
class SeriesClassifierConfig(TrainingConfig):
    """Settings of the series."""

    dataset: str = "series.csv"
    """A CSV or TSV file with the columns series,label and columns of numbers, a row for each step, in time order."""
    series_column: str = "series"
    """The column that says which series a step belongs to."""
    label_column: str = "label"
    """The column of the classes; all others are numbers."""

    @property
    def file_columns(self) -> dict[str, str]:
        """The names of a file's columns, by what they are for."""
        return {"series": self.series_column, "label": self.label_column}


class SeriesClassifierApp(ClassifierApp):
    """An exportable app with two methods: `build_network`, on `(batch, time, features)`, and `build_model`.

    Steps whose numbers are all zero are padding, which the network masks.
    """

    def check_source(self, config: Any) -> None:
        from rnn_keras.data.series_classification import check_series_source

        check_series_source(config.dataset, config.file_columns)

    def load_data(self, config: Any, class_names: Sequence[str] | None = None) -> "ClassificationData":
        """The series and their classes.

        Args:
            config: of the run.
            class_names: see `load_series_dataset`.
        """
        from rnn_keras.data.classification_data import ClassificationData
        from rnn_keras.data.series_classification import load_series_dataset

        found = load_series_dataset(config.dataset, class_names, config.file_columns)
        return ClassificationData(found, lambda series: series, "series")

    def load_evaluation_data(self, model: "keras.Model", config: Any) -> "ClassificationData":
        return self.load_data(config, self.get_class_names(model))

    def read_input_file(self, path: Path, column: str | None, config: Any) -> "Inputs":
        """A table in the form of the training data, of which each series is predicted for, or one series a line."""
        from rnn_keras.data.series_classification import read_series_inputs

        return read_series_inputs(path, config.file_columns | ({"series": column} if column else {}))

    def encode_inputs(self, model: "keras.Model", inputs: Sequence[bytes]) -> "list[np.ndarray]":
        """Each input is a series: steps separated by semicolons, their numbers by commas, such as 0.1,2;0.3,1.5."""
        from rnn_keras.data.series_classification import parse_series

        return [parse_series(text.decode(), self.get_network(model).input_shape[-1]) for text in inputs]

    def export_spec(self, model: "keras.Model", config: Any, examples: int) -> "ExportSpec":
        """All files take series `(batch, time, features)`, and give the probabilities of the classes."""
        from rnn_keras.data.series_classification import load_series_dataset
        from rnn_keras.export.classification import classification_spec
        from rnn_keras.export.spec import Conversion
        from rnn_keras.runtime.network import PADDED

        load = functools.cache(
            lambda: load_series_dataset(config.dataset, self.get_class_names(model), config.file_columns)
        )

        def sample(split: str, number: int) -> "tuple[list[np.ndarray], np.ndarray]":
            found = load().sample(split, number)
            return found.series, found.labels

        (inputs,) = self.get_network(model).inputs
        longest = max(map(len, load().everything.series)) if examples else None
        return classification_spec(
            model,
            sample,
            examples,
            encode=list,
            outputs=("label", "probabilities"),
            description={"score": "of_label", PADDED: {inputs.name: 0.0}},
            conversion=Conversion(steps=longest),
        )
