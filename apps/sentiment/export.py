"""What the sentiment model is exported as."""

import functools

import keras

from apps.sentiment.config import SentimentConfig
from rnn_keras.data.text_classification import load_text_dataset
from rnn_keras.export.classification import get_class_names, text_classification_spec
from rnn_keras.export.spec import Conversion, ExportSpec


def export_spec(model: keras.Model, config: SentimentConfig, examples: int) -> ExportSpec:
    """All files take raw texts."""
    names = get_class_names(model)
    load = functools.cache(
        lambda: load_text_dataset(config.dataset, config.data_dir, class_names=names, columns=config.file_columns)
    )
    segment = config.segment_length or config.maximum_length
    steps = -(-config.maximum_length // segment) * segment  # the longest text, in whole segments
    return text_classification_spec(model, load, examples, output="score", conversion=Conversion(steps=steps))
