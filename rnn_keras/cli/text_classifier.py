"""An application that classifies texts."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from rnn_keras.cli.classifier import ClassifierApp
from rnn_keras.training.config import TrainingConfig

if TYPE_CHECKING:
    import keras
    import numpy as np

    from rnn_keras.data.text_data import TextData
    from rnn_keras.export.spec import ExportSpec


@dataclasses.dataclass(frozen=True)
class TextClassifierConfig(TrainingConfig):
    """Settings of the texts."""

    dataset: str = "movie_snippets"
    """Data to learn from: movie_snippets (packaged), any TFDS name with text and label (imdb_reviews), or a path to a
    CSV or TSV file with the columns text,label."""
    text_column: str = "text"
    """The name of the column of the texts in a file of your own."""
    label_column: str = "label"
    """The name of the column of the labels in a file of your own."""
    vocabulary_size: int = 30_000
    """The most words known, by frequency in the training texts; the others are [UNK]."""
    maximum_length: int = 600
    """The most words of a text; longer texts are truncated."""
    keep: Literal["first", "last"] = "last"
    """Which end of a longer text is kept."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_positive("maximum_length")
        self.require("vocabulary_size", self.vocabulary_size >= 3, "at least 3 (padding, [UNK] and a word)")

    @property
    def file_columns(self) -> dict[str, str]:
        """The names of a file's columns, by what they are for."""
        return {"text": self.text_column, "label": self.label_column}


class TextClassifierApp(ClassifierApp):
    """An exportable app with two methods: `build_network`, on word ids, and `build_model`, with the vocabulary.

    The saved model has the layer `text_vectorization`, of the data (a `TextData`), beside those that `ClassifierApp`
    asks for.
    """

    def check_source(self, config: Any) -> None:
        from rnn_keras.data.text_classification import check_text_source

        check_text_source(config.dataset, config.data_dir, config.file_columns)

    def input_column(self, config: Any) -> str:
        return config.text_column

    def load_data(self, config: Any) -> "TextData":
        from rnn_keras.data.text_data import load_text_data

        return load_text_data(
            config.dataset,
            config.data_dir,
            config.vocabulary_size,
            config.maximum_length,
            config.keep,
            config.file_columns,
        )

    def load_evaluation_data(self, model: "keras.Model", config: Any) -> "TextData":
        from rnn_keras.data.text_data import load_text_data_for

        return load_text_data_for(model, config.dataset, config.data_dir, config.file_columns)

    def encode_inputs(self, model: "keras.Model", inputs: Sequence[bytes]) -> "list[np.ndarray]":
        from rnn_keras.data.text import encode_texts

        return encode_texts(model.get_layer("text_vectorization"), list(inputs))  # pyright: ignore[reportArgumentType]

    def export_spec(self, model: "keras.Model", config: Any, examples: int) -> "ExportSpec":
        """All files take raw texts; the output `probabilities` of the model holds the network's outputs."""
        from rnn_keras.data.text_classification import load_text_dataset
        from rnn_keras.export.classification import text_classification_spec
        from rnn_keras.export.spec import Conversion

        names = self.get_class_names(model)
        load = functools.cache(
            lambda: load_text_dataset(config.dataset, config.data_dir, class_names=names, columns=config.file_columns)
        )
        return text_classification_spec(model, load, examples, conversion=Conversion(steps=config.maximum_length))
