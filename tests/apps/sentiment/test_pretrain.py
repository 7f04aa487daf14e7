"""Texts without labels: what is read, what the classifier starts from, and the comparison by the number of labels."""

import json

import numpy as np
import pytest

from apps.sentiment.__main__ import SentimentApp
from apps.sentiment.config import SentimentConfig
from apps.sentiment.data import load_sentiment_data
from apps.sentiment.few_labels import summarise
from apps.sentiment.model import build_classifier, list_pretrained_layers
from rnn_keras.data.text_classification import load_text_dataset
from rnn_keras.utils.errors import UserError

TINY = ("--units", 2, "--embedding-units", 3, "--ngrams", 1, "--epochs", 1, "--pretrain-epochs", 1)


def command(*arguments):
    SentimentApp().main([str(argument) for argument in arguments])


@pytest.fixture
def own_texts(reviews, tmp_path):
    """New words, a text of the test split, and one of the train split."""
    splits = load_text_dataset(str(reviews)).splits
    known = [splits[split].texts[0] for split in ("test", "train")]
    file = tmp_path / "own.txt"
    file.write_text("\n".join(["a zebra and a quagga", "the quagga met a zebra", *map(str, known)]))
    return file


def test_the_vocabulary_has_the_words_of_all_texts_and_no_text_is_one_of_the_test_split(reviews, own_texts):
    config = SentimentConfig(dataset=str(reviews), pretrain=str(own_texts))
    data, plain = load_sentiment_data(config), load_sentiment_data(SentimentConfig(dataset=str(reviews)))
    train = len(data.labels("train"))

    assert {"zebra", "quagga"} <= set(data.vectorization.get_vocabulary())
    assert "zebra" not in plain.vectorization.get_vocabulary()
    assert len(data.unlabelled) == train + 2 and not plain.unlabelled
    assert any(note.startswith("1 texts of") and "left out" in note for note in data.notes)
    for ids, expected in zip(data.unlabelled[:train], data.inputs("train"), strict=True):
        np.testing.assert_array_equal(ids, expected)


def test_few_labels_are_drawn_by_class_and_the_other_texts_stay(reviews):
    config = SentimentConfig(dataset=str(reviews), pretrain="train", labelled=20)
    data, everything = load_sentiment_data(config), load_text_dataset(str(reviews)).splits
    labels = data.labels("train")

    assert len(labels) == 20 and abs(labels.mean() - everything["train"].labels.mean()) < 0.05
    assert set(data.dataset.splits["train"].texts) < set(everything["train"].texts)
    assert len(data.unlabelled) == len(everything["train"])
    assert data.dataset.splits["test"].texts == everything["test"].texts
    again = load_sentiment_data(config).dataset.splits["train"].texts
    other = (
        load_sentiment_data(SentimentConfig(dataset=str(reviews), labelled=20, seed=2)).dataset.splits["train"].texts
    )
    assert data.dataset.splits["train"].texts == again != other


@pytest.mark.parametrize(("is_bidirectional", "names"), [(True, ["bidirectional_1"]), (False, ["gru_1", "gru_2"])])
def test_the_layers_that_can_predict_words_are_pretrained(is_bidirectional, names):
    config = SentimentConfig(cell="gru", units=2, layers=2, embedding_units=3, bidirectional=is_bidirectional)
    embedding, layers = list_pretrained_layers(build_classifier(config, 10, 2))

    assert embedding.output_dim == 3 and [layer.name for layer in layers] == names


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"pretrain": "train", "input": "one_hot"}, "--pretrain must be used with --input embedding, got train"),
        ({"labelled": 0}, "--labelled must be at least 1, got 0"),
        ({"pretrain_epochs": 0}, "--pretrain-epochs must be at least 1, got 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        SentimentConfig(**settings)


def test_more_labels_than_there_are_texts_are_refused(reviews, tmp_path, capfd):
    with pytest.raises(UserError, match="--labelled must be at least 4, two for each class, and below the number"):
        load_sentiment_data(SentimentConfig(dataset=str(reviews), labelled=10**6))
    with pytest.raises(SystemExit):
        command("train", "--dataset", reviews, "--pretrain", tmp_path / "none.txt", "--run-dir", tmp_path / "run")
    assert "none.txt; expected a .txt file with a text on each line" in capfd.readouterr().err


def test_the_summary_has_the_means_over_the_seeds():
    rows = [
        {"labels": labels, "seed": seed, "pretrained": pretrained, "accuracy": 0.5 + 0.1 * pretrained + 0.02 * seed}
        for labels in (500, 100)
        for seed in (1, 2)
        for pretrained in (False, True)
    ]
    summary = summarise(rows)
    assert [row["labels"] for row in summary] == [100, 500]
    assert summary[0]["without"] == pytest.approx(0.53) and summary[0]["with pretraining"] == pytest.approx(0.63)


@pytest.mark.slow
def test_a_run_starts_from_the_pretrained_layers_and_few_labels_pretrains_once(reviews, own_texts, tmp_path, capfd):
    command("train", "--dataset", reviews, "--pretrain", own_texts, "--run-dir", tmp_path / "run", *TINY)
    out = capfd.readouterr().out
    assert "pretraining on" in out and "pretrained: perplexity" in out and "left out" in out
    assert (tmp_path / "run/checkpoint/pretraining.npz").exists() and (tmp_path / "run/metrics.json").exists()

    few = ("few-labels", "--dataset", reviews, "--labels", "20", "--run-dir", tmp_path / "few", "--json", *TINY)
    command(*few, "--seeds", 1)
    (file,) = (tmp_path / "few").glob("pretraining_seed1_*.npz")
    before = file.stat().st_mtime_ns
    command(*few, "--seeds", 1, "--labels", "20,30")
    rows = json.loads(capfd.readouterr().out.splitlines()[-1])["few_labels"]

    assert [(row["labels"], row["pretrained"]) for row in rows] == [(20, False), (20, True), (30, False), (30, True)]
    assert file.stat().st_mtime_ns == before and (tmp_path / "few/few_labels.png").exists()
    assert all(0 <= row["accuracy"] <= 1 and row["processor_seconds"] > 0 for row in rows)
