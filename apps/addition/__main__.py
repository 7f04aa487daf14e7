"""Many to many in step: two numbers -> their sum, digit by digit. `python -m apps.addition --help`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from apps.addition.config import SEARCH_SPACE, AdditionConfig
from rnn_keras.cli.app import App

if TYPE_CHECKING:
    import keras

    from apps.addition.data import AdditionData
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.training.run_directory import RunDirectory


class AdditionApp(App):
    name = "addition"
    config_class = AdditionConfig
    what = "Many to many in step: two numbers go in column by column, and their sum comes out; the carry is the memory."
    monitor = "val_accuracy"
    mode = "max"
    search_space = SEARCH_SPACE

    def require_source(self, dataset: str, data_dir: str | None) -> None:
        from apps.addition.data import require_source

        require_source(dataset)

    def load(self, config: AdditionConfig) -> "AdditionData":
        from apps.addition.data import load

        return load(config)

    def build(self, config: AdditionConfig, data: "AdditionData", optimizer) -> "keras.Model":
        if config.order == "reading":
            from apps.addition.reading import build_network
            from rnn_keras.training.losses import SmoothedCrossentropy

            network = build_network(config)
            network.compile(optimizer=optimizer, loss=SmoothedCrossentropy(0.0), weighted_metrics=["accuracy"])
            return network
        from apps.addition.model import build_adder

        adder = build_adder(config)
        adder.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return adder

    def assemble(self, network: "keras.Model", data: "AdditionData") -> "keras.Model":
        if data.config.order == "reading":
            from apps.addition.reading import build_writer

            return build_writer(network, data)
        from apps.addition.model import build_sum_model, carry_probe

        return build_sum_model(network, carry_probe(network, data.train))

    def score(self, network: "keras.Model", data: "AdditionData", split: str) -> dict:
        from apps.addition.metrics import metrics

        return metrics(self.assemble(network, data), data.config.order, data.splits[split])

    def draw(self, run: "RunDirectory", data: "AdditionData", network: "keras.Model") -> None:
        from apps.addition.plots import draw

        draw(run.plots, data, self.assemble(network, data))

    def evaluate(self, model: "keras.Model", dataset: str, data_dir: str | None, split: str) -> tuple[dict, list[str]]:
        from apps.addition.data import load_to_score
        from apps.addition.metrics import metrics

        data = load_to_score(self.config, dataset)
        return metrics(model, self.config.order, data.examples(split)), data.notes

    def questions(self, inputs: Sequence[bytes]) -> list[bytes]:
        from apps.addition.predict import questions

        return questions(inputs)

    def predict(self, model: "keras.Model", inputs: Sequence[bytes]) -> list[str]:
        from apps.addition.predict import by_columns, in_reading_order

        if self.config.order == "reading":
            return in_reading_order(model, inputs)
        return by_columns(model, self.run.plots / "prediction.png", inputs)

    def deployment(self, model: "keras.Model", config: AdditionConfig, examples: int) -> "ExportSpec":
        from apps.addition.export import by_columns, in_reading_order

        return (in_reading_order if config.order == "reading" else by_columns)(model, config, examples)


if __name__ == "__main__":
    AdditionApp().main()
