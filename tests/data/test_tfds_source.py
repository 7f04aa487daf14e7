"""Builders by name: known and unknown ones, hosts that answer and that do not."""

import http.server
import threading
import time
import urllib.error

import numpy as np
import pytest
import tensorflow_datasets as tfds

from rnn_keras.data import tfds_source
from rnn_keras.data.text_classification import SOURCE
from rnn_keras.data.tfds_source import _any_answers, describe_features
from rnn_keras.utils.errors import UserError


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("imdb_review", "unknown dataset 'imdb_review': .*did you mean imdb_reviews"),
        ("movie_snippet", "did you mean movie_snippets"),
        ("qqqqqqqq", "packaged: movie_snippets"),
        ("huggingface:imdb", "unknown dataset"),
        ("", "unknown dataset ''"),
        ("imdb_reviews/nothing", r"TFDS cannot make 'imdb_reviews/nothing': BuilderConfig nothing not found"),
        ("imdb_reviews:9.9.9", r"cannot be loaded at version 9\.9\.9, only: 1\.0\.0"),
    ],
)
def test_unknown_names(name, words, tmp_path):
    with pytest.raises(UserError, match=words) as caught:
        SOURCE.prepare(name, str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_directory_that_is_not_utf8_is_a_sentence():
    with pytest.raises(UserError, match=r"is not a name in UTF-8, .* name another folder with --data-dir"):
        SOURCE.prepare("movie_snippets", "/caf\udce9")


def test_own_builders_are_known_by_name():
    assert SOURCE.has_own_builder("movie_snippets") and SOURCE.has_own_builder("movie_snippets:1.0.0")
    assert not SOURCE.has_own_builder("imdb_reviews") and not SOURCE.has_own_builder("movie_snippets.csv")


def test_without_download(tmp_path):
    with pytest.raises(UserError, match=r"imdb_reviews is not prepared in .* and downloading was not allowed"):
        SOURCE.prepare("imdb_reviews", str(tmp_path), download=False)


@pytest.mark.parametrize("way", ["refused", "silent"])
def test_an_unreachable_host_is_an_error_within_five_seconds(way, tmp_path, monkeypatch):
    def away(request, timeout):
        if way == "silent":
            time.sleep(20)
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(tfds_source.urllib.request, "urlopen", away)
    start = time.perf_counter()
    with pytest.raises(
        UserError, match=r"imdb_reviews .*aclImdb_v1\.tar\.gz \(80\.\d+ MiB\).*--data-dir.*movie_snippets"
    ):
        SOURCE.prepare("imdb_reviews", str(tmp_path))
    assert time.perf_counter() - start < 5


@pytest.fixture
def server():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(int(self.path.strip("/")))
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_what_counts_as_an_answer(server, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    closed = "http://127.0.0.1:9/"
    assert _any_answers([f"{server}/200"])
    assert _any_answers([f"{server}/404"])
    assert _any_answers([closed, f"{server}/200"])
    assert not _any_answers([f"{server}/503"])
    assert not _any_answers([closed])


def test_features_are_described_with_their_types():
    features = tfds.features.FeaturesDict(
        {
            "text": tfds.features.Text(),
            "tags": tfds.features.Sequence(np.int64),
            "frames": tfds.features.Tensor(shape=(None, 3), dtype=np.float32),
        }
    )
    sentence = describe_features(features)
    assert "text (Text)" in sentence and "tags (int64)" in sentence and "frames (float32 (None, 3))" in sentence
    assert "tags is a number, and a label must be a tfds.features.ClassLabel" in sentence
    classes = tfds.features.FeaturesDict({"label": tfds.features.ClassLabel(num_classes=2), "id": np.int64})
    assert describe_features(classes) in (
        "its features are label (ClassLabel), id (int64)",
        "its features are id (int64), label (ClassLabel)",
    )
