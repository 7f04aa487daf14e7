"""One to one: an image -> what it shows. `python -m apps.digits --help`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from apps.digits.config import SEARCH_SPACE, DigitsConfig
from rnn_keras.cli import ClassifierApp

if TYPE_CHECKING:
    import keras
    import numpy as np
    from matplotlib.figure import Figure

    from rnn_keras.data.classification_data import ClassificationData
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.training.train import TrainedNetwork


class DigitsApp(ClassifierApp):
    name = "digits"
    description = "One to one: an image goes in, and what it shows comes out; a plain network without memory."
    config_class = DigitsConfig
    monitor = "val_loss"  # of few images, the accuracy is the same in many epochs
    search_space = SEARCH_SPACE

    def check_source(self, dataset: str, data_dir: str | None) -> None:
        from rnn_keras.data.image_classification import require_source

        require_source(dataset, data_dir)

    def load_data(self, config: DigitsConfig, class_names: Sequence[str] | None = None) -> "ClassificationData":
        from rnn_keras.data.classification_data import ClassificationData
        from rnn_keras.data.image_classification import load_image_dataset

        channels = 3 if config.color else 1
        images = load_image_dataset(
            config.dataset, config.data_dir, size=config.size, channels=channels, class_names=class_names
        )
        height, width, channels = images.everything.images.shape[1:]
        details = f"{height} x {width}, {'grey' if channels == 1 else 'colour'}"
        return ClassificationData(images, lambda pixels: pixels, "images", details)

    def load_evaluation_data(self, model: "keras.Model", config: DigitsConfig) -> "ClassificationData":
        from dataclasses import replace

        _, size, _, channels = self.get_network(model).input_shape
        config = replace(config, size=size, color=channels == 3)
        return self.load_data(config, self.get_class_names(model))

    def build_network(self, config: DigitsConfig, data: "ClassificationData", optimizer) -> "keras.Model":
        from apps.digits.model import build_classifier

        classifier = build_classifier(config, data.inputs("train").shape[1:], len(data.class_names))
        classifier.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return classifier

    def build_model(self, network: "keras.Model", data: "ClassificationData", config: DigitsConfig) -> "keras.Model":
        from apps.digits.model import build_image_model

        return build_image_model(network, data.class_names)

    def encode_inputs(self, model: "keras.Model", inputs: Sequence[bytes]) -> "np.ndarray":
        from rnn_keras.data.image_classification import read_images

        _, size, _, channels = self.get_network(model).input_shape
        return read_images(inputs, size, channels)

    def plot(
        self, trained: "TrainedNetwork", model: "keras.Model", data: "ClassificationData", config: DigitsConfig
    ) -> "dict[str, Figure]":
        from apps.digits.plots import plot_mistakes
        from rnn_keras.data.classification_data import predict_probabilities

        images, labels = data.inputs("test"), data.labels("test")
        probabilities = predict_probabilities(trained.network, images)
        mistakes = plot_mistakes(images, labels, probabilities, data.class_names)
        return super().plot(trained, model, data, config) | {"mistakes": mistakes}

    def export_spec(self, model: "keras.Model", config: DigitsConfig, examples: int) -> "ExportSpec":
        from apps.digits.export import export_spec

        return export_spec(model, config, examples)


if __name__ == "__main__":
    DigitsApp().main()
