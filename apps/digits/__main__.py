"""One to one: a picture -> what it shows. `python -m apps.digits --help`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from apps.digits.config import SEARCH_SPACE, DigitsConfig
from rnn_keras.cli.app import App

if TYPE_CHECKING:
    import keras

    from apps.digits.data import DigitsData
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.training.run_directory import RunDirectory


class DigitsApp(App):
    name = "digits"
    config_class = DigitsConfig
    what = "One to one: a picture goes in, and what it shows comes out; a plain network without memory."
    monitor = "val_loss"  # of few pictures, the share that is right is the same in many epochs
    mode = "min"
    search_space = SEARCH_SPACE

    def require_source(self, dataset: str, data_dir: str | None) -> None:
        from rnn_keras.data.image_classification import require_source

        require_source(dataset, data_dir)

    def load(self, config: DigitsConfig) -> "DigitsData":
        from apps.digits.data import load

        return load(config)

    def build(self, config: DigitsConfig, data: "DigitsData", optimizer) -> "keras.Model":
        from apps.digits.model import build_classifier

        classifier = build_classifier(config, data.image_shape, len(data.pictures.class_names))
        classifier.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return classifier

    def assemble(self, network: "keras.Model", data: "DigitsData") -> "keras.Model":
        from apps.digits.model import build_picture_model

        return build_picture_model(network, data.pictures.class_names)

    def score(self, network: "keras.Model", data: "DigitsData", split: str) -> dict:
        from apps.digits.metrics import metrics

        return metrics(network, data.pictures.splits[split])

    def draw(self, run: "RunDirectory", data: "DigitsData", network: "keras.Model") -> None:
        from apps.digits.plots import draw

        draw(run.plots, data, network)

    def evaluate(self, model: "keras.Model", dataset: str, data_dir: str | None, split: str) -> tuple[dict, list[str]]:
        from apps.digits.metrics import metrics
        from rnn_keras.data.image_classification import load_image_dataset

        classifier, class_names = model.get_layer("classifier"), model.get_layer("label").get_vocabulary()
        _, size, _, channels = classifier.input_shape
        pictures = load_image_dataset(dataset, data_dir, size=size, channels=channels, class_names=class_names)
        return metrics(classifier, pictures.examples(split)), pictures.notes

    def predict(self, model: "keras.Model", inputs: Sequence[bytes]) -> list[dict]:
        from apps.digits.metrics import probabilities
        from rnn_keras.data.image_classification import read_images

        classifier, class_names = model.get_layer("classifier"), model.get_layer("label").get_vocabulary()
        _, size, _, channels = classifier.input_shape
        likely = probabilities(classifier, read_images(inputs, size, channels))
        return [{"label": class_names[row.argmax()], "score": float(row.max())} for row in likely]

    def deployment(self, model: "keras.Model", config: DigitsConfig, examples: int) -> "ExportSpec":
        from apps.digits.export import deployment

        return deployment(model, config, examples)


if __name__ == "__main__":
    DigitsApp().main()
