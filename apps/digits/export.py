"""What the digits model is exported as."""

import functools

import keras
import numpy as np

from apps.digits.config import DigitsConfig
from rnn_keras.data.image_classification import load_image_dataset
from rnn_keras.data.images import decode_image, encode_images
from rnn_keras.export.classification import classification_spec, get_class_names, get_network
from rnn_keras.export.spec import ExportSpec


def export_spec(model: keras.Model, config: DigitsConfig, examples: int) -> ExportSpec:
    """The SavedModel takes the bytes of image files, the other files take pixels."""
    _, size, _, channels = get_network(model, "classifier").input_shape
    load = functools.cache(
        lambda: load_image_dataset(
            config.dataset, config.data_dir, size=size, channels=channels, class_names=get_class_names(model)
        )
    )

    def sample(split: str, number: int) -> tuple[list[bytes], np.ndarray]:
        images = load().sample(split, number)
        return encode_images(images.images), images.labels

    return classification_spec(
        model,
        sample,
        examples,
        encode=lambda contents: [decode_image(content, size, channels).numpy() for content in contents],
        description={"score": "of_label"},
    )
