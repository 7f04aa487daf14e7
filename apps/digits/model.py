"""One to one: a picture goes in, one decision comes out, and nothing is kept for the next picture."""

from collections.abc import Sequence

import keras
from keras import ops

from apps.digits.config import DigitsConfig
from rnn_keras.data.classification import label_layer
from rnn_keras.data.images import DecodedImages

SMALLEST = 4  # the height that blocks of convolutions stop at
MOST_FILTERS = 128


def build_classifier(config: DigitsConfig, image_shape: Sequence[int], classes: int) -> keras.Model:
    """Pixels `(batch, size, size, channels)` uint8 -> probabilities `(batch, classes)`.

    Blocks of two convolutions, each of which halves the picture until it is 4 x 4 or smaller, then a dense layer.
    """
    pixels = keras.Input(image_shape, dtype="uint8", name="pixels")
    x = keras.layers.Rescaling(1 / 255, name="rescaling")(pixels)
    if config.shift:
        x = keras.layers.RandomTranslation(config.shift, config.shift, fill_mode="constant", name="shift")(x)
    if config.turn:
        x = keras.layers.RandomRotation(config.turn, fill_mode="constant", name="turn")(x)
    size, filters, block = image_shape[0], config.filters, 1
    while size > SMALLEST:
        for name in (f"block_{block}_1", f"block_{block}_2"):
            x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_convolution")(x)
            x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_normalisation")(x)
            x = keras.layers.ReLU(name=f"{name}_activation")(x)
        x = keras.layers.MaxPooling2D(padding="same", name=f"block_{block}_pooling")(x)
        size, filters, block = -(-size // 2), min(2 * filters, max(MOST_FILTERS, filters)), block + 1
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dropout(config.dropout, name="dropout_1")(x)
    x = keras.layers.Dense(config.units, activation="relu", name="dense")(x)
    x = keras.layers.Dropout(config.dropout, name="dropout_2")(x)
    score = keras.layers.Dense(classes, activation="softmax", dtype="float32", name="decision")(x)
    return keras.Model(pixels, score, name="classifier")


def build_picture_model(classifier: keras.Model, class_names: Sequence[str]) -> keras.Model:
    """The bytes of PNG or JPEG files `(batch,)` -> `label` and `score` `(batch,)`, `probabilities` `(batch, classes)`.

    `score` is the probability of the label.
    """
    picture = keras.Input((), dtype="string", name="picture")
    _, size, _, channels = classifier.input_shape
    probabilities = classifier(DecodedImages(size, channels, name="decoded")(picture))
    outputs = {
        "label": label_layer(class_names)(ops.argmax(probabilities, axis=-1)),
        "score": ops.max(probabilities, axis=-1),
        "probabilities": probabilities,
    }
    return keras.Model({"picture": picture}, outputs, name="digits")
