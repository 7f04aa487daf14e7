"""Many to many in step: two numbers -> their sum, digit by digit. `python -m apps.addition --help`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from apps.addition.config import SEARCH_SPACE, AdditionConfig
from rnn_keras.cli.app import App
from rnn_keras.cli.protocols import FinishedRun

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from apps.addition.data import SumData
    from apps.addition.model import AdditionModel
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.play.tab import AppTab
    from rnn_keras.training.train import TrainedNetwork


class AdditionApp(App):
    name = "addition"
    description = "Many to many in step: two numbers go in column by column, and their sum comes out."
    config_class = AdditionConfig
    figure_captions: ClassVar = {
        "exact_by_digits": "The share of sums that are right to the last digit, by the length of the numbers.",
        "state": "The hidden state after each column of one sum, and the carry that a linear probe reads from it.",
        "carry_by_age": "How sure the probe is of a carry, by the number of columns that have passed it on.",
    }
    monitor = "val_accuracy"
    search_space = SEARCH_SPACE

    def check_source(self, config: Any) -> None:
        from apps.addition.source import check_source

        check_source(config)

    def load_data(self, config: AdditionConfig) -> "SumData":
        from apps.addition.data import LONG_DIGITS, load_sums, make_column_batches

        return load_sums(config, make_column_batches, long_digits=LONG_DIGITS)

    def load_evaluation_data(self, model: "keras.Model", config: AdditionConfig) -> "SumData":
        from apps.addition.data import LONG_DIGITS, load_sums, make_column_batches

        return load_sums(config, make_column_batches, long_digits=LONG_DIGITS, for_training=False)

    def build_network(
        self, config: AdditionConfig, data: "SumData", optimizer: "keras.optimizers.Optimizer"
    ) -> "keras.Model":
        from apps.addition.model import build_adder

        adder = build_adder(config)
        adder.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return adder

    def build_model(self, network: "keras.Model", data: "SumData", config: AdditionConfig) -> "AdditionModel":
        from apps.addition.model import build_sum_model
        from apps.addition.probe import fit_carry_probe

        return build_sum_model(network, fit_carry_probe(network, data.train))

    def score(self, model: "AdditionModel", data: "SumData", split: str) -> dict[str, Any]:
        from apps.addition.metrics import score_sums

        return score_sums(model, data.examples(split))

    def plot(
        self, trained: "TrainedNetwork", model: "AdditionModel", data: "SumData", config: AdditionConfig
    ) -> "dict[str, Figure]":
        from apps.addition.plots import make_plots

        return make_plots(model, config.seed)

    def read_inputs(self, inputs: Sequence[bytes]) -> list[bytes]:
        from apps.addition.predict import join_numbers

        return join_numbers(inputs)

    def predict(self, run: FinishedRun, inputs: Sequence[bytes]) -> list[str]:
        from apps.addition.predict import predict_sums

        return predict_sums(run.model, inputs, run.directory.plots / "prediction.png" if run.draws_figures else None)

    def export_spec(self, model: "keras.Model", config: AdditionConfig, examples: int) -> "ExportSpec":
        from apps.addition.export import export_spec

        return export_spec(model, config, examples)

    def play_tabs(self) -> "Sequence[AppTab]":
        from apps.addition.play import TABS

        return TABS


if __name__ == "__main__":
    AdditionApp().main()
