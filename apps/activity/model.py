"""Many to one: the samples of a window go in, and what the person does comes out."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from apps.activity.config import ActivityConfig
from apps.activity.mirroring import MirrorToOneSide
from rnn_keras.data.classification import label_layer
from rnn_keras.layers.by_name import RECURRENT_LAYERS
from rnn_keras.training.losses import SmoothedCrossentropy

ops: Any = keras.ops  # Keras has no annotations, and the types inferred from all backends at once are wrong

NETWORK, SUMMARY = "classifier", "summary"
KERNEL_SIZES = (9, 5)  # samples that the first and the second convolution see


def build_classifier(
    config: ActivityConfig, mean: np.ndarray, variance: np.ndarray, classes: int, mirror: Sequence[int] = ()
) -> keras.Model:
    """Windows `(batch, window, channels)` -> probabilities `(batch, classes)`.

    Two convolutions turn some samples into one step, a recurrent layer reads the steps, and the mean of its outputs
    decides: what is done may begin anywhere in a window (DeepConvLSTM, Ordóñez & Roggen, Deep convolutional and LSTM
    recurrent neural networks for multimodal wearable activity recognition, Sensors 2016, but for the mean).

    Args:
        config: the settings.
        mean, variance: of each channel in the training windows, `(channels,)`.
        classes: their number.
        mirror: the channels that `MirrorToOneSide` mirrors; none: it is left out.
    """
    signals = keras.Input((config.window, len(mean)), name="signals")
    x: Any = MirrorToOneSide(mirror, name="mirror")(signals) if mirror else signals
    scale = 1 / np.sqrt(variance + 1e-6)
    x = keras.layers.Rescaling(scale.tolist(), (-mean * scale).tolist(), name="rescaling")(x)
    for number, (size, stride) in enumerate(zip(KERNEL_SIZES, divide_reduction(config.reduction), strict=True), 1):
        name = f"convolution_{number}"
        x = keras.layers.Conv1D(config.filters, size, stride, padding="same", activation="relu", name=name)(x)
        x = keras.layers.SpatialDropout1D(config.dropout / 4, name=f"dropout_{number}")(x)
    recurrent_layer: Any = RECURRENT_LAYERS[config.cell]
    layer = recurrent_layer(config.units, return_sequences=True, name=config.cell)
    x = (keras.layers.Bidirectional(layer, name="bidirectional") if config.bidirectional else layer)(x)
    x = keras.layers.GlobalAveragePooling1D(name="average")(x)
    x = keras.layers.Dropout(config.dropout, name="dropout")(x)
    x = keras.layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(signals, x, name=NETWORK)


def divide_reduction(reduction: int) -> tuple[int, int]:
    """The strides of the two convolutions, powers of two of which the first is the larger.

    >>> divide_reduction(8)
    (4, 2)
    """
    second = 2 ** (int(math.log2(reduction)) // 2)
    return reduction // second, second


@keras.saving.register_keras_serializable(package="apps.activity.model")
class ProbabilityCrossentropy(SmoothedCrossentropy):
    """`SmoothedCrossentropy` of probabilities: their logarithms are logits, whose softmax they are."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return super().call(y_true, ops.log(ops.maximum(y_pred, 1e-7)))


def build_summary(windows: np.ndarray, labels: np.ndarray, classes: int) -> keras.Model:
    """A baseline without memory or order: logistic regression on each channel's mean and standard deviation.

    Args:
        windows: of the training part, `(n, window, channels)`.
        labels: `(n,)`.
        classes: their number.
    """
    from sklearn.linear_model import LogisticRegression

    features = np.concatenate([windows.mean(axis=1), windows.std(axis=1)], axis=1)
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-3
    fitted = LogisticRegression(max_iter=1000).fit((features - mean) / deviation, labels)
    kernel = np.zeros((features.shape[1], classes))
    bias = np.full(classes, -30.0)  # of classes that the training part lacks
    if len(fitted.classes_) == 2:  # one row, of the second class
        kernel[:, fitted.classes_[1]], bias[fitted.classes_] = fitted.coef_[0], (0, fitted.intercept_[0])
    else:
        kernel[:, fitted.classes_], bias[fitted.classes_] = fitted.coef_.T, fitted.intercept_
    kernel /= deviation[:, np.newaxis]
    signals = keras.Input(windows.shape[1:], name="signals")
    x = ops.concatenate([ops.mean(signals, axis=1), ops.std(signals, axis=1)], axis=-1)
    dense = keras.layers.Dense(classes, activation="softmax", dtype="float32", name="summary_probabilities")
    model = keras.Model(signals, dense(x), name=SUMMARY)
    dense.set_weights([kernel, bias - mean @ kernel])
    return model


@keras.saving.register_keras_serializable(package="apps.activity.model")
class NamedChannels(keras.layers.Layer):
    """Signals `(batch, window, channels)` as they are; the saved model knows the names of their channels by this layer.

    Args:
        names: of the channels.
    """

    def __init__(self, names: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.names = list(names)

    def call(self, signals: Any) -> Any:
        return signals

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"names": self.names}


def get_channels(model: keras.Model) -> list[str]:
    """The names of the channels of a model that `build_activity_model` made."""
    layer: Any = model.get_layer("channels")
    return layer.names


@keras.saving.register_keras_serializable(package="apps.activity.model")
class ActivityModel(keras.Model):
    """The saved model; `import apps.activity.model` before `keras.models.load_model`."""


def build_activity_model(
    classifier: keras.Model, summary: keras.Model, class_names: Sequence[str], channels: Sequence[str]
) -> keras.Model:
    """Windows `(batch, window, channels)` -> `label (batch,)`, `probabilities` and `summary (batch, classes)`.

    Args:
        classifier: of `build_classifier`.
        summary: of `build_summary`.
        class_names: of the classes.
        channels: the names of the channels.
    """
    signals = keras.Input(classifier.input_shape[1:], name="signals")
    named: Any = NamedChannels(channels, name="channels")(signals)
    probabilities = classifier(named)
    outputs = {
        "label": label_layer(class_names)(ops.argmax(probabilities, axis=-1)),
        "probabilities": probabilities,
        "summary": summary(named),
    }
    return ActivityModel({"signals": signals}, outputs, name="activity")
