"""The language app on tiny texts, by its commands and by its parts."""

import json
import tracemalloc

import keras
import numpy as np
import pytest
import tensorflow as tf

from apps.language.__main__ import LanguageApp
from apps.language.config import LanguageConfig
from apps.language.metrics import compute_bits, unigram_bits
from apps.language.model import build_network, build_text_model
from apps.language.plots import plot_bits
from apps.language.predict import sample_ids
from apps.language.reader import CharacterReader
from apps.language.texts import Text, decode_ids, divide_text, encode_text, load_text
from rnn_keras.utils import memory
from rnn_keras.utils.errors import UserError
from tests.helpers.new_process import load_in_a_new_process


def command(*arguments):
    LanguageApp().main([str(argument) for argument in arguments])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


@pytest.fixture(scope="module")
def verse(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "verse.txt"
    path.write_text("ab ba\ncc, dé. " * 400, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def language_run(verse, tmp_path_factory):
    """A finished run on that text, that no test changes."""
    run_dir = tmp_path_factory.mktemp("runs") / "language"
    small = ("--units", 16, "--window", 16, "--batch-size", 8, "--learning-rate", 0.03, "--epochs", 4)
    command("train", "--dataset", verse, "--run-dir", run_dir, *small, "--characters", 28, "--temperature", 0.1)
    return run_dir


def test_a_run_leaves_what_is_promised(language_run):
    metrics = json.loads((language_run / "metrics.json").read_text())["test"]
    assert metrics["bits_per_character"] < 0.2 < 2.5 < metrics["without_memory"]
    assert metrics["characters"] == 280 and metrics["unknown_share"] == 0
    assert {path.name for path in (language_run / "plots").iterdir()} == {"learning_curves.png", "bits.png"}


def test_evaluate_scores_any_text(language_run, verse, tmp_path, capfd):
    command("evaluate", "--run-dir", language_run, "--json")
    stored = json.loads((language_run / "metrics.json").read_text())["test"]
    assert last_line(capfd)["bits_per_character"] == pytest.approx(stored["bits_per_character"], abs=1e-5)

    (tmp_path / "short.txt").write_text("ab ba\ncc, dé. ab x")
    command("evaluate", "--run-dir", language_run, "--dataset", tmp_path / "short.txt", "--split", "all", "--json")
    metrics = last_line(capfd)
    assert metrics["characters"] == 18 and metrics["unknown_share"] == pytest.approx(1 / 18)
    with pytest.raises(SystemExit):
        command("evaluate", "--run-dir", language_run, "--dataset", tmp_path / "short.txt")
    assert "has 1 characters, expected at least 2" in capfd.readouterr().err


def test_prompts_are_continued_as_the_run_or_the_flags_say(language_run, capfd):
    options = ("--run-dir", language_run, "--json")
    command("predict", "ab ba\n", "cc", *options)
    texts = [prediction["text"] for prediction in last_line(capfd)["predictions"]]
    assert texts == ["ab ba\n" + ("cc, dé. ab ba\n" * 3)[:28], "cc" + (", dé. ab ba\ncc" * 3)[:28]]

    command("write", "ab ba\n", "--characters", 5, *options)
    assert last_line(capfd)["text"] == "ab ba\ncc, d"
    command("write", "ab ba\n", "--characters", 200, "--temperature", 5, "--seed", 2, *options)
    assert len(last_line(capfd)["text"]) == 206


@pytest.mark.slow
def test_the_exported_files_are_compared_with_keras(language_run, tmp_path, export_here, capfd):
    options = ("--run-dir", language_run, "--saved-models", tmp_path, "--json")
    command("export", *options, "--formats", "saved_model,litert", "--quantize", "none,dynamic,int8")
    report = last_line(capfd)["report"]
    assert [row["format"] for row in report] == ["keras", "saved_model", "litert", "litert", "litert"]
    assert all(row["agreement"] > 0.97 and row["accuracy"] > 0.95 for row in report)


@pytest.mark.slow
def test_a_new_process_loads_the_model_with_one_import(language_run):
    use = "print(model({'text': tf.constant(['ab ba\\ncc, d'])})['next'].numpy()[0].decode() == 'é')"
    assert load_in_a_new_process("apps.language.model", language_run, use) == "True"


def test_a_users_mistakes_are_one_sentence(language_run, tmp_path, capfd):
    (tmp_path / "short.txt").write_text("too short")
    (tmp_path / "latin.txt").write_bytes("é".encode("latin-1") * 3000)
    train = ("train", "--run-dir", tmp_path / "run", "--dataset")
    for arguments, sentence in (
        ((*train, tmp_path / "none.txt"), "no such file"),
        ((*train, tmp_path / "short.txt"), "has 9 characters: expected at least"),
        ((*train, tmp_path / "latin.txt"), "is not UTF-8 (byte 0)"),
        ((*train, tmp_path / "short.txt", "--temperature", 0), "--temperature must be above 0"),
        (("write", "a", "--run-dir", language_run, "--characters", 0), "--characters must be at least 1, got 0"),
        (("predict", "--run-dir", language_run, "xyz"), "the prompt 'xyz' has no character of the text"),
    ):
        with pytest.raises(SystemExit) as ended:
            command(*arguments)
        err = capfd.readouterr().err
        assert ended.value.code == 2 and "Traceback" not in err
        assert err.splitlines()[-1].startswith("error: ") and sentence in err.splitlines()[-1], err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_unknown_characters_cost_what_tells_them_apart(tmp_path, monkeypatch):
    """Of a text without Latin letters: few characters often, and some of the others in turn."""
    others = [chr(ord("一") + number) for number in range(40)]
    chinese = tmp_path / "chinese.txt"
    chinese.write_text("".join(f"山水有情。{others[number % 40]}" for number in range(400)), encoding="utf-8")
    monkeypatch.setattr("apps.language.texts.LARGEST_VOCABULARY", 5)
    tiny = ("--units", 4, "--window", 8, "--batch-size", 32, "--epochs", 1)
    command("train", "--dataset", chinese, "--run-dir", tmp_path / "run", *tiny)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())["test"]

    assert metrics["unknown_share"] == pytest.approx(1 / 6, abs=0.01)
    # Six equally frequent ids, and forty characters behind one of them.
    assert metrics["without_memory"] == pytest.approx(np.log2(6) + np.log2(40) / 6, abs=0.05)
    ids = load_text(str(chinese), None).ids("test")
    network = keras.models.load_model(tmp_path / "run" / "model.keras").get_layer("network")
    unknown = (ids[1:] == 1).mean() * np.log2(40)
    assert metrics["bits_per_character"] == pytest.approx(compute_bits(network, ids).mean() + unknown, rel=1e-4)


def test_a_long_text_takes_a_few_bytes_for_each_character(tmp_path, monkeypatch):
    text = "The quick brown fox, the lazy dog.\n" * 20_000
    tracemalloc.start()
    divided = divide_text("text", text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * len(text)
    assert "".join(decode_ids(divided.characters, divided.ids(split)) for split in divided.splits) == text
    assert divided.characters[:3] == [" ", "o", "e"]

    (tmp_path / "text.txt").write_text(text)
    monkeypatch.setattr(memory, "measure_free_memory", lambda: 1_000_000)
    with pytest.raises(UserError, match=r"text\.txt needs 5 MB of memory, and 1 MB are free; give a part of it"):
        load_text(str(tmp_path / "text.txt"), None)


def test_sampling_with_the_state_kept_equals_reading_the_text_again():
    keras.utils.set_random_seed(1)
    network = build_network(LanguageConfig(units=8, layers=2, dropout=0.0), 9)
    prompt = np.array([3, 4, 2, 8], np.int32)
    found = sample_ids(CharacterReader(network), prompt, 6, temperature=1e-4, seed=1)

    ids = list(prompt)
    for _ in range(6):
        ids.append(2 + int(network(np.array([ids])).numpy()[0, -1, 2:].argmax()))
    assert found == ids[4:]


def test_bits_are_those_of_one_long_stream():
    keras.utils.set_random_seed(1)
    network = build_network(LanguageConfig(units=4), 6)
    ids = np.random.default_rng(2).integers(1, 6, 1300).astype(np.int32)
    log_probabilities = tf.nn.log_softmax(network(ids[np.newaxis])[0]).numpy()
    expected = -log_probabilities[np.arange(1299), ids[1:]] / np.log(2)
    np.testing.assert_allclose(compute_bits(network, ids), expected, rtol=1e-4)


def test_texts_of_a_batch_are_read_to_their_own_ends():
    keras.utils.set_random_seed(1)
    model = build_text_model(build_network(LanguageConfig(units=8), 5), ["a", "b", "c"])
    texts = ["abcab", "c", "xb"]
    together = model({"text": tf.constant(texts)})["probabilities"]
    for text, probabilities in zip(texts, together, strict=True):
        np.testing.assert_allclose(probabilities, model({"text": tf.constant([text])})["probabilities"][0], atol=1e-6)


def test_a_text_is_divided_in_order_and_its_characters_are_counted_in_the_first_part():
    text = divide_text("some", "aab" * 900 + "zab" * 100)
    assert text.characters == ["a", "b"] and text.unknown_characters == 1
    assert decode_ids(text.characters, text.ids("all"))[-3:] == "\N{REPLACEMENT CHARACTER}ab"
    assert [len(ids) for ids in text.splits.values()] == [2700, 150, 150]
    assert encode_text(["a", "b"], "abz").tolist() == [2, 3, 1]
    even = Text("even", ["a", "b"], {"train": np.array([2, 3] * 5000), "test": np.array([2, 3])})
    assert unigram_bits(even, "test") == pytest.approx(1, abs=1e-3)


def test_a_figure_shows_each_character_with_its_bits():
    figure = plot_bits("ab\ncd" * 20, np.linspace(0, 12, 100))
    assert [text.get_text() for text in figure.axes[0].texts][:5] == ["a", "b", "⏎", "c", "d"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"window": 0}, "--window must be at least 1, got 0"),
        ({"dropout": 1.0}, "--dropout must be at least 0 and below"),
        ({"temperature": 0.0}, "--temperature must be above 0"),
    ],
)
def test_invalid_settings_are_refused(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        LanguageConfig(**settings)
