"""A text in windows of several streams, to train on and to score."""

import dataclasses

import keras
import tensorflow as tf

from apps.language.config import LanguageConfig
from apps.language.texts import Text, load_text
from rnn_keras.data.streams import StreamBatches, split_stream
from rnn_keras.training.truncated_bptt import TruncatedBPTT


@dataclasses.dataclass(frozen=True)
class LanguageData:
    """A text, and how it is read.

    Attributes:
        text: in three splits.
        config: the settings.
    """

    text: Text
    config: LanguageConfig

    @property
    def notes(self) -> list[str]:
        unknown = self.text.unknown_characters
        return [f"{unknown} rare characters of the text have no id and are one to the network"] if unknown else []

    @property
    def summary(self) -> str:
        counts = ", ".join(f"{len(ids):,} {split}" for split, ids in self.text.splits.items())
        return f"{counts} characters; {len(self.text.characters)} different ones"

    def training_batches(self, config: LanguageConfig) -> StreamBatches:
        return self._batches("train")

    def validation_dataset(self) -> tf.data.Dataset:
        return self._batches("validation").dataset()

    def _batches(self, split: str) -> StreamBatches:
        """As many streams as rows of a batch; the target of each character is the next one."""
        ids, config = self.text.ids(split), self.config
        streams = min(config.batch_size, len(ids) - 1)
        inputs, targets = split_stream(ids[:-1], streams), split_stream(ids[1:], streams)
        is_training = split == "train"
        truncated = TruncatedBPTT(config.window)
        return truncated.make_batches(inputs, targets, config.batch_size, shuffle=is_training, seed=config.seed)


def load_language_data(config: LanguageConfig) -> LanguageData:
    """The text to train on.

    Raises:
        UserError: see `load_text`.
    """
    return LanguageData(load_text(config.dataset, config.data_dir), config)


def load_language_data_for(model: keras.Model, config: LanguageConfig) -> LanguageData:
    """The text to score a trained model on, however short.

    Args:
        model: as `build_text_model` made it.
        config: of its training, with the dataset to load.

    Raises:
        UserError: see `load_text`.
    """
    return LanguageData(load_text(config.dataset, config.data_dir, get_characters(model)), config)


def get_characters(model: keras.Model) -> list[str]:
    """The characters that a saved model has ids for."""
    return model.get_layer("label").get_vocabulary()  # pyright: ignore[reportAttributeAccessIssue]
