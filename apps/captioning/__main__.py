"""One to many: an image -> a sentence that says what it shows. `python -m apps.captioning --help`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from apps.captioning.config import SEARCH_SPACE, CaptioningConfig
from rnn_keras.cli.app import App
from rnn_keras.cli.protocols import FinishedRun

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from apps.captioning.data import CaptioningData
    from apps.captioning.model import CaptioningModel
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.play.tab import AppTab
    from rnn_keras.training.run_directory import RunDirectory
    from rnn_keras.training.train import TrainedNetwork


class CaptioningApp(App):
    name = "captioning"
    description = "One to many: an image goes in, and a sentence that says what it shows comes out word by word."
    config_class = CaptioningConfig
    figure_captions: ClassVar = {
        "captions": "Captions of some test images, with a reference in grey.",
        "attention": "Where the network looked for each word of a caption.",
    }
    monitor = "val_accuracy"
    search_space = SEARCH_SPACE
    inputs_are_files = True

    def check_source(self, config: Any) -> None:
        from apps.captioning.captioned_images import check_source

        check_source(config.dataset, config.data_dir)

    def load_data(self, config: CaptioningConfig) -> "CaptioningData":
        from apps.captioning.data import load_data

        return load_data(config)

    def build_network(
        self, config: CaptioningConfig, data: "CaptioningData", optimizer: "keras.optimizers.Optimizer"
    ) -> "keras.Model":
        from apps.captioning.encoders import build_backbone, is_frozen
        from apps.captioning.model import build_network
        from rnn_keras.training.losses import SmoothedCrossentropy

        backbone = None if is_frozen(config.encoder_name) else build_backbone(config)
        network = build_network(config, data.arrays.shape[2:], data.vocabulary.size, backbone)
        loss = SmoothedCrossentropy(config.label_smoothing)
        network.compile(optimizer=optimizer, loss=loss, weighted_metrics=["accuracy"])
        return network

    def fine_tune(
        self,
        network: "keras.Model",
        config: CaptioningConfig,
        data: "CaptioningData",
        run: "RunDirectory",
        epochs: int | None = None,
    ) -> None:
        epochs = config.reward_epochs if epochs is None else epochs
        if epochs:
            from apps.captioning.fine_tuning import fine_tune
            from rnn_keras.utils.terminal import console

            console.print(
                f"captions that the network writes are rewarded by their {config.reward}, {epochs} epochs at most"
            )
            fine_tune(network, config, data, run, epochs)

    def build_model(
        self, network: "keras.Model", data: "CaptioningData", config: CaptioningConfig
    ) -> "CaptioningModel":
        from apps.captioning.encoders import build_backbone, is_frozen
        from apps.captioning.model import build_model

        backbone: Any = build_backbone(config) if is_frozen(config.encoder_name) else network.get_layer("backbone")
        return build_model(config, network, backbone, data.vocabulary)

    def score(self, model: "CaptioningModel", data: "CaptioningData", split: str) -> dict[str, Any]:
        from apps.captioning.metrics import compute_metrics

        return compute_metrics(model.captioner, data.images, data.arrays, data.images.indices(split))[0]

    def plot(
        self, trained: "TrainedNetwork", model: "CaptioningModel", data: "CaptioningData", config: CaptioningConfig
    ) -> "dict[str, Figure]":
        from apps.captioning.plots import make_plots

        return make_plots(model.captioner, data)

    def evaluate(
        self, run: FinishedRun, dataset: str, data_dir: str | None, split: str
    ) -> tuple[dict[str, Any], Sequence[str]]:
        """The metrics; some captions are printed beside a reference."""
        from apps.captioning.data import load_arrays, load_images
        from apps.captioning.metrics import compute_metrics, show_examples

        model: Any = run.model
        images = load_images(run.config, dataset, data_dir, for_training=False)
        indices = images.indices(split)
        metrics, captions = compute_metrics(model.captioner, images, load_arrays(model, run.config, images), indices)
        show_examples(captions, [images.captions[index] for index in indices])
        return metrics, images.notes

    def predict(self, run: FinishedRun, inputs: Sequence[bytes]) -> list[dict[str, str]]:
        from apps.captioning.predict import predict

        model: Any = run.model
        return predict(model, run.directory.plots if run.draws_figures else None, inputs)

    def export_spec(self, model: "CaptioningModel", config: CaptioningConfig, examples: int) -> "ExportSpec":  # pyright: ignore[reportIncompatibleMethodOverride]
        from apps.captioning.export import export_spec

        return export_spec(model, config, examples)

    def play_tabs(self) -> "Sequence[AppTab]":
        from apps.captioning.play import TABS

        return TABS


if __name__ == "__main__":
    CaptioningApp().main()
