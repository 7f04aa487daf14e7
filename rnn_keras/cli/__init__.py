"""The App interface and its commands: train, evaluate, predict, tune, export, serve, serve-data."""

from rnn_keras.utils.extras import exit_without_extra

# Before anything of this package is imported, so that without the extra a command is one sentence, not a traceback.
exit_without_extra("apps", "tyro", "rich", "tensorflow_datasets", "importlib_resources", "sklearn", "PIL")

from rnn_keras.cli.app import App  # noqa: E402
from rnn_keras.cli.classifier import ClassifierApp  # noqa: E402
from rnn_keras.cli.image_classifier import ImageClassifierApp, ImageClassifierConfig  # noqa: E402
from rnn_keras.cli.protocols import Exportable, FinishedRun, Tunable  # noqa: E402
from rnn_keras.cli.series_classifier import SeriesClassifierApp, SeriesClassifierConfig  # noqa: E402
from rnn_keras.cli.text_classifier import TextClassifierApp, TextClassifierConfig  # noqa: E402

__all__ = [
    "App",
    "ClassifierApp",
    "Exportable",
    "FinishedRun",
    "ImageClassifierApp",
    "ImageClassifierConfig",
    "SeriesClassifierApp",
    "SeriesClassifierConfig",
    "TextClassifierApp",
    "TextClassifierConfig",
    "Tunable",
]
