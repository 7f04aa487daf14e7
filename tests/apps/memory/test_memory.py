"""The memory app on short tasks, by its commands and by its parts."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from apps.memory.__main__ import MemoryApp
from apps.memory.config import MemoryConfig
from apps.memory.data import GeneratedBatches, held_out, load
from apps.memory.exploding import StepRecord
from apps.memory.language import Reader, bits_per_character, build_network, written
from apps.memory.language_config import LanguageConfig
from apps.memory.length_sweep import plot_lengths, solve_all, told
from apps.memory.marked_numbers import MarkedNumbers
from apps.memory.marked_numbers import written as written_numbers
from apps.memory.metrics import metrics
from apps.memory.model import MEMORY, build_text_model
from apps.memory.predict import sum_of_marked
from apps.memory.tasks import Adding, Copy
from apps.memory.texts import Text, bits_without_memory, divided, read_text
from apps.memory.words import variants, words_of
from rnn_keras.diagnostics import GradientMonitor
from rnn_keras.utils.errors import UserError

SHORT = ("--length", "6", "--units", "16", "--learning-rate", "0.03", "--epoch-steps", "100", "--epochs", "8")


def command(*arguments):
    MemoryApp().main([str(argument) for argument in arguments])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


@pytest.fixture(scope="module")
def adding_run(tmp_path_factory):
    """A finished run on lines of six numbers, that no test changes."""
    run_dir = tmp_path_factory.mktemp("runs") / "memory"
    command("train", "--run-dir", run_dir, *SHORT)
    return run_dir


def test_a_run_leaves_what_is_promised_and_has_learnt_to_add(adding_run):
    scores = json.loads((adding_run / "metrics.json").read_text())

    assert scores["test"]["solved"] and scores["test"]["mse"] < 0.01 < 0.14 < scores["test"]["baseline_mse"]
    assert {path.name for path in (adding_run / "plots").iterdir()} == {
        "learning_curves.png",
        "gradient_flow.png",
        "gates.png",
    }
    columns = (adding_run / "history.csv").read_text().splitlines()[0].split(",")
    assert {"gradient_norm", "clipped_share", "gradient_half_life"} <= set(columns)


def test_evaluate_at_the_same_and_another_length(adding_run, capfd):
    command("evaluate", "--run-dir", adding_run, "--json")
    stored = json.loads((adding_run / "metrics.json").read_text())["test"]
    assert last_line(capfd)["mse"] == pytest.approx(stored["mse"], rel=1e-4)
    command("evaluate", "--run-dir", adding_run, "--dataset", "adding:9", "--split", "all", "--json")
    longer = last_line(capfd)
    assert longer["examples"] == 3000 and longer["mse"] != pytest.approx(stored["mse"], rel=1e-3)


def test_predict_adds_what_is_marked(adding_run, capfd):
    command("predict", "--run-dir", adding_run, "--json", "0.9* 0.5 0.2 0.8 .8* 0.1", "0.1* 0.9 0.9 0.2* 0.7 0.9")
    answers = last_line(capfd)["predictions"]
    assert [answer["truly"] for answer in answers] == pytest.approx([1.7, 0.3])
    assert all(abs(answer["sum"] - answer["truly"]) < 0.4 for answer in answers)
    assert answers[0]["sum"] > answers[1]["sum"] + 0.7


def test_exported_files_answer_as_keras_does(adding_run, tmp_path, capfd):
    command("export", "--run-dir", adding_run, "--saved-models", tmp_path, "--examples", 50, "--json")
    report = last_line(capfd)["report"]
    assert [row["format"] for row in report] == ["keras", "saved_model", "litert"]
    assert all(row["agreement"] == 1 and row["mse"] < 0.02 for row in report)
    serving = (
        "import sys, tensorflow as tf\n"
        "model = tf.saved_model.load(sys.argv[1])\n"
        "print(float(model.signatures['serving_default'](text=tf.constant([sys.argv[2]]))['sum'][0]))\n"
    )
    line = "0.9* 0.5 0.2 0.8 .8* 0.1"
    done = subprocess.run(
        [sys.executable, "-c", serving, str(tmp_path / "memory" / "1"), line],
        capture_output=True,
        text=True,
        check=True,
    )
    command("predict", "--run-dir", adding_run, "--json", line)
    assert float(done.stdout.split()[-1]) == pytest.approx(last_line(capfd)["predictions"][0]["sum"], abs=1e-5)


def test_the_users_mistakes_are_one_sentence(adding_run, chinese, tmp_path, capfd):
    (tmp_path / "short.txt").write_text("too short")
    (tmp_path / "latin.txt").write_bytes("é".encode("latin-1") * 3000)
    language = ("language", "--run-dir", tmp_path / "run", "--text")
    for arguments, sentence in (
        (("train", "--dataset", "multiply", "--run-dir", tmp_path / "run"), "unknown task 'multiply'"),
        (("train", "--length", 1, "--run-dir", tmp_path / "run"), "--length must be at least 2, got 1"),
        (("evaluate", "--run-dir", adding_run, "--dataset", "copy"), "has learnt adding, not copy"),
        (("evaluate", "--run-dir", adding_run, "--dataset", "adding:x"), "'x' is no length"),
        (("predict", "--run-dir", adding_run, "0.5 0.3*"), "1 of its numbers are marked"),
        (("predict", "--run-dir", adding_run, "a* 0.3*"), "'a*' is no number"),
        (("lengths", "--lengths", "5,x", "--run-dir", tmp_path / "run"), "--lengths 5,x: expected whole numbers"),
        (("lengths", "--cells", "tree", "--run-dir", tmp_path / "run"), "'tree' is none of simple_rnn, lstm, gru"),
        (("lengths", "--dataset", "adding:9", "--run-dir", tmp_path / "run"), "name the task alone"),
        (("exploding", "--scale", 0, "--run-dir", tmp_path / "run"), "above 0"),
        (("sentence", "--text", "To be", "--run-dir", tmp_path / "run"), "at least three words"),
        ((*language, tmp_path / "none.txt"), "no such file"),
        ((*language, tmp_path / "short.txt"), "has 9 characters: expected at least"),
        ((*language, tmp_path / "latin.txt"), "is not UTF-8 (byte 0)"),
        ((*language, tmp_path / "short.txt", "--temperature", 0), "--temperature above 0"),
        ((*language, chinese, "--prompt", "xyz"), "--prompt 'xyz': no character of it is in the text"),
    ):
        with pytest.raises(SystemExit) as ended:
            command(*arguments)
        err = capfd.readouterr().err
        assert ended.value.code == 2 and "Traceback" not in err
        assert err.splitlines()[-1].startswith("error: ") and sentence in err.splitlines()[-1], err
    assert not (tmp_path / "run").exists()


def test_lengths_goes_on_where_it_was_and_tells_who_solved_what(tmp_path, capfd):
    tiny = ("--units", 8, "--epoch-steps", 5, "--epochs", 1, "--run-dir", tmp_path, "--json")
    command("lengths", "--lengths", "4", "--cells", "gru", *tiny)
    first = last_line(capfd)["lengths"]
    finished = next(tmp_path.glob("adding_4_gru_*/metrics.json"))
    before = finished.stat().st_mtime_ns
    command("lengths", "--lengths", "4", "--cells", "gru,simple_rnn", *tiny)
    rows = last_line(capfd)["lengths"]

    assert rows[0] == first[0] and [row["cell"] for row in rows] == ["gru", "simple_rnn"]
    assert finished.stat().st_mtime_ns == before and (tmp_path / "lengths.png").exists()
    assert rows[0]["steps"] is None and rows[0]["taken"] == 5
    assert told(rows[0]).startswith("not in 5:") and told({"steps": 1200, "seconds": 30.2}) == "1,200 (30 s)"
    plot_lengths([row | {"steps": 5} for row in rows], tmp_path / "solved.png", "all solved")


def test_settings_each_have_a_folder_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr("apps.memory.length_sweep.solve", lambda app, config, run: {"folder": run.path.name})
    configs = [MemoryConfig(), MemoryConfig(units=8), MemoryConfig(learning_rate=0.5), MemoryConfig()]
    folders = [row["folder"] for row in solve_all(MemoryApp(), configs, tmp_path, print)]
    assert folders[0] == folders[3] and len(set(folders)) == 3


def test_the_loss_of_each_step_is_its_own():
    """The first is so large that nothing would be left of the others in a mean of all."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    record = StepRecord(GradientMonitor())
    targets = np.array([[1e6], [1], [2], [3]])
    model.fit(np.ones((4, 1)), targets, batch_size=1, shuffle=False, verbose=0, callbacks=[record])
    assert record.losses == pytest.approx([1e12, 1, 4, 9])


