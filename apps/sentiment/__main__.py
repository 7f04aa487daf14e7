"""Many to one: a text -> how its writer feels. `python -m apps.sentiment --help`."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from apps.sentiment.config import SentimentConfig
from rnn_keras.app import App, console

if TYPE_CHECKING:
    import keras

    from rnn_keras.training.run_directory import RunDirectory

MONITOR, MODE = "val_accuracy", "max"


class SentimentApp(App):
    name = "sentiment"
    config_class = SentimentConfig
    what = "Many to one: a text goes in word by word, and one decision comes out, such as neg or pos."

    def train(self, config: SentimentConfig, run: "RunDirectory") -> tuple["keras.Model", dict]:
        from apps.sentiment.data import evaluation_batches, load, prior_knowledge
        from apps.sentiment.model import build_scorer, build_text_model
        from rnn_keras.training.fit import fit

        started = time.perf_counter()
        console.print(f"reading {config.dataset} ...")
        data = load(config)
        for note in data.texts.notes:
            console.print(f"note: {note}")
        batches = data.training_batches(config)
        counts = ", ".join(f"{len(examples)} {split}" for split, examples in data.texts.splits.items())
        words = len(data.vectorization.get_vocabulary())
        console.print(
            f"{counts} texts; {words} words; {batches.padded_share:.1%} of the steps in training batches are padding, "
            f"{len(batches.distinct_shapes)} shapes"
        )
        classes = len(data.texts.class_names)
        scorer = build_scorer(config, words, classes, **prior_knowledge(config, data))
        scorer.compile(
            optimizer=config.make_optimizer(batches.number_of_batches),
            loss="binary_crossentropy" if classes == 2 else "sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        validation = evaluation_batches(data.sequences["validation"], data.texts.splits["validation"])
        prepared = time.perf_counter()
        rows = fit(
            scorer,
            lambda epoch: data.training_batches(config, epoch).dataset(),
            validation.dataset(),
            run,
            epochs=config.passes(batches.number_of_batches),
            patience=config.patience,
            monitor=MONITOR,
            mode=MODE,
        )
        trained = time.perf_counter()
        model = build_text_model(data.vectorization, scorer, data.texts.class_names)
        metrics = {
            split: self.score(scorer, data.sequences[split], data.texts.splits[split])
            for split in ("validation", "test")
        }
        metrics["seconds"] = {
            "data": round(prepared - started, 1),
            "training": round(trained - prepared, 1),
            "epoch": round(sum(row["seconds"] for row in rows) / len(rows), 1),
        }
        self.draw(run, rows, data, scorer, batches)
        return model, metrics

    def score(self, scorer: "keras.Model", sequences: list, examples) -> dict:
        """Metrics of word ids `(words,)` each against the examples' labels."""
        from sklearn import metrics as of

        probabilities = class_probabilities(predict_sequences(scorer, sequences))
        decided = probabilities.argmax(axis=1)
        classes = list(range(probabilities.shape[1]))
        return {
            "accuracy": float(of.accuracy_score(examples.labels, decided)),
            "macro_f1": float(of.f1_score(examples.labels, decided, average="macro")),
            "loss": float(of.log_loss(examples.labels, probabilities, labels=classes)),
            "examples": len(examples),
        }

    def draw(self, run: "RunDirectory", rows: list[dict], data, scorer: "keras.Model", batches) -> None:
        from apps.sentiment.plots import plot_running_scores
        from rnn_keras.training.plots import learning_curves, length_distribution

        learning_curves(rows, run.plots / "learning_curves.png", MONITOR, MODE)
        lengths = [len(ids) for ids in data.sequences["train"]]
        length_distribution(lengths, batches.boundaries, batches.padded_share, run.plots / "lengths.png")
        test = data.texts.splits["test"]
        # Texts that a line of words below the curve has room for.
        readable = [index for index, ids in enumerate(data.sequences["test"]) if 8 <= len(ids) <= 30][:4]
        if readable:
            plot_running_scores(
                scorer,
                data.vectorization,
                [data.sequences["test"][index] for index in readable],
                [data.texts.class_names[test.labels[index]] for index in readable],
                data.texts.class_names,
                run.plots / "running_score.png",
            )

    def evaluate(self, model: "keras.Model", config: SentimentConfig, dataset, data_dir, split) -> dict:
        from rnn_keras.data.labelled_texts import load_labelled_texts
        from rnn_keras.data.text import encode

        class_names = model.get_layer("label").get_vocabulary()
        # On its own data a model is scored on the splits it was trained on; other data may have fewer classes.
        own = dataset == config.dataset
        texts = load_labelled_texts(dataset, data_dir, class_names=None if own else class_names)
        for note in texts.notes:
            console.print(f"note: {note}")
        examples = texts.examples(split)
        sequences = encode(model.get_layer("text_vectorization"), examples.texts)
        return self.score(model.get_layer("scorer"), sequences, examples)

    def predict(self, model: "keras.Model", config: SentimentConfig, inputs: Sequence[bytes]) -> list[dict]:
        from rnn_keras.data.text import encode

        class_names = model.get_layer("label").get_vocabulary()
        sequences = encode(model.get_layer("text_vectorization"), list(inputs))
        probabilities = class_probabilities(predict_sequences(model.get_layer("scorer"), sequences))
        answers = []
        for row in probabilities:
            score = float(row[1]) if len(class_names) == 2 else [float(value) for value in row]
            answers.append({"label": class_names[row.argmax()], "score": score})
        return answers

    def endpoint(self, model: "keras.Model", config: SentimentConfig):
        import tensorflow as tf

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
        def serve(text):
            return model({"text": text}, training=False)

        return serve


def predict_sequences(scorer: "keras.Model", sequences: list):
    """The scorer's outputs `(n, outputs)` for word ids `(words,)` each, in their order."""
    from apps.sentiment.data import evaluation_batches

    batches = evaluation_batches(sequences)
    return batches.in_original_order(scorer.predict(batches.dataset(), verbose=0))


def class_probabilities(outputs):
    """The scorer's outputs as `(n, classes)`: with two classes it gives only that of the second, `(n, 1)`."""
    import numpy as np

    return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs


if __name__ == "__main__":
    SentimentApp().main()
