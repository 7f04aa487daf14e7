"""Many to many: a sentence in one language -> the same in another. `python -m apps.translation --help`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from apps.translation.config import SEARCH_SPACE, TranslationConfig
from rnn_keras.cli.app import App

if TYPE_CHECKING:
    import keras

    from apps.translation.data import TranslationData
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.training.run_directory import RunDirectory


class TranslationApp(App):
    name = "translation"
    config_class = TranslationConfig
    what = "Many to many: a sentence goes in word by word, and its translation comes out, of another length."
    monitor = "val_accuracy"
    mode = "max"
    search_space = SEARCH_SPACE

    def require_source(self, dataset: str, data_dir: str | None) -> None:
        from apps.translation.sentence_pairs import require_source

        require_source(dataset, data_dir)

    def load(self, config: TranslationConfig) -> "TranslationData":
        from apps.translation.data import load

        return load(config)

    def build(self, config: TranslationConfig, data: "TranslationData", optimizer) -> "keras.Model":
        from apps.translation.model import build_network
        from rnn_keras.training.losses import SmoothedCrossentropy

        network = build_network(config, data.source_vocabulary.size, data.target_vocabulary.size)
        loss = SmoothedCrossentropy(config.label_smoothing)
        network.compile(optimizer=optimizer, loss=loss, weighted_metrics=["accuracy"])
        return network

    def assemble(self, network: "keras.Model", data: "TranslationData") -> "keras.Model":
        from apps.translation.model import build_translator

        return build_translator(data.config, network, data.source_vocabulary, data.target_vocabulary)

    def score(self, network: "keras.Model", data: "TranslationData", split: str) -> dict:
        from apps.translation.metrics import metrics
        from rnn_keras.seq2seq.text_to_text import TextWriter

        return metrics(TextWriter(self.assemble(network, data)), data.pairs.splits[split])[0]

    def draw(self, run: "RunDirectory", data: "TranslationData", network: "keras.Model") -> None:
        from apps.translation.plots import draw

        draw(run.plots, data, self.assemble(network, data))

    def evaluate(self, model: "keras.Model", dataset: str, data_dir: str | None, split: str) -> tuple[dict, list[str]]:
        from apps.translation.data import load_pairs
        from apps.translation.metrics import metrics, show_details
        from rnn_keras.seq2seq.text_to_text import TextWriter

        pairs = load_pairs(self.config, dataset, data_dir, to_train=False)
        translator, examples = TextWriter(model), pairs.examples(split)
        scores, texts = metrics(translator, examples)
        show_details(translator, examples, texts)
        return scores, pairs.notes

    def predict(self, model: "keras.Model", inputs: Sequence[bytes]) -> list[dict]:
        from apps.translation.predict import predict

        return predict(model, self.config, self.run.plots / "prediction.png", inputs)

    def export_spec(self, model: "keras.Model", config: TranslationConfig, examples: int) -> "ExportSpec":
        from apps.translation.export import export_spec

        return export_spec(model, config, examples)


if __name__ == "__main__":
    TranslationApp().main()