def test_gradients_explode_on_purpose_and_clipping_mends_it(tmp_path, capfd):
    command("exploding", "--steps", 120, "--run-dir", tmp_path, "--json")
    report = last_line(capfd)
    free, clipped = report["without clipping"], report["clipped to 1"]

    assert 1 < free["gradients_exploded_at_step"] <= free["loss_no_number_at_step"] < 120
    assert free["their_norm_there"] > 1e3 and free["growth_of_a_gradient_by_step"] > 1
    assert clipped["loss_no_number_at_step"] is None
    assert clipped["loss_of_the_last_steps"] < clipped["loss_of_the_first_steps"]
    assert (tmp_path / "exploding.png").exists()


def test_a_sentence(tmp_path, capfd):
    command("sentence", "--text", "Now is it here", "--epochs", 150, "--units", 8, "--run-dir", tmp_path, "--json")
    cells = last_line(capfd)["cells"]

    assert set(cells) == {"simple_rnn", "lstm", "gru"}
    for of_cell in cells.values():
        assert of_cell["trained"]["loss"] < 0.2 < of_cell["untrained"]["loss"]
        assert of_cell["trained"]["reaches_first"] > 0
    pictures = {path.name for path in tmp_path.iterdir()}
    assert pictures == {"sentence.png", "sentence.json", "gates_lstm.png", "gates_gru.png", "gates_simple_rnn.png"}


