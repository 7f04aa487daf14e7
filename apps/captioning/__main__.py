"""One to many: a picture -> a sentence that names what is in it. `python -m apps.captioning --help`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from apps.captioning.config import SEARCH_SPACE, CaptioningConfig
from rnn_keras.cli.app import App

if TYPE_CHECKING:
    import keras

    from apps.captioning.data import CaptioningData
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.training.run_directory import RunDirectory


class CaptioningApp(App):
    name = "captioning"
    config_class = CaptioningConfig
    what = "One to many: a picture goes in, and a sentence comes out that names what is in it."
    monitor = "val_accuracy"
    mode = "max"
    search_space = SEARCH_SPACE

    def require_source(self, dataset: str, data_dir: str | None) -> None:
        from apps.captioning.captioned_images import require_source

        require_source(dataset, data_dir)

    def load(self, config: CaptioningConfig) -> "CaptioningData":
        from apps.captioning.data import load

        return load(config)

    def build(self, config: CaptioningConfig, data: "CaptioningData", optimizer) -> "keras.Model":
        from apps.captioning.encoders import build_backbone, is_frozen
        from apps.captioning.model import build_network
        from rnn_keras.training.losses import SmoothedCrossentropy

        backbone = None if is_frozen(config.eye) else build_backbone(config)
        network = build_network(config, data.arrays.shape[2:], data.vocabulary.size, backbone)
        loss = SmoothedCrossentropy(config.label_smoothing)
        network.compile(optimizer=optimizer, loss=loss, weighted_metrics=["accuracy"])
        return network

    def assemble(self, network: "keras.Model", data: "CaptioningData") -> "keras.Model":
        from apps.captioning.encoders import build_backbone, is_frozen
        from apps.captioning.model import build_captioner

        frozen = is_frozen(data.config.eye)
        backbone = build_backbone(data.config) if frozen else network.get_layer("backbone")
        return build_captioner(data.config, network, backbone, data.vocabulary)

    def score(self, network: "keras.Model", data: "CaptioningData", split: str) -> dict:
        from apps.captioning.captioner import Captioner
        from apps.captioning.metrics import metrics

        return metrics(Captioner(self.assemble(network, data)), data.images, data.arrays, data.images.splits[split])[0]

    def draw(self, run: "RunDirectory", data: "CaptioningData", network: "keras.Model") -> None:
        from apps.captioning.captioner import Captioner
        from apps.captioning.plots import draw

        draw(run.plots, data, Captioner(self.assemble(network, data)))

    def evaluate(self, model: "keras.Model", dataset: str, data_dir: str | None, split: str) -> tuple[dict, list[str]]:
        from apps.captioning.captioner import Captioner
        from apps.captioning.data import arrays_for, load_images
        from apps.captioning.metrics import metrics, show_examples

        images = load_images(self.config, dataset, data_dir, to_train=False)
        places = images.chosen(split)
        scores, texts = metrics(Captioner(model), images, arrays_for(model, self.config, images), places)
        show_examples(texts, [images.captions[place] for place in places])
        return scores, images.notes

    def predict(self, model: "keras.Model", inputs: Sequence[bytes]) -> list[dict]:
        from apps.captioning.predict import predict

        return predict(model, self.run.plots, inputs)

    def export_spec(self, model: "keras.Model", config: CaptioningConfig, examples: int) -> "ExportSpec":
        from apps.captioning.export import export_spec

        return export_spec(model, config, examples)


if __name__ == "__main__":
    CaptioningApp().main()
