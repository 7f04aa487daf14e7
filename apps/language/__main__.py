"""Many to many, in step: a text -> its next character, again and again. `python -m apps.language --help`."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from apps.language.config import SEARCH_SPACE, LanguageConfig
from rnn_keras.cli import App, FinishedRun

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from apps.language.data import LanguageData
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.training.train import TrainedNetwork

PLOTTED_CHARACTERS = 480


class LanguageApp(App):
    name = "language"
    description = (
        "A language model of characters: it reads a text, predicts each next character, and continues prompts."
    )
    config_class = LanguageConfig
    figure_captions: ClassVar[Mapping[str, str]] = {
        "bits": "How many bits each character of a passage cost: few where the next one was foreseen.",
    }
    monitor = "val_loss"
    search_space = SEARCH_SPACE

    def check_source(self, config: LanguageConfig) -> None:
        from apps.language.texts import check_text

        check_text(config.dataset)

    def load_data(self, config: LanguageConfig) -> "LanguageData":
        from apps.language.data import load_language_data

        return load_language_data(config)

    def load_evaluation_data(self, model: "keras.Model", config: LanguageConfig) -> "LanguageData":
        from apps.language.data import load_language_data_for

        return load_language_data_for(model, config)

    def build_network(
        self, config: LanguageConfig, data: "LanguageData", optimizer: "keras.optimizers.Optimizer"
    ) -> "keras.Model":
        import keras

        from apps.language.model import build_network
        from rnn_keras.training.truncated_bptt import TruncatedBPTT

        network = build_network(config, data.text.number_of_ids)
        model: Any = TruncatedBPTT(config.window).make_model(network, config.batch_size)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
        model.compile(optimizer, loss)
        return model

    def build_model(self, network: "keras.Model", data: "LanguageData", config: LanguageConfig) -> "keras.Model":
        from apps.language.model import build_text_model
        from rnn_keras.training.stateful import make_stateless

        return build_text_model(make_stateless(network), data.text.characters)

    def score(self, model: "keras.Model", data: "LanguageData", split: str) -> dict[str, Any]:
        from apps.language.metrics import compute_metrics
        from apps.language.model import get_network

        return compute_metrics(get_network(model), data.text, split)

    def plot(
        self, trained: "TrainedNetwork", model: "keras.Model", data: "LanguageData", config: LanguageConfig
    ) -> "dict[str, Figure]":
        from apps.language.metrics import compute_bits
        from apps.language.model import get_network
        from apps.language.plots import plot_bits
        from apps.language.texts import decode_ids

        ids = data.text.ids("test")[: PLOTTED_CHARACTERS + 1]
        passage = decode_ids(data.text.characters, ids[1:])
        return {"bits": plot_bits(passage, compute_bits(get_network(model), ids))}

    def predict(self, run: FinishedRun, inputs: Sequence[bytes]) -> list[dict[str, Any]]:
        from apps.language.predict import continue_prompts

        prompts, config = [prompt.decode("utf-8", "replace") for prompt in inputs], run.config
        texts = continue_prompts(run.model, prompts, config.characters, config.temperature, config.seed)
        return [{"text": text} for text in texts]

    def export_spec(self, model: "keras.Model", config: LanguageConfig, examples: int) -> "ExportSpec":
        from apps.language.export import export_spec

        return export_spec(model, config, examples)

    def commands(self) -> dict[str, Callable[..., None]]:
        from apps.language.commands import make_write

        return {"write": make_write(self)}


if __name__ == "__main__":
    LanguageApp().main()
