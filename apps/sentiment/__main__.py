"""Many to one: a text -> how its writer feels. `python -m apps.sentiment --help`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from apps.sentiment.config import SEARCH_SPACE, SentimentConfig
from rnn_keras.cli.app import App

if TYPE_CHECKING:
    import keras

    from apps.sentiment.data import SentimentData
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.training.run_directory import RunDirectory


class SentimentApp(App):
    name = "sentiment"
    config_class = SentimentConfig
    what = "Many to one: a text goes in word by word, and one decision comes out, such as neg or pos."
    monitor = "val_accuracy"
    mode = "max"
    search_space = SEARCH_SPACE
    first_vectors = None  # the word vectors before training, `(vocabulary, embedding_units)`

    def require_source(self, dataset: str, data_dir: str | None) -> None:
        from rnn_keras.data.text_classification import require_source

        require_source(dataset, data_dir)

    def load(self, config: SentimentConfig) -> "SentimentData":
        from apps.sentiment.data import load

        return load(config)

    def build(self, config: SentimentConfig, data: "SentimentData", optimizer) -> "keras.Model":
        from apps.sentiment.data import prior_knowledge
        from apps.sentiment.model import build_scorer

        words, classes = data.vectorization.vocabulary_size(), len(data.texts.class_names)
        scorer = build_scorer(config, words, classes, **prior_knowledge(config, data))
        if config.input == "embedding":
            self.first_vectors = scorer.get_layer("embedding").get_weights()[0]
        loss = "binary_crossentropy" if classes == 2 else "sparse_categorical_crossentropy"
        scorer.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
        return scorer

    def assemble(self, network: "keras.Model", data: "SentimentData") -> "keras.Model":
        from apps.sentiment.model import build_text_model

        return build_text_model(data.vectorization, network, data.texts.class_names)

    def score(self, network: "keras.Model", data: "SentimentData", split: str) -> dict:
        from apps.sentiment.metrics import metrics

        return metrics(network, data.sequences[split], data.texts.splits[split])

    def draw(self, run: "RunDirectory", data: "SentimentData", network: "keras.Model") -> None:
        from apps.sentiment.plots import draw

        draw(run.plots, data, network, self.first_vectors)

    def evaluate(self, model: "keras.Model", dataset: str, data_dir: str | None, split: str) -> tuple[dict, list[str]]:
        from apps.sentiment.metrics import metrics
        from rnn_keras.data.text import encode
        from rnn_keras.data.text_classification import load_text_dataset

        texts = load_text_dataset(dataset, data_dir, class_names=model.get_layer("label").get_vocabulary())
        examples = texts.examples(split)
        sequences = encode(model.get_layer("text_vectorization"), examples.texts)
        return metrics(model.get_layer("scorer"), sequences, examples), texts.notes

    def predict(self, model: "keras.Model", inputs: Sequence[bytes]) -> list[dict]:
        from apps.sentiment.metrics import probabilities
        from rnn_keras.data.text import encode

        class_names = model.get_layer("label").get_vocabulary()
        answers = []
        sequences = encode(model.get_layer("text_vectorization"), list(inputs))
        for row in probabilities(model.get_layer("scorer"), sequences):
            score = float(row[1]) if len(class_names) == 2 else [float(value) for value in row]
            answers.append({"label": class_names[row.argmax()], "score": score})
        return answers

    def deployment(self, model: "keras.Model", config: SentimentConfig, examples: int) -> "ExportSpec":
        from apps.sentiment.export import deployment

        return deployment(model, config, examples)


if __name__ == "__main__":
    SentimentApp().main()
