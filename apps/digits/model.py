"""One to one: an image goes in, one class comes out, and nothing is kept for the next image."""

from collections.abc import Sequence

import keras
from keras import ops

from apps.digits.config import DigitsConfig
from rnn_keras.data.classification import label_layer
from rnn_keras.data.images import ImageDecoding

SMALLEST, MOST_FILTERS = 4, 128  # the height at which the blocks stop, and the most channels


def build_classifier(config: DigitsConfig, image_shape: Sequence[int], classes: int) -> keras.Model:
    """Pixels `(batch, size, size, channels)` uint8 -> probabilities `(batch, classes)`.

    Blocks of two convolutions, each of which halves the image until it is 4 x 4 or smaller, then a dense layer.
    """
    pixels = keras.Input(image_shape, dtype="uint8", name="pixels")
    x = keras.layers.Rescaling(1 / 255)(pixels)
    if config.shift:
        x = keras.layers.RandomTranslation(config.shift, config.shift, fill_mode="constant")(x)
    if config.rotation:
        x = keras.layers.RandomRotation(config.rotation, fill_mode="constant")(x)
    size, filters = image_shape[0], config.filters
    while size > SMALLEST:
        for _ in range(2):
            x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = keras.layers.BatchNormalization(momentum=0.9)(x)
            x = keras.layers.ReLU()(x)
        x = keras.layers.MaxPooling2D(padding="same")(x)
        size, filters = -(-size // 2), min(2 * filters, max(MOST_FILTERS, filters))
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dropout(config.dropout)(x)
    x = keras.layers.Dense(config.units, activation="relu")(x)
    x = keras.layers.Dropout(config.dropout)(x)
    outputs = keras.layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(pixels, outputs, name="classifier")


@keras.saving.register_keras_serializable(package="apps.digits.model")
class DigitsModel(keras.Model):
    """The saved model; `import apps.digits.model` before `keras.models.load_model`."""


def build_image_model(classifier: keras.Model, class_names: Sequence[str], paper: int = 0) -> keras.Model:
    """Bytes of image files `(batch,)` -> `label` and its `score` `(batch,)`, `probabilities` `(batch, classes)`.

    Args:
        classifier: pixels -> probabilities.
        class_names: of the classes.
        paper: what stands for padding and transparent parts in the data; see `images.decode_pixels`.
    """
    picture = keras.Input((), dtype="string", name="picture")
    _, size, _, channels = classifier.input_shape
    probabilities = classifier(ImageDecoding(size, channels, paper=paper, name="decoded")(picture))
    outputs = {
        "label": label_layer(class_names)(ops.argmax(probabilities, axis=-1)),
        "score": ops.max(probabilities, axis=-1),
        "probabilities": probabilities,
    }
    return DigitsModel({"picture": picture}, outputs, name="digits")
