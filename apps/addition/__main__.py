"""Many to many in step: two numbers -> their sum, digit by digit. `python -m apps.addition --help`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from apps.addition.config import SEARCH_SPACE, AdditionConfig
from rnn_keras.app import App

if TYPE_CHECKING:
    import keras

    from apps.addition.data import AdditionData
    from rnn_keras.export.deployment import Deployment
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
        from apps.addition.model import build_adder

        adder = build_adder(config)
        adder.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return adder

    def assemble(self, network: "keras.Model", data: "AdditionData") -> "keras.Model":
        from apps.addition.model import build_sum_model, carry_probe

        return build_sum_model(network, carry_probe(network, data.train))

    def score(self, network: "keras.Model", data: "AdditionData", split: str) -> dict:
        from apps.addition.metric import column_metrics

        return column_metrics(self.assemble(network, data), data.splits[split])

    def draw(self, run: "RunDirectory", data: "AdditionData", network: "keras.Model") -> None:
        from apps.addition.plots import draw

        draw(run.plots, data, self.assemble(network, data))

    def evaluate(self, model: "keras.Model", dataset: str, data_dir: str | None, split: str) -> tuple[dict, list[str]]:
        from apps.addition.data import load_to_score
        from apps.addition.metric import column_metrics

        data = load_to_score(self.config, dataset)
        return column_metrics(model, data.examples(split)), data.notes

    def questions(self, inputs: Sequence[bytes]) -> list[bytes]:
        from apps.addition.predict import questions

        return questions(inputs)

    def predict(self, model: "keras.Model", inputs: Sequence[bytes]) -> list[str]:
        from apps.addition.predict import by_columns

        return by_columns(model, self.run.plots / "prediction.png", inputs)

    def deployment(self, model: "keras.Model", config: AdditionConfig, examples: int) -> "Deployment":
        from apps.addition.deployment import deployment

        return deployment(model, config, examples)


if __name__ == "__main__":
    AdditionApp().main()
