"""Many to one: a text -> how its writer feels. `python -m apps.sentiment --help`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from apps.sentiment.config import SEARCH_SPACE, TRAINING_TEXTS, SentimentConfig
from rnn_keras.cli import TextClassifierApp

if TYPE_CHECKING:
    import keras
    import numpy as np
    from matplotlib.figure import Figure

    from apps.sentiment.data import SentimentData
    from rnn_keras.data.text_data import TextData
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.play.tab import AppTab
    from rnn_keras.training.run_directory import RunDirectory
    from rnn_keras.training.train import TrainedNetwork


class SentimentApp(TextClassifierApp):
    name = "sentiment"
    description = "Many to one: a text goes in word by word, and one class comes out, such as neg or pos."
    config_class = SentimentConfig
    figure_captions: ClassVar = {
        "running_score": "The score after each word of a few test sentences.",
        "word_vectors": "How similar some words are one-hot, before and after training, and what a word costs.",
    }
    monitor = "val_accuracy"
    search_space = SEARCH_SPACE

    def check_source(self, config: SentimentConfig) -> None:
        from rnn_keras.data.unlabelled_texts import check_unlabelled_texts

        super().check_source(config)
        if config.pretrain not in (None, TRAINING_TEXTS):
            check_unlabelled_texts(config.pretrain, config.text_column)

    def load_data(self, config: SentimentConfig) -> "SentimentData":
        from apps.sentiment.data import load_sentiment_data

        return load_sentiment_data(config)

    def build_network(self, config: SentimentConfig, data: "TextData", optimizer) -> "keras.Model":
        from apps.sentiment.model import build_classifier
        from apps.sentiment.naive_bayes import prior_knowledge

        words, classes = data.vectorization.vocabulary_size(), len(data.class_names)
        classifier = build_classifier(config, words, classes, **prior_knowledge(config, data))
        loss = "binary_crossentropy" if classes == 2 else "sparse_categorical_crossentropy"
        classifier.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
        return classifier

    def pretrain(
        self, network: "keras.Model", config: SentimentConfig, data: "SentimentData", run: "RunDirectory"
    ) -> None:
        if config.pretrain is not None:
            from apps.sentiment.model import list_pretrained_layers
            from rnn_keras.training.pretraining import pretrain
            from rnn_keras.utils.terminal import console

            pretrain(
                *list_pretrained_layers(network),
                data.unlabelled,
                data.inputs("validation"),
                run,
                epochs=config.pretrain_epochs,
                add_vectors=config.naive_bayes > 0,  # which may say what naive Bayes knows
                show=console.print,
            )

    def build_model(self, network: "keras.Model", data: "TextData", config: SentimentConfig) -> "keras.Model":
        from apps.sentiment.model import build_text_model

        return build_text_model(data.vectorization, network, data.class_names)

    def describe_score(self, probabilities: "np.ndarray") -> float:
        """That of the second of two classes; of more, that of the label."""
        return float(probabilities[1]) if len(probabilities) == 2 else float(probabilities.max())

    def plot(
        self, trained: "TrainedNetwork", model: "keras.Model", data: "TextData", config: SentimentConfig
    ) -> "dict[str, Figure]":
        from apps.sentiment.plots import make_plots

        return super().plot(trained, model, data, config) | make_plots(trained, data)

    def export_spec(self, model: "keras.Model", config: SentimentConfig, examples: int) -> "ExportSpec":
        from apps.sentiment.export import export_spec

        return export_spec(model, config, examples)

    def commands(self) -> "dict[str, Callable[..., None]]":
        from apps.sentiment.commands import make_few_labels

        return {"few-labels": make_few_labels(self)}

    def play_tabs(self) -> "Sequence[AppTab]":
        from apps.sentiment.play import TABS

        return TABS


if __name__ == "__main__":
    SentimentApp().main()
