"""Many to many in step: weather and yesterday's clothes -> today's. `python -m apps.wardrobe --help`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from apps.wardrobe.config import SEARCH_SPACE, WardrobeConfig
from rnn_keras.cli.app import App

if TYPE_CHECKING:
    import keras

    from apps.wardrobe.data import WardrobeData
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.training.run_directory import RunDirectory


class WardrobeApp(App):
    name = "wardrobe"
    config_class = WardrobeConfig
    what = "Many to many in step: the weather goes in day by day, and what to wear comes out, by what was worn before."
    monitor = "val_clothes_accuracy"
    mode = "max"
    search_space = SEARCH_SPACE

    def require_source(self, dataset: str, data_dir: str | None) -> None:
        from apps.wardrobe.data import require_source

        require_source(dataset)

    def load(self, config: WardrobeConfig) -> "WardrobeData":
        from apps.wardrobe.data import load

        return load(config)

    def build(self, config: WardrobeConfig, data: "WardrobeData", optimizer) -> "keras.Model":
        from apps.wardrobe.model import build_dresser

        dresser = build_dresser(config, len(data.names))
        outputs = ("clothes", "today_only")
        dresser.compile(
            optimizer=optimizer,
            loss=dict.fromkeys(outputs, "sparse_categorical_crossentropy"),
            weighted_metrics={name: ["accuracy"] for name in outputs},
        )
        return dresser

    def assemble(self, network: "keras.Model", data: "WardrobeData") -> "keras.Model":
        from apps.wardrobe.model import build_wardrobe_model

        return build_wardrobe_model(network, data.names)

    def score(self, network: "keras.Model", data: "WardrobeData", split: str) -> dict:
        from apps.wardrobe.metrics import score

        return score(network, data, split)

    def draw(self, run: "RunDirectory", data: "WardrobeData", network: "keras.Model") -> None:
        from apps.wardrobe.plots import draw

        draw(run.plots, data, network)

    def evaluate(self, model: "keras.Model", dataset: str, data_dir: str | None, split: str) -> tuple[dict, list[str]]:
        from apps.wardrobe.data import load_to_score
        from apps.wardrobe.metrics import score

        data = load_to_score(self.config, dataset, model.get_layer("label").get_vocabulary())
        return score(model.get_layer("dresser"), data, split), data.notes

    def predict(self, model: "keras.Model", inputs: Sequence[bytes]) -> list[dict]:
        from apps.wardrobe.predict import predict

        return predict(model, inputs)

    def export_spec(self, model: "keras.Model", config: WardrobeConfig, examples: int) -> "ExportSpec":
        from apps.wardrobe.export import export_spec

        return export_spec(model, config, examples)


if __name__ == "__main__":
    WardrobeApp().main()
