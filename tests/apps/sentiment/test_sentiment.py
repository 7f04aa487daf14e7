"""The sentiment app on tiny data, by its commands and by its parts."""

import csv
import io
import json
import re
import subprocess
import sys
import tracemalloc
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.naive_bayes import BernoulliNB

from apps.sentiment import naive_bayes
from apps.sentiment.__main__ import SentimentApp
from apps.sentiment.config import SentimentConfig
from apps.sentiment.hashed_ngrams import HashedNgrams, ngram_ids
from apps.sentiment.model import build_classifier, build_text_model
from apps.sentiment.naive_bayes import log_count_ratios, prior_knowledge, vectors_along
from apps.sentiment.plots import running_scores
from rnn_keras.data.batching import BucketedBatches
from rnn_keras.data.text_classification import load_text_dataset
from rnn_keras.export import parity
from rnn_keras.utils.errors import UserError
from tests.helpers.new_process import load_in_a_new_process
from tests.helpers.run_files import RUN_FILES

SMALL = ("--units", 8, "--embedding-units", 8, "--batch-size", 16, "--learning-rate", 0.02, "--epochs", 3)

VARIANTS = [
    {"cell": "simple_rnn", "pooling": "last"},
    {"cell": "lstm", "pooling": "max", "bidirectional": False, "layers": 2},
    {"cell": "gru", "pooling": "mean", "input": "one_hot", "word_dropout": 0.1},
    {"cell": "lstm", "pooling": "max_mean", "segment": 4},
]


def command(*arguments):
    SentimentApp().main([str(argument) for argument in arguments])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


def small(**settings):
    return SentimentConfig(**{"units": 6, "embedding_units": 5, "vocabulary_size": 50, **settings})


def test_a_run_leaves_what_is_promised(sentiment_run):
    metrics = json.loads((sentiment_run / "metrics.json").read_text())

    assert metrics["test"]["accuracy"] == 1.0  # one word decides
    assert {"total", "training"} <= set(metrics["seconds"])
    assert {path.name for path in sentiment_run.iterdir()} == RUN_FILES
    figures = {path.name for path in (sentiment_run / "plots").iterdir()}
    assert figures == {"learning_curves.png", "confusion.png", "lengths.png", "running_score.png"}


def test_evaluate_gives_the_metrics_of_training_again(sentiment_run, capfd):
    command("evaluate", "--run-dir", sentiment_run, "--json")
    out = capfd.readouterr().out

    assert len(out.splitlines()) == 1
    metrics = json.loads(out)
    stored = json.loads((sentiment_run / "metrics.json").read_text())["test"]
    assert metrics["accuracy"] == stored["accuracy"]
    assert metrics["loss"] == pytest.approx(stored["loss"], abs=1e-6)


def test_evaluate_scores_other_data_by_the_models_classes(sentiment_run, tmp_path, capfd):
    (tmp_path / "other.csv").write_text("label,text\n1,a lovely film\n1,lovely music\n0,awful\n1,awful actors\n")
    command("evaluate", "--run-dir", sentiment_run, "--dataset", tmp_path / "other.csv", "--split", "all", "--json")

    metrics = last_line(capfd)
    assert (metrics["accuracy"], metrics["examples"]) == (0.75, 4)


def test_predict_answers_each_input(sentiment_run, capfd):
    command("predict", "--run-dir", sentiment_run, "--json", "a lovely film", "an awful film", "", "🎉", "x" * 10**6)
    predictions = last_line(capfd)["predictions"]

    assert [answer["label"] for answer in predictions[:2]] == ["pos", "neg"]
    assert len(predictions) == 5
    assert all(0 <= answer["score"] <= 1 for answer in predictions)
    assert all(answer["probabilities"]["pos"] == answer["score"] for answer in predictions)


