"""One to one: an image -> what it shows. `python -m apps.digits --help`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from apps.digits.config import SEARCH_SPACE, DigitsConfig
from rnn_keras.cli import ImageClassifierApp

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from rnn_keras.data.classification_data import ClassificationData
    from rnn_keras.play.tab import AppTab
    from rnn_keras.training.train import TrainedNetwork


class DigitsApp(ImageClassifierApp):
    name = "digits"
    description = "One to one: an image goes in, and what it shows comes out; a plain network without memory."
    config_class = DigitsConfig
    figure_captions: ClassVar = {
        "mistakes": "Test images that the network took for something else.",
    }
    monitor = "val_loss"  # of few images, the accuracy is the same in many epochs
    search_space = SEARCH_SPACE

    def build_network(self, config: DigitsConfig, data: "ClassificationData", optimizer) -> "keras.Model":
        from apps.digits.model import build_classifier

        classifier = build_classifier(config, data.inputs("train").shape[1:], len(data.class_names))
        classifier.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return classifier

    def build_model(self, network: "keras.Model", data: "ClassificationData", config: DigitsConfig) -> "keras.Model":
        from apps.digits.model import build_image_model

        return build_image_model(network, data.class_names, data.dataset.everything.paper)

    def plot(
        self, trained: "TrainedNetwork", model: "keras.Model", data: "ClassificationData", config: DigitsConfig
    ) -> "dict[str, Figure]":
        from apps.digits.plots import plot_mistakes
        from rnn_keras.data.classification_data import predict_probabilities

        images = data.inputs("test")
        probabilities = predict_probabilities(trained.network, images)
        mistakes = plot_mistakes(images, data.labels("test"), probabilities, data.class_names)
        return super().plot(trained, model, data, config) | {"mistakes": mistakes}

    def play_tabs(self) -> "Sequence[AppTab]":
        from apps.digits.play import TABS

        return TABS


if __name__ == "__main__":
    DigitsApp().main()
