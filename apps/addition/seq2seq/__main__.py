"""Many to many: the text of a sum -> the text of its answer. `python -m apps.addition.seq2seq --help`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from apps.addition.config import SEARCH_SPACE
from apps.addition.seq2seq.config import AdditionSeq2SeqConfig
from rnn_keras.cli.app import App
from rnn_keras.cli.protocols import FinishedRun

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from apps.addition.data import SumData
    from apps.addition.seq2seq.model import AdditionSeq2SeqModel
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.training.train import TrainedNetwork


class AdditionSeq2SeqApp(App):
    name = "addition_seq2seq"
    description = "Many to many: the text of a sum goes in character by character, and then the answer comes out."
    config_class = AdditionSeq2SeqConfig
    monitor = "val_accuracy"
    search_space = SEARCH_SPACE

    def check_source(self, config: Any) -> None:
        from apps.addition.source import check_source

        check_source(config)

    def load_data(self, config: AdditionSeq2SeqConfig) -> "SumData":
        from apps.addition.data import load_sums
        from apps.addition.seq2seq.data import make_text_batches

        return load_sums(config, make_text_batches)

    def load_evaluation_data(self, model: "keras.Model", config: AdditionSeq2SeqConfig) -> "SumData":
        from apps.addition.data import load_sums
        from apps.addition.seq2seq.data import make_text_batches

        return load_sums(config, make_text_batches, for_training=False)

    def build_network(
        self, config: AdditionSeq2SeqConfig, data: "SumData", optimizer: "keras.optimizers.Optimizer"
    ) -> "keras.Model":
        from apps.addition.seq2seq.model import build_network
        from rnn_keras.training.losses import SmoothedCrossentropy

        network = build_network(config)
        network.compile(optimizer=optimizer, loss=SmoothedCrossentropy(0.0), weighted_metrics=["accuracy"])
        return network

    def build_model(
        self, network: "keras.Model", data: "SumData", config: AdditionSeq2SeqConfig
    ) -> "AdditionSeq2SeqModel":
        from apps.addition.seq2seq.data import count_question_characters
        from apps.addition.seq2seq.model import build_answer_model

        return build_answer_model(network, count_question_characters(data.train))

    def score(self, model: "AdditionSeq2SeqModel", data: "SumData", split: str) -> dict[str, Any]:
        from apps.addition.seq2seq.metrics import score_answers

        return score_answers(model, data.examples(split))

    def plot(
        self, trained: "TrainedNetwork", model: "AdditionSeq2SeqModel", data: "SumData", config: AdditionSeq2SeqConfig
    ) -> "dict[str, Figure]":
        from apps.addition.digit_columns import add_columns
        from apps.addition.seq2seq.metrics import check_answers
        from apps.addition.seq2seq.plots import plot_exact_by_carries
        from apps.addition.sums import merge_groups

        test = merge_groups(data.splits["test"])
        carries = add_columns(test.columns)[1].sum(axis=1)
        return {"exact_by_carries": plot_exact_by_carries(check_answers(model, test), carries)}

    def read_inputs(self, inputs: Sequence[bytes]) -> list[bytes]:
        from apps.addition.predict import join_numbers

        return join_numbers(inputs)

    def predict(self, run: FinishedRun, inputs: Sequence[bytes]) -> list[str]:
        from apps.addition.predict import parse_inputs

        questions = ["+".join(pair) for pair in parse_inputs(inputs)]
        return run.model.generator.generate(questions, "greedy").texts

    def export_spec(self, model: "keras.Model", config: AdditionSeq2SeqConfig, examples: int) -> "ExportSpec":
        from apps.addition.seq2seq.export import export_spec

        return export_spec(model, config, examples)


if __name__ == "__main__":
    AdditionSeq2SeqApp().main()