DISGUISES = [
    "a bril\u00adliant and lov\u200eely film",
    "a \u200fbrilliant\u2060 and lovely\ufeff film",
    "a\u00a0brilliant\u3000and\u2009lovely film",
    "\uff41 \uff42\uff52\uff49\uff4c\uff4c\uff49\uff41\uff4e\uff54 and lo\u200cvely film",
    "a brilliant and lovely \ufb01lm",
]


def test_texts_that_look_the_same_have_the_same_score(sentiment_run, capfd):
    command("predict", "--run-dir", sentiment_run, "--json", "a brilliant and lovely film", *DISGUISES)
    plain, *others = [answer["score"] for answer in last_line(capfd)["predictions"]]
    assert others == pytest.approx([plain] * len(others), abs=1e-6)


def test_predictions_for_the_rows_of_a_file(sentiment_run, tmp_path, capfd):
    table, output = tmp_path / "reviews.csv", tmp_path / "out" / "answers.csv"
    table.write_text('id;review;label\n7;"a lovely; film";?\n8;an awful film;?\n')
    file = ("predict", "--run-dir", sentiment_run, "--input", table, "--output")
    command(*file, output, "--column", "review", "--json")
    assert last_line(capfd) == {"output": str(output), "count": 2}
    with output.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["review"] for row in rows] == ["a lovely; film", "an awful film"]
    assert [(row["id"], row["predicted_label"]) for row in rows] == [("7", "pos"), ("8", "neg")]
    assert float(rows[0]["probabilities_pos"]) == float(rows[0]["score"]) > 0.5

    lines = tmp_path / "reviews.jsonl"
    lines.write_text('{"text": "a lovely film", "n": [1]}\n"an awful film"\n')
    command("predict", "--run-dir", sentiment_run, "--input", lines, "--output", tmp_path / "answers.jsonl")
    first, second = map(json.loads, (tmp_path / "answers.jsonl").read_text().splitlines())
    assert (first["text"], first["n"], first["label"]) == ("a lovely film", [1], "pos")
    assert (second["text"], second["label"]) == ("an awful film", "neg") and set(second["probabilities"]) == {
        "neg",
        "pos",
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("reviews.csv",), "reviews.csv is the name of a file, .* --input reviews.csv"),
        (("--input", "reviews.csv", "a text"), "both given"),
        (("--input", "none.csv"), "cannot read none.csv"),
        (("--input", "reviews.csv"), r"0 columns named 'text'.*with --column"),
        (("--input", "reviews.csv", "--output", "out.xlsx"), "ends in .csv or .jsonl"),
        (("--input", "reviews.csv", "--output", "./reviews.csv"), "is the input file"),
    ],
)
def test_mistakes_about_files_to_predict_for(sentiment_run, tmp_path, monkeypatch, capfd, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews.csv").write_text("review,label\na lovely film,pos\n")
    with pytest.raises(SystemExit):
        command("predict", "--run-dir", sentiment_run, *arguments)
    assert re.search(sentence, capfd.readouterr().err)
    assert (tmp_path / "reviews.csv").read_text() == "review,label\na lovely film,pos\n"


def test_predict_reads_lines_that_are_not_valid_text(sentiment_run, monkeypatch, capfd):
    lines = io.TextIOWrapper(io.BytesIO(b"lovely \xff\xfe\n\nawful\x00\n"))
    monkeypatch.setattr(sys, "stdin", lines)
    command("predict", "--run-dir", sentiment_run, "--json")

    labels = [answer["label"] for answer in last_line(capfd)["predictions"]]
    assert (labels[0], labels[2], len(labels)) == ("pos", "neg", 3)


def test_the_saved_model_scores_raw_text(sentiment_run, tmp_path, capfd):
    texts = ["a lovely film", "An AWFUL film<br />really", ""]
    command("predict", "--run-dir", sentiment_run, "--json", *texts)
    expected = last_line(capfd)["predictions"]
    options = ("--formats", "saved_model", "--examples", 0, "--json")
    command("export", "--run-dir", sentiment_run, "--saved-models", tmp_path, *options)
    served = tf.saved_model.load(last_line(capfd)["saved_model"]).signatures["serving_default"]
    scores = served(text=tf.constant(texts))["score"]
    np.testing.assert_allclose(scores, [answer["score"] for answer in expected], atol=1e-6)


@pytest.mark.slow
def test_the_saved_model_scores_raw_text_without_this_project(sentiment_run, tmp_path, export_here, capfd):
    texts = ["a lovely film", "An AWFUL film<br />really", "", "\N{PARTY POPPER}", "the plot " * 300]
    command("predict", "--run-dir", sentiment_run, "--json", *texts)
    expected = last_line(capfd)["predictions"]
    (tmp_path / "sentiment" / "1").mkdir(parents=True)  # an earlier version
    options = ("--formats", "saved_model,litert", "--examples", 0, "--json")
    command("export", "--run-dir", sentiment_run, "--saved-models", tmp_path, *options)
    assert last_line(capfd)["saved_model"] == str(tmp_path / "sentiment" / "2")

    program = (
        "import json, sys, tensorflow as tf\n"
        "model = tf.saved_model.load(sys.argv[1])\n"
        "out = model.signatures['serving_default'](text=tf.constant(json.loads(sys.argv[2])))\n"
        "print(json.dumps([out['score'].numpy().tolist(), [l.decode() for l in out['label'].numpy()]]))\n"
        "assert not [name for name in sys.modules if name.startswith(('rnn_keras', 'apps'))]\n"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path / "sentiment" / "2"), json.dumps(texts)]
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=tmp_path, check=True)
    scores, labels = json.loads(done.stdout.splitlines()[-1])

    assert labels == [answer["label"] for answer in expected]
    np.testing.assert_allclose(scores, [answer["score"] for answer in expected], atol=1e-6)