def test_variants_of_a_sentence():
    words = words_of("To be, or not to be: that is the question.")
    assert words == ["To", "be", ",", "or", "not", "to", "be", ":", "that", "is", "the", "question", "."]
    found = variants(words)
    assert found[0] == words[:-1] and len(found) == 8
    assert len({sentence[0] for sentence in found}) == len({sentence[-1] for sentence in found}) == 8
    assert all(sentence[1:-1] == words[1:-2] for sentence in found)


@pytest.fixture(scope="module")
def verse(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "verse.txt"
    path.write_text("ab ba\ncc, dé. " * 400, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    """Few characters often, and some of the others in turn."""
    path = tmp_path_factory.mktemp("texts") / "chinese.txt"
    others = [chr(ord("一") + number) for number in range(40)]
    path.write_text("".join(f"山水有情。{others[number % 40]}" for number in range(400)), encoding="utf-8")
    return path


def test_a_text_without_latin_letters_whose_rare_characters_are_named(chinese, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("apps.memory.texts.MOST_CHARACTERS", 5)
    tiny = ("--text", chinese, "--units", 4, "--window", 8, "--batch-size", 32, "--epochs", 1)
    run = ("--run-dir", tmp_path / "run", "--characters", 3, "--json")
    command("language", *tiny, *run)
    report = last_line(capfd)
    command("language", *tiny, *run)
    again = last_line(capfd)

    assert report["text"] == again["text"] and report["text"].startswith("山水有情") and len(report["text"]) == 7
    assert report["test"]["unknown_share"] == pytest.approx(1 / 6, abs=0.01)
    # Six equally common ids, and forty characters behind one of them.
    assert report["test"]["without_memory"] == pytest.approx(np.log2(6) + np.log2(40) / 6, abs=0.05)
    ids = read_text(str(chinese), None).parts["test"]
    network = keras.models.load_model(tmp_path / "run" / "model.keras").get_layer("network")
    named = (ids[1:] == 1).mean() * np.log2(40)
    assert report["test"]["bits_per_character"] == pytest.approx(bits_per_character(network, ids) + named, rel=1e-4)


def test_a_language_model_learns_writes_and_is_not_trained_again(verse, tmp_path, capfd):
    small = ("--text", verse, "--units", 16, "--window", 16, "--batch-size", 8, "--learning-rate", 0.03)
    small += ("--epochs", 4, "--run-dir", tmp_path / "run", "--characters", 28, "--temperature", 0.1, "--json")
    command("language", *small, "--prompt", "ab ba\n")
    report = last_line(capfd)
    written_at = (tmp_path / "run" / "model.keras").stat().st_mtime_ns
    command("language", *small, "--prompt", "ab ba\n")
    again = last_line(capfd)

    assert report["test"]["bits_per_character"] < 0.2 < 2.5 < report["test"]["without_memory"]
    assert report["text"] == again["text"] == "ab ba\n" + ("cc, dé. ab ba\n" * 3)[:28]
    assert (tmp_path / "run" / "model.keras").stat().st_mtime_ns == written_at
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    assert model({"text": tf.constant(["ab ba\ncc, d"])})["next"].numpy()[0].decode() == "é"


def test_writing_with_the_state_kept_is_reading_all_of_it_again():
    keras.utils.set_random_seed(1)
    network = build_network(LanguageConfig(units=8, layers=2, dropout=0.0), 9)
    prompt = np.array([3, 4, 2, 8], np.int32)
    found = written(Reader(network), prompt, 6, 1e-4, seed=1)

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
    text = divided("aab" * 900 + "zab" * 100)
    assert text.characters == ["a", "b"]
    assert text.decode(np.concatenate(list(text.parts.values())))[-3:] == "\N{REPLACEMENT CHARACTER}ab"
    assert [len(ids) for ids in text.parts.values()] == [2700, 150, 150]
    even = Text(["a", "b"], {"train": np.array([2, 3] * 5000), "test": np.array([2, 3])})
    assert bits_without_memory(even, "test") == pytest.approx(1, abs=1e-3)


def test_examples_of_both_tasks():
    steps, sums = Adding(11).examples(np.random.default_rng(1), 200)
    marked = [np.flatnonzero(row) for row in steps[..., 1]]
    assert all(len(places) == 2 and places[0] < 5 <= places[1] for places in marked)
    np.testing.assert_allclose(sums[:, 0], [row[places, 0].sum() for row, places in zip(steps, marked, strict=True)])

    ids, letters = Copy(7, 3).examples(np.random.default_rng(1), 50)
    assert ids.shape == (50, 13) and letters.shape == (50, 3) and set(letters.ravel()) == set(range(8))
    np.testing.assert_array_equal(ids[:, :3], letters + 2)
    np.testing.assert_array_equal(ids[:, 3:], np.tile([0] * 6 + [1] + [0] * 3, (50, 1)))


def test_examples_of_training_never_come_twice_and_are_the_same_after_a_kill():
    batches = GeneratedBatches(Adding(5), 3, 4, seed=1)
    first = [batch[0].numpy() for batch in batches.dataset()]
    later = [batch[0].numpy() for batch in batches.endless(start_epoch=1).take(3)]
    assert len({batch.tobytes() for batch in first + later}) == 6
    again = [batch[0].numpy() for batch in batches.endless(start_epoch=1).take(3)]
    np.testing.assert_array_equal(later, again)
    held = {split: held_out(Adding(5), split)[0].tobytes() for split in ("train", "validation", "test")}
    assert len(set(held.values())) == 3


def test_lines_of_marked_numbers_are_read_in_the_graph():
    line = np.array([[0.25, 1], [0.5, 0], [0.125, 1]])
    assert written_numbers(line) == b"0.2500* 0.5000 0.1250*"
    read = MarkedNumbers()(tf.constant([written_numbers(line), b"1e-1* .5*"])).numpy()
    np.testing.assert_allclose(read[0], line)
    np.testing.assert_allclose(read[1], [[0, 0], [0.1, 1], [0.5, 1]], atol=1e-7)
    assert sum_of_marked("0.25* 3 1e-1*") == pytest.approx(0.35)


VARIANTS = [
    {"dataset": dataset, "cell": cell}
    for dataset, cell in (("adding", "gru"), ("adding", "lstm"), ("adding", "simple_rnn"), ("copy", "lstm"))
]


@pytest.mark.parametrize("settings", VARIANTS, ids=lambda settings: "-".join(settings.values()))
class TestModel:
    def compiled(self, settings):
        keras.utils.set_random_seed(1)
        config = MemoryConfig(**settings, length=5, items=2, units=16)
        data = load(config)
        network = MemoryApp().build(config, data, keras.optimizers.Adam(0.02))
        return network, data, data.task.examples(np.random.default_rng(9), 16)

    def test_one_step_moves_every_weight_and_one_batch_is_overfitted(self, settings):
        network, data, (steps, truth) = self.compiled(settings)
        before = [weight.numpy() for weight in network.trainable_variables]
        network.train_on_batch(steps, truth)
        for weight, old in zip(network.trainable_variables, before, strict=True):
            assert np.any(weight.numpy() != old), weight.path
        batch = tf.data.Dataset.from_tensors((steps, truth)).repeat()
        network.fit(batch, steps_per_epoch=250, verbose=0, shuffle=False)
        assert metrics(network, data.task, steps, truth)["solved"]

    def test_a_saved_model_answers_the_same(self, settings, tmp_path):
        network, data, (steps, truth) = self.compiled(settings)
        model = build_text_model(network, data.task)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        if settings["dataset"] == "adding":
            texts = [written_numbers(line) for line in steps]
        else:
            texts = ["".join("abcdefgh"[letter] for letter in row) for row in truth]
        answers = loaded({"text": tf.constant(texts)})
        direct = network.predict(steps, verbose=0)
        if settings["dataset"] == "adding":
            np.testing.assert_allclose(answers["sum"], direct[:, 0], atol=1e-3)  # four places in the text
        else:
            np.testing.assert_allclose(answers["probabilities"], direct, atol=1e-5)
            likeliest = ["".join("abcdefgh"[letter] for letter in row) for row in direct.argmax(axis=-1)]
            assert [text.decode() for text in answers["recalled"].numpy()] == likeliest


@pytest.mark.parametrize(("cell", "index"), [("lstm", 1), ("gru", 0)])
def test_the_gate_that_keeps_starts_as_open_as_asked(cell, index):
    for start, least, most in (("zero", 0, 0), ("one", 1, 1), ("chrono", 0, np.log(99))):
        config = MemoryConfig(cell=cell, length=100, units=32, forget_bias=start)
        layer = MemoryApp().build(config, load(config), "sgd").get_layer(MEMORY)
        bias = layer.get_weights()[2].reshape(-1, 32)
        assert least <= bias[index].min() <= bias[index].max() <= most
        if start == "chrono":
            assert len(set(bias[index])) == 32 and bias[index].max() > np.log(60)
            assert cell == "gru" or np.array_equal(bias[0], -bias[1])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [({"units": 0}, "--units must be at least 1"), ({"epoch_steps": 0}, "--epoch-steps must be at least 1")],
)
def test_settings_that_cannot_be_are_refused(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        MemoryConfig(**settings)
