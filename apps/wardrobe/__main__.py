"""Many to many in step: weather and yesterday's clothes -> today's. `python -m apps.wardrobe --help`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from apps.wardrobe.config import SEARCH_SPACE, WardrobeConfig
from rnn_keras.cli.app import App
from rnn_keras.cli.protocols import FinishedRun

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from apps.wardrobe.data import WardrobeData
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.play.tab import AppTab
    from rnn_keras.training.train import TrainedNetwork


class WardrobeApp(App):
    name = "wardrobe"
    description = (
        "Many to many in step: the weather goes in day by day, and what to wear comes out, given the past days."
    )
    config_class = WardrobeConfig
    figure_captions: ClassVar = {
        "week": "The accuracy by weekday, with and without memory.",
        "memory": "How many days back the network looks.",
    }
    monitor = "val_clothes_accuracy"
    search_space = SEARCH_SPACE
    inputs_are_files = True

    def check_source(self, config: WardrobeConfig) -> None:
        from apps.wardrobe.diary import check_source

        check_source(config.dataset, config.file_columns)

    def load_data(self, config: WardrobeConfig) -> "WardrobeData":
        from apps.wardrobe.data import load_diaries

        return load_diaries(config)

    def load_evaluation_data(self, model: "keras.Model", config: WardrobeConfig) -> "WardrobeData":
        from apps.wardrobe.data import load_diaries

        label: Any = model.get_layer("label")
        return load_diaries(config, label.get_vocabulary())

    def build_network(
        self, config: WardrobeConfig, data: "WardrobeData", optimizer: "keras.optimizers.Optimizer"
    ) -> "keras.Model":
        from apps.wardrobe.model import build_recommender

        recommender = build_recommender(config, len(data.names))
        outputs = ("clothes", "today_only")
        recommender.compile(
            optimizer=optimizer,
            loss=dict.fromkeys(outputs, "sparse_categorical_crossentropy"),
            weighted_metrics={name: ["accuracy"] for name in outputs},
        )
        return recommender

    def build_model(self, network: "keras.Model", data: "WardrobeData", config: WardrobeConfig) -> "keras.Model":
        from apps.wardrobe.model import build_wardrobe_model

        return build_wardrobe_model(network, data.names)

    def score(self, model: "keras.Model", data: "WardrobeData", split: str) -> dict[str, Any]:
        from apps.wardrobe.metrics import score_days
        from apps.wardrobe.model import NETWORK

        return score_days(model.get_layer(NETWORK), data.examples(split), data.follows_rules)

    def plot(
        self, trained: "TrainedNetwork", model: "keras.Model", data: "WardrobeData", config: WardrobeConfig
    ) -> "dict[str, Figure]":
        from apps.wardrobe.plots import make_plots

        return make_plots(trained.network, data.splits["test"], data.follows_rules, config.seed)

    def predict(self, run: FinishedRun, inputs: Sequence[bytes]) -> list[dict[str, Any]]:
        from apps.wardrobe.predict import suggest_clothes

        return suggest_clothes(run.model, inputs, run.config.file_columns)

    def export_spec(self, model: "keras.Model", config: WardrobeConfig, examples: int) -> "ExportSpec":
        from apps.wardrobe.export import export_spec

        return export_spec(model, config, examples)

    def play_tabs(self) -> "Sequence[AppTab]":
        from apps.wardrobe.play import TABS

        return TABS


if __name__ == "__main__":
    WardrobeApp().main()