@pytest.mark.slow
def test_exported_files_agree_with_keras_and_none_is_replaced_by_one_that_differs(
    sentiment_run, tmp_path, capfd, monkeypatch, request
):
    """By child processes: the exports of the other apps' tests call their functions."""
    export = ("export", "--run-dir", sentiment_run, "--saved-models", tmp_path, "--json")
    formats = ("--formats", "saved_model,litert,onnx")
    command(*export, *formats, "--quantize", "none,int8")
    report = last_line(capfd)
    folder = tmp_path / "sentiment"

    assert report["report"] == json.loads((folder / "report.json").read_text())
    assert [(row["format"], row["quantisation"]) for row in report["report"]] == [
        ("keras", "none"),
        ("saved_model", "none"),
        ("onnx", "none"),
        ("litert", "none"),
        ("litert", "int8"),
    ]
    for row in report["report"][:4]:
        assert row["accuracy"] == row["agreement"] == 1 and row["largest_difference"] < 1e-5
        assert row["bytes"] > 0 and row["latency_ms"] > 0 and row["peak_mb"] > 10
    assert sorted(path.name for path in folder.iterdir()) == [
        "1",
        "latest",
        "predict.py",
        "report.json",
        "sentiment.onnx",
        "sentiment.tflite",
        "sentiment_int8.tflite",
    ]

    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    monkeypatch.setitem(parity.TOLERANCE, "none", -1.0)
    request.getfixturevalue("export_here")
    with pytest.raises(SystemExit):
        command(*export)
    assert "decides differently from Keras" in capfd.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before

    texts = ["a lovely film", "An AWFUL film<br />really", "", "\N{PARTY POPPER}", "the plot " * 300]
    command("predict", "--run-dir", sentiment_run, "--json", *texts)
    expected = last_line(capfd)["predictions"]
    for runner, file in (("LiteRTModel", "sentiment.tflite"), ("OnnxModel", "sentiment.onnx")):
        program = (
            "import json, sys\n"
            f"from rnn_keras.runtime import {runner}\n"
            f"print(json.dumps({runner}(sys.argv[1]).predict(json.loads(sys.argv[2]))))\n"
            "assert not {'tensorflow', 'keras', 'apps'} & set(sys.modules)\n"
        )
        arguments = [sys.executable, "-c", program, str(folder / file), json.dumps(texts)]
        answers = json.loads(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout)
        assert [answer["label"] for answer in answers] == [answer["label"] for answer in expected]
        np.testing.assert_allclose(
            [answer["score"] for answer in answers], [answer["score"] for answer in expected], atol=1e-5
        )


