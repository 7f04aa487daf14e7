"""A small file of texts whose sentiment is in one word, which any of the app's models learns in seconds."""

import csv
import random

import pytest

SMALL = ("--units", "8", "--embedding-units", "8", "--batch-size", "16", "--learning-rate", "0.02", "--epochs", "3")


@pytest.fixture(scope="session")
def reviews(tmp_path_factory):
    generator = random.Random(4)
    fillers = ["the", "film", "was", "plot", "and", "actors", "a", "story", "it", "music"]
    rows = set()
    while len(rows) < 240:
        words = generator.choices(fillers, k=generator.randint(3, 12))
        label = generator.choice(["neg", "pos"])
        words.insert(generator.randrange(len(words)), {"neg": "awful", "pos": "lovely"}[label])
        rows.add((" ".join(words), label))
    path = tmp_path_factory.mktemp("data") / "reviews.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *sorted(rows)])
    return path


@pytest.fixture(scope="session")
def sentiment_run(reviews, tmp_path_factory):
    """A finished run on those texts, that no test changes."""
    from apps.sentiment.__main__ import SentimentApp

    run_dir = tmp_path_factory.mktemp("runs") / "sentiment"
    SentimentApp().main(["train", "--dataset", str(reviews), "--run-dir", str(run_dir), *SMALL])
    return run_dir
