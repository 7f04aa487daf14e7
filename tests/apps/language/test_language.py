"""The language app on tiny texts, by its commands and by its parts."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from apps.language.__main__ import LanguageApp
from apps.language.config import LanguageConfig
from apps.language.data import Alphabet, LanguageData, divide_text, load_data
from apps.language.generate import Reader, bits_per_character, generate
from apps.language.model import build_network
from rnn_keras.utils.errors import UserError


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
    command("train", "--dataset", verse, "--run-dir", run_dir, *small)
    return run_dir


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    """A few characters often, and some of the others in turn."""
    path = tmp_path_factory.mktemp("texts") / "chinese.txt"
    others = [chr(ord("一") + number) for number in range(40)]
    path.write_text("".join(f"山水有情。{others[number % 40]}" for number in range(400)), encoding="utf-8")
    return path


def test_it_learns_and_evaluates(language_run, verse, capfd):
    metrics = json.loads((language_run / "metrics.json").read_text())["test"]
    assert metrics["bits_per_character"] < 0.2 < 2.5 < metrics["without_memory"]

    command("evaluate", "--run-dir", language_run, "--json")
    again = last_line(capfd)
    assert again["bits_per_character"] == pytest.approx(metrics["bits_per_character"], abs=1e-5)
    command("evaluate", "--run-dir", language_run, "--dataset", verse, "--split", "all", "--json")
    assert last_line(capfd)["characters"] == 400 * 14


def test_it_writes_what_the_prompt_begins(language_run, capfd):
    options = ("--run-dir", language_run, "--json")
    command("write", "ab ba\n", "--characters", 28, "--temperature", 0.1, *options)
    assert last_line(capfd)["text"] == "ab ba\n" + ("cc, dé. ab ba\n" * 3)[:28]

    command("predict", "ab ba\n", "cc", *options)
    texts = [prediction["text"] for prediction in last_line(capfd)["predictions"]]
    assert [text[:2] for text in texts] == ["ab", "cc"] and [len(text) for text in texts] == [306, 302]
    command("predict", "cc", *options)  # whatever was written before it
    assert last_line(capfd)["predictions"][0]["text"] == texts[1]


def test_a_new_process_loads_the_model_with_one_import(language_run):
    program = (
        "import sys, apps.language.model, keras, tensorflow as tf\n"
        "model = keras.models.load_model(sys.argv[1])\n"
        "print(model({'text': tf.constant(['ab ba\\ncc, d'])})['next'].numpy()[0].decode() == 'é')\n"
    )
    done = run_python(program, language_run / "model.keras")
    assert done.stdout.strip() == "True", done.stderr
    done = run_python(program.replace("apps.language.model, ", ""), language_run / "model.keras")
    assert done.returncode and "apps.language.model" in done.stderr


def run_python(program, *arguments):
    return subprocess.run([sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True)


def test_a_search_finds_settings(verse, tmp_path, capfd):
    given = ("--layers", 1, "--units", 8, "--window", 32, "--batch-size", 8, "--epochs", 1)
    command("tune", "--run-dir", tmp_path, "--dataset", verse, "--max-trials", 1, "--no-compare", *given, "--json")
    assert len(last_line(capfd)["trials"]) == 1


def test_the_users_mistakes_are_one_sentence(language_run, tmp_path, capfd):
    (tmp_path / "short.txt").write_text("too short")
    (tmp_path / "latin.txt").write_bytes(b"\xe9t\xe9 " * 800)
    train = ("train", "--run-dir", tmp_path / "run", "--dataset")
    for arguments, sentence in (
        ((*train, tmp_path / "none.txt"), "no such file"),
        ((*train, tmp_path / "short.txt"), "has 9 characters: expected at least"),
        ((*train, tmp_path / "latin.txt"), "is not UTF-8 (byte 0)"),
        (("write", "a", "--run-dir", language_run, "--temperature", 0), "--temperature above 0"),
        (("write", "xyz", "--run-dir", language_run), "the prompt 'xyz' has no character of the text"),
    ):
        with pytest.raises(SystemExit) as ended:
            command(*arguments)
        err = capfd.readouterr().err
        assert ended.value.code == 2 and "Traceback" not in err
        assert err.splitlines()[-1].startswith("error: ") and sentence in err.splitlines()[-1], err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_text_without_latin_letters_whose_rare_characters_are_named(chinese, tmp_path, monkeypatch):
    monkeypatch.setattr("apps.language.data.MOST_CHARACTERS", 5)
    tiny = ("--dataset", chinese, "--units", 4, "--window", 8, "--batch-size", 32, "--epochs", 1)
    command("train", *tiny, "--run-dir", tmp_path / "run")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())["test"]

    assert metrics["unknown_share"] == pytest.approx(1 / 6, abs=0.01)
    # Six equally common ids, and forty characters behind one of them.
    assert metrics["without_memory"] == pytest.approx(np.log2(6) + np.log2(40) / 6, abs=0.05)
    ids = load_data(LanguageConfig(dataset=str(chinese))).ids("test")
    network = keras.models.load_model(tmp_path / "run" / "model.keras").get_layer("network")
    named = (ids[1:] == 1).mean() * np.log2(40)
    assert metrics["bits_per_character"] == pytest.approx(bits_per_character(network, ids) + named, rel=1e-4)


def test_writing_with_the_state_kept_is_reading_all_of_it_again():
    keras.utils.set_random_seed(1)
    network = build_network(LanguageConfig(units=8, layers=2, dropout=0.0), 9)
    prompt = np.array([3, 4, 2, 8], np.int32)
    found = generate(Reader(network), prompt, 6, 1e-4, seed=1)

    ids = list(prompt)
    for _ in range(6):
        ids.append(2 + int(network(np.array([ids])).numpy()[0, -1, 2:].argmax()))
    assert found == ids[4:]


def test_bits_are_those_of_one_long_stream():
    keras.utils.set_random_seed(1)
    network = build_network(LanguageConfig(units=4), 6)
    ids = np.random.default_rng(2).integers(1, 6, 1300).astype(np.int32)
    logs = tf.nn.log_softmax(network(ids[np.newaxis])[0]).numpy()
    expected = -logs[np.arange(1299), ids[1:]].mean() / np.log(2)
    assert bits_per_character(network, ids) == pytest.approx(expected, rel=1e-5)


def test_a_text_is_divided_in_its_order_and_counted_by_its_beginning():
    data = divide_text("aab" * 900 + "zab" * 100, LanguageConfig())
    assert data.alphabet.characters == ["a", "b"]
    assert data.alphabet.decode(data.ids("all"))[-3:] == "\N{REPLACEMENT CHARACTER}ab"
    assert [len(ids) for ids in data.splits.values()] == [2700, 150, 150]
    splits = {"train": np.array([2, 3] * 5000), "test": np.array([2, 3])}
    even = LanguageData("even", LanguageConfig(), Alphabet(["a", "b"]), splits, rare=0)
    assert even.bits_without_memory("test") == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"window": 0}, "--window must be at least 1, got 0"),
        ({"dropout": 1.0}, "--dropout must be at least 0 and below"),
    ],
)
def test_settings_out_of_range_are_refused(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        LanguageConfig(**settings)
