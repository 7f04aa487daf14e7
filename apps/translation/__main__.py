"""Many to many: a sentence in one language -> the same in another. `python -m apps.translation --help`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from apps.translation.config import SEARCH_SPACE, TranslationConfig
from rnn_keras.cli.app import App
from rnn_keras.cli.protocols import FinishedRun

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from apps.translation.data import TranslationData
    from apps.translation.model import TranslationModel
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.play.tab import AppTab
    from rnn_keras.training.train import TrainedNetwork


class TranslationApp(App):
    name = "translation"
    description = "Many to many: a sentence goes in word by word, and its translation comes out, of another length."
    config_class = TranslationConfig
    figure_captions: ClassVar = {
        "bleu_by_length": "The quality of the translations by the length of the sentence.",
        "attention": "How much each word of the source counted for each word that was written.",
    }
    monitor = "val_accuracy"
    search_space = SEARCH_SPACE

    def check_source(self, config: Any) -> None:
        from apps.translation.sentence_pairs import check_source

        check_source(config.dataset, config.data_dir, config.source, config.target)

    def load_data(self, config: TranslationConfig) -> "TranslationData":
        from apps.translation.data import load_data

        return load_data(config)

    def build_network(
        self, config: TranslationConfig, data: "TranslationData", optimizer: "keras.optimizers.Optimizer"
    ) -> "keras.Model":
        from apps.translation.model import build_network
        from rnn_keras.training.losses import SmoothedCrossentropy

        config = config.complete(len(data.pairs.splits["train"]))
        network = build_network(config, data.source_vocabulary.size, data.target_vocabulary.size)
        loss = SmoothedCrossentropy(config.label_smoothing)
        network.compile(optimizer=optimizer, loss=loss, weighted_metrics=["accuracy"])
        return network

    def build_model(
        self, network: "keras.Model", data: "TranslationData", config: TranslationConfig
    ) -> "TranslationModel":
        from apps.translation.model import build_model

        return build_model(config, network, data.source_vocabulary, data.target_vocabulary)

    def score(self, model: "TranslationModel", data: "TranslationData", split: str) -> dict[str, Any]:
        from apps.translation.metrics import compute_metrics

        return compute_metrics(model.translator, data.pairs.examples(split))[0]

    def plot(
        self, trained: "TrainedNetwork", model: "TranslationModel", data: "TranslationData", config: TranslationConfig
    ) -> "dict[str, Figure]":
        from apps.translation.plots import make_plots

        return make_plots(model, data.pairs.splits["test"])

    def evaluate(
        self, run: FinishedRun, dataset: str, data_dir: str | None, split: str
    ) -> tuple[dict[str, Any], Sequence[str]]:
        """The metrics; BLEU by length and the best and worst translations are printed."""
        from apps.translation.data import load_pairs
        from apps.translation.metrics import compute_metrics, show_details

        pairs = load_pairs(run.config, dataset, data_dir, for_training=False)
        translator, examples = run.model.translator, pairs.examples(split)
        metrics, translations = compute_metrics(translator, examples)
        show_details(translator, examples, translations)
        return metrics, pairs.notes

    def predict(self, run: FinishedRun, inputs: Sequence[bytes]) -> list[dict[str, str]]:
        from apps.translation.predict import predict

        figure = run.directory.plots / "prediction.png" if run.draws_figures else None
        return predict(run.model, run.config, figure, inputs)

    def export_spec(self, model: "keras.Model", config: TranslationConfig, examples: int) -> "ExportSpec":
        from apps.translation.export import export_spec

        return export_spec(model, config, examples)

    def play_tabs(self) -> "Sequence[AppTab]":
        from apps.translation.play import TABS

        return TABS


if __name__ == "__main__":
    TranslationApp().main()
