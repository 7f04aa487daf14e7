"""Builders by name: known and unknown ones, hosts that answer and that do not."""

import http.server
import threading
import time
import urllib.error

import pytest

from rnn_keras.data import tfds_source
from rnn_keras.data.text_classification import SOURCE
from rnn_keras.data.tfds_source import _any_answers
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