@pytest.mark.slow
def test_a_new_process_loads_the_model_with_one_import(sentiment_run):
    assert load_in_a_new_process("apps.sentiment.model", sentiment_run, "print(model.name)") == "sentiment"


def test_what_cannot_be_exported_is_a_sentence(sentiment_run, tmp_path, capfd):
    for options, sentence in (
        (("--formats", "onx"), "unknown 'onx'; expected some of saved_model, litert, onnx"),
        (("--quantize", "int4"), "unknown 'int4'; expected some of none, dynamic, float16, int8"),
    ):
        with pytest.raises(SystemExit):
            command("export", "--run-dir", sentiment_run, "--saved-models", tmp_path, *options)
        assert sentence in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_saved_model_file_predicts_the_same(sentiment_run, reviews):
    model = keras.models.load_model(sentiment_run / "model.keras")
    texts = load_text_dataset(str(reviews)).splits["test"].texts
    together = model.predict({"text": np.array(texts, dtype=object)}, verbose=0)["score"]
    alone = [model({"text": np.array([text], dtype=object)})["score"].numpy()[0] for text in texts]

    # Alone a text is not padded: the score does not depend on its neighbours in the batch.
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.slow
def test_words_of_a_label_column_with_three_classes(tmp_path, capfd):
    words = {"bad": "awful", "fair": "average", "good": "lovely"}
    rows = [f"{words[label]} {number % 7} film {number},{label}" for number in range(60) for label in words]
    (tmp_path / "three.csv").write_text("\n".join(["text,label", *rows]))
    small = ("--units", 8, "--epochs", 4, "--batch-size", 16, "--learning-rate", 0.02)
    command("train", "--dataset", tmp_path / "three.csv", "--run-dir", tmp_path / "run", *small)
    capfd.readouterr()
    command("predict", "--run-dir", tmp_path / "run", "--json", "an average film", "lovely")

    predictions = last_line(capfd)["predictions"]
    assert [answer["label"] for answer in predictions] == ["fair", "good"]
    assert list(predictions[0]["probabilities"]) == ["bad", "fair", "good"]
    assert sum(predictions[0]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert predictions[0]["score"] == predictions[0]["probabilities"]["fair"]


SLOW_VARIANTS = [VARIANTS[3], *(pytest.param(settings, marks=pytest.mark.slow) for settings in VARIANTS[:3])]


@pytest.mark.parametrize("settings", SLOW_VARIANTS, ids=lambda settings: "-".join(map(str, settings.values())))
class TestModel:
    def batch(self):
        generator = np.random.default_rng(2)
        sequences = [generator.integers(1, 50, size=generator.integers(2, 11)) for _ in range(16)]
        sequences = [ids.astype("int32") for ids in sequences]
        return BucketedBatches(sequences, np.arange(16) % 2, 16, shuffle=False)

    def compiled(self, settings):
        keras.utils.set_random_seed(1)
        no_dropout = {"dropout": 0.0, "embedding_dropout": 0.0, "word_dropout": 0.0}
        classifier = build_classifier(
            small(**settings, **{k: v for k, v in no_dropout.items() if k not in settings}), 50, 2
        )
        classifier.compile(optimizer=keras.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"])
        return classifier

    def test_one_step_moves_every_weight(self, settings):
        classifier = self.compiled(settings)
        before = [weight.numpy() for weight in classifier.trainable_variables]
        classifier.fit(self.batch().dataset(), epochs=1, verbose=0, shuffle=False)

        for weight, old in zip(classifier.trainable_variables, before, strict=True):
            assert np.any(weight.numpy() != old), weight.path

    @pytest.mark.slow
    def test_it_overfits_one_batch(self, settings):
        classifier = self.compiled(settings)
        classifier.fit(self.batch().dataset().repeat(), steps_per_epoch=150, verbose=0, shuffle=False)

        assert classifier.evaluate(self.batch().dataset(), verbose=0)[1] == 1.0

    def test_padding_changes_no_score(self, settings):
        classifier = self.compiled(settings)
        ids = self.batch().batch(np.arange(16))[0]
        padded = np.pad(ids, [(0, 0), (0, 9)])

        np.testing.assert_allclose(classifier(padded), classifier(ids), atol=1e-6)


def test_segments_give_the_same_as_each_segment_alone():
    settings = {"segment": 4, "pooling": "max", "cell": "gru"}
    keras.utils.set_random_seed(1)
    in_segments = build_classifier(small(**settings), 50, 2)
    whole = build_classifier(small(**{**settings, "segment": 0}), 50, 2)
    whole.set_weights(in_segments.get_weights())
    ids = np.random.default_rng(0).integers(1, 50, size=(3, 10)).astype("int32")

    # The pooled features before the output: the largest over the segments is that of the whole text.
    features = keras.Model(in_segments.input, in_segments.get_layer("largest").output)(ids)
    of_whole = keras.Model(whole.input, whole.get_layer("largest").output)
    alone = [of_whole(ids[:, start : start + 4]) for start in (0, 4, 8)]
    np.testing.assert_allclose(features, np.max(alone, axis=0), atol=1e-6)


def test_the_running_score_is_that_of_each_prefix():
    keras.utils.set_random_seed(1)
    classifier = build_classifier(small(), 50, 2)
    ids = np.array([4, 9, 2, 7], "int32")

    expected = [classifier(ids[None, : end + 1]).numpy()[0] for end in range(4)]
    np.testing.assert_allclose(running_scores(classifier, ids), expected, atol=1e-6)


def test_log_count_ratios_are_those_of_naive_bayes():
    texts = [[2, 4], [2, 4, 5], [3, 4], [3, 5, 4]] * 10
    sequences = [np.array(ids, "int32") for ids in texts]
    labels = np.array([1, 1, 0, 0] * 10)
    ratios = log_count_ratios(sequences, labels, 6).ratios

    model = BernoulliNB(alpha=1.0).fit([[word in ids for word in range(6)] for ids in texts], labels)
    # scikit-learn smooths by the number of texts, here it is by the number of words; both classes have as many.
    per_word = model.feature_log_prob_[1] - model.feature_log_prob_[0]
    np.testing.assert_allclose(ratios[:, 0], per_word, atol=1e-6)
    assert ratios[2, 0] == pytest.approx(np.log(21), rel=1e-6)


def count_ratios_of_all_words(sequences, labels, size):
    """The definition, with all words and all classes at once."""
    counts = np.zeros((labels.max() + 1, size))
    for ids, label in zip(sequences, labels, strict=True):
        counts[label, np.unique(ids)] += 1
    inside, outside = counts + 1, counts.sum(axis=0) - counts + 1
    ratios = np.log(inside / inside.sum(1, keepdims=True)) - np.log(outside / outside.sum(1, keepdims=True))
    ratios *= np.sqrt(np.minimum(1, counts.sum(axis=0) / 20))
    return (ratios[1:] if len(ratios) == 2 else ratios).T.astype("float32")


@pytest.mark.parametrize("classes", [2, 3, 40])
def test_log_count_ratios_in_blocks_are_those_of_all_words_at_once(classes, monkeypatch):
    monkeypatch.setattr(naive_bayes, "BLOCK", 100)
    generator = np.random.default_rng(classes)
    sequences = [generator.integers(0, 70, generator.integers(1, 9)).astype("int32") for _ in range(300)]
    labels = generator.permutation(np.arange(300) % classes).astype("int32")
    expected = count_ratios_of_all_words(sequences, labels, 90)

    np.testing.assert_array_equal(log_count_ratios(sequences, labels, 90).ratios, expected)
    directions = naive_bayes.draw_directions(expected.shape[1], 5, generator)
    projected = log_count_ratios(sequences, labels, 90, directions).ratios
    np.testing.assert_allclose(projected, expected @ directions, atol=1e-5)


def test_many_classes_do_not_multiply_the_memory():
    """A table of all bigrams and all classes would take 1.7 GB, and several would be made."""
    generator = np.random.default_rng(1)
    sequences = [generator.integers(1, 5000, 12).astype("int32") for _ in range(1200)]
    labels = (np.arange(1200) % 400).astype("int32")
    data = SimpleNamespace(
        inputs=lambda split: sequences,
        labels=lambda split: labels,
        vectorization=SimpleNamespace(vocabulary_size=lambda: 5000),
    )
    tracemalloc.start()
    known = prior_knowledge(SentimentConfig(), data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert known["ngrams"][2].ratios.shape == (524_288, 32) and known["word_vectors"].shape[0] == 5000
    assert peak < 400e6


def test_many_classes_do_not_multiply_the_memory_of_folds():
    sequences = [np.random.default_rng(text).integers(1, 50, 12).astype("int32") for text in range(400)]
    data = SimpleNamespace(
        inputs=lambda split: sequences,
        labels=lambda split: (np.arange(400) % 200).astype("int32"),
        vectorization=SimpleNamespace(vocabulary_size=lambda: 50),
    )
    known = prior_knowledge(SentimentConfig(folds=2, ngrams=3, buckets=64), data)["ngrams"]

    assert [known[length].held_out.shape for length in (1, 2, 3)] == [(2, 50, 4), (2, 64, 4), (2, 256, 4)]
    assert known[1].held_out.dtype == np.float16


def test_word_vectors_start_apart_by_what_words_say():
    ratios = np.array([[0.0], [2.0], [-1.0]], "float32")
    moved = vectors_along(ratios, 16, seed=3) - vectors_along(0 * ratios, 16, seed=3)

    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), [0, 2, 1], atol=1e-5)
    np.testing.assert_allclose(moved[1], -2 * moved[2], atol=1e-5)


def test_bigrams_tell_what_single_words_do_not():
    """The class is in the order of two words: no word alone says it, each pair does."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 200)
    sequences = [np.array([5, 2, 3] if label else [5, 3, 2], "int32") for label in labels]
    pairs = [ngram_ids(np.concatenate([[0], ids[:-1]]).astype("int32"), ids, 997) for ids in sequences]
    layer = HashedNgrams(2, 997)(np.array(sequences))

    np.testing.assert_array_equal(layer, pairs)
    assert np.abs(log_count_ratios(sequences, labels, 10).ratios).max() < 0.1
    ratios = log_count_ratios(pairs, labels, 997).ratios[:, 0]
    assert ratios[pairs[int(labels.argmax())][2]] > 3


def test_labels_come_from_the_classes_of_the_data():
    classifier = build_classifier(small(), 50, 3)
    vectorization = keras.layers.TextVectorization(vocabulary=["a", "b"], name="text_vectorization")
    model = build_text_model(vectorization, classifier, ["bad", "[UNK]", "good"])  # Keras's own word for the unknown
    out = model({"text": np.array(["a b", "b"], dtype=object)})

    expected = np.array(["bad", "[UNK]", "good"])[out["score"].numpy().argmax(axis=1)]
    assert [label.decode() for label in out["label"].numpy()] == expected.tolist()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"units": 0}, "--units must be at least 1, got 0"),
        ({"dropout": 1.0}, "--dropout must be at least 0 and below 1, got 1.0"),
        ({"segment": -1}, "--segment must be at least 0, got -1"),
        ({"vocabulary_size": 2}, "--vocabulary-size must be at least 3"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        SentimentConfig(**settings)
