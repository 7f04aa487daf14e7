"""The memory app on short tasks, by its commands and by its parts."""

import dataclasses
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from apps.memory.__main__ import MemoryApp
from apps.memory.config import MemoryConfig
from apps.memory.data import GeneratedBatches, MemoryData, generate_split, load_memory_data
from apps.memory.exploding import StepRecorder
from apps.memory.length_sweep import (
    describe_recall,
    describe_training,
    make_configs,
    plot_recall,
    plot_sweep,
    run_sweep,
)
from apps.memory.marked_numbers import MarkedNumbers, format_line
from apps.memory.metrics import compute_metrics
from apps.memory.model import RECURRENT_LAYER, build_network, build_text_model
from apps.memory.predict import sum_marked_numbers
from apps.memory.sentence import build_word_network, format_share, make_examples, measure_reach
from apps.memory.tasks import LETTERS, AddingProblem, CopyTask
from apps.memory.words import SOLILOQUY, make_variants, split_words
from rnn_keras.diagnostics import GradientMonitor
from rnn_keras.utils.errors import UserError
from tests.helpers.new_process import load_in_a_new_process

SMALL = ("--length", 6, "--units", 16, "--learning-rate", 0.03)
LINE = "0.9* 0.5 0.2 0.8 .8* 0.1"


def command(*arguments):
    MemoryApp().main([str(argument) for argument in arguments])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


@pytest.fixture(scope="module")
def adding_run(tmp_path_factory):
    """A finished run on six numbers, that no test changes."""
    run_dir = tmp_path_factory.mktemp("runs") / "memory"
    command("train", "--run-dir", run_dir, *SMALL, "--steps-per-epoch", 100, "--epochs", 8)
    return run_dir


def test_a_run_leaves_what_is_promised_and_has_learned_to_add(adding_run):
    scores = json.loads((adding_run / "metrics.json").read_text())

    assert scores["test"]["solved"] and scores["test"]["mse"] < 0.01 < 0.14 < scores["test"]["baseline_mse"]
    plots = {path.name for path in (adding_run / "plots").iterdir()}
    assert plots == {"learning_curves.png", "gradient_flow.png", "gates.png"}
    columns = (adding_run / "history.csv").read_text().splitlines()[0].split(",")
    assert {"gradient_norm", "clipped_share", "gradient_half_life"} <= set(columns)


def test_evaluate_at_the_same_and_at_another_length(adding_run, capfd):
    command("evaluate", "--run-dir", adding_run, "--json")
    stored = json.loads((adding_run / "metrics.json").read_text())["test"]
    assert last_line(capfd)["mse"] == pytest.approx(stored["mse"], rel=1e-4)
    command("evaluate", "--run-dir", adding_run, "--dataset", "adding:9", "--split", "all", "--json")
    longer = last_line(capfd)
    assert longer["examples"] == 3000 and longer["mse"] != pytest.approx(stored["mse"], rel=1e-3)


def test_predict_adds_the_marked_numbers(adding_run, capfd):
    command("predict", "--run-dir", adding_run, "--json", LINE, "0.1* 0.9 0.9 0.2* 0.7 0.9")
    predictions = last_line(capfd)["predictions"]
    assert [prediction["true_sum"] for prediction in predictions] == pytest.approx([1.7, 0.3])
    assert all(abs(prediction["sum"] - prediction["true_sum"]) < 0.4 for prediction in predictions)
    assert predictions[0]["sum"] > predictions[1]["sum"] + 0.7


@pytest.mark.slow
def test_exported_files_predict_as_keras_does(adding_run, tmp_path, export_here, capfd):
    command("export", "--run-dir", adding_run, "--saved-models", tmp_path, "--examples", 50, "--json")
    report = last_line(capfd)["report"]
    assert [row["format"] for row in report] == ["keras", "saved_model", "litert"]
    assert all(row["agreement"] == 1 and row["mse"] < 0.02 for row in report)
    program = (
        "import sys, tensorflow as tf\n"
        "model = tf.saved_model.load(sys.argv[1])\n"
        "print(float(model.signatures['serving_default'](text=tf.constant([sys.argv[2]]))['sum'][0]))\n"
    )
    line = [sys.executable, "-c", program, str(tmp_path / "memory" / "1"), LINE]
    printed = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    command("predict", "--run-dir", adding_run, "--json", LINE)
    assert float(printed.split()[-1]) == pytest.approx(last_line(capfd)["predictions"][0]["sum"], abs=1e-5)


@pytest.mark.slow
def test_a_new_process_loads_the_model_with_one_import(adding_run, capfd):
    use = "print(float(model({'text': tf.constant([sys.argv[2]])})['sum'][0]))"
    answer = load_in_a_new_process("apps.memory.model", adding_run, use, LINE)
    command("predict", "--run-dir", adding_run, "--json", LINE)
    assert float(answer) == pytest.approx(last_line(capfd)["predictions"][0]["sum"], abs=1e-5)


def test_a_users_mistakes_are_one_sentence(adding_run, tmp_path, capfd):
    run = ("--run-dir", tmp_path / "run")
    for arguments, sentence in (
        (("train", "--dataset", "multiply", *run), "unknown task 'multiply'"),
        (("train", "--length", 1, *run), "--length must be at least 2, got 1"),
        (("evaluate", "--run-dir", adding_run, "--dataset", "copy"), "was trained on adding, not on copy"),
        (("evaluate", "--run-dir", adding_run, "--dataset", "adding:x"), "'x' is not a length"),
        (("predict", "--run-dir", adding_run, "0.5 0.3*"), "1 of its numbers are marked"),
        (("predict", "--run-dir", adding_run, "a* 0.3*"), "'a*' is not a number"),
        (("lengths", "--lengths", "5,x", *run), "--lengths 5,x: expected integers of at least 2"),
        (("lengths", "--cells", "tree", *run), "unknown 'tree'; expected some of simple_rnn, lstm, gru"),
        (("lengths", "--dataset", "adding:9", *run), "name the task alone"),
        (("exploding", "--scale", 0, *run), "above 0"),
        (("sentence", "--text", "To be", *run), "at least three words"),
    ):
        with pytest.raises(SystemExit) as ended:
            command(*arguments)
        err = capfd.readouterr().err
        assert ended.value.code == 2 and "Traceback" not in err
        assert err.splitlines()[-1].startswith("error: ") and sentence in err.splitlines()[-1], err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_lengths_resumes_and_reports_who_solved_what(tmp_path, capfd):
    tiny = ("--units", 4, "--epochs", 1, "--steps-per-epoch", 5, "--run-dir", tmp_path, "--json")
    command("lengths", "--lengths", "4", "--cells", "gru", *tiny)
    first = last_line(capfd)["lengths"]
    finished = next(tmp_path.glob("adding_4_gru_*/metrics.json"))
    before = finished.stat().st_mtime_ns
    command("lengths", "--lengths", "4", "--cells", "gru,simple_rnn", *tiny)
    rows = last_line(capfd)["lengths"]

    assert rows[0] == first[0] and [row["cell"] for row in rows] == ["gru", "simple_rnn"]
    assert finished.stat().st_mtime_ns == before and (tmp_path / "lengths.png").exists()
    assert rows[0]["steps_to_solve"] is None and rows[0]["steps_trained"] == 5
    assert describe_training(rows[0]).startswith("not in 5:")


@pytest.mark.slow
def test_one_training_is_tested_with_every_pause(tmp_path, capfd):
    tiny = ("--units", 4, "--items", 2, "--epochs", 2, "--steps-per-epoch", 5, "--run-dir", tmp_path, "--json")
    copying = ("lengths", "--dataset", "copy", "--cells", "gru", *tiny)
    command(*copying, "--lengths", "4,9")
    rows = last_line(capfd)["lengths"]
    (history,) = tmp_path.glob("copy_9_gru_*/history.csv")
    trained = history.read_bytes()

    assert [(row["length"], row["trained_length"], row["steps_trained"]) for row in rows] == [(4, 9, 10), (9, 9, 10)]
    assert rows[0]["test"]["loss"] != rows[1]["test"]["loss"]
    assert rows[1]["best_loss"] == pytest.approx(rows[1]["test"]["loss"], abs=0.3)
    command(*copying, "--lengths", "9,6")  # another pause is tested, and nothing is trained again
    again = last_line(capfd)["lengths"]
    assert [row["length"] for row in again] == [9, 6] and again[0] == rows[1]
    assert history.read_bytes() == trained and len(list(tmp_path.glob("copy_*"))) == 1


def test_the_results_of_a_sweep_are_described_and_plotted():
    row = {"cell": "gru", "length": 4, "steps_trained": 5, "best_loss": 0.1, "baseline": 0.2, "seconds": 30.2}
    solved, failed = row | {"steps_to_solve": 1200}, row | {"steps_to_solve": None, "length": 8}
    added = [describe_training(one | {"test": {}}) for one in (solved, failed)]
    assert added == ["1,200 (30 s)", "not in 5: 0.100 of 0.200"]
    copied = [describe_training(one | {"test": {"exact": 0.25}}) for one in (solved, failed)]
    assert copied == [f"{result}; 25.0% exact" for result in added]
    assert describe_training(failed | {"best_loss": None, "test": None}) == "the loss was not finite"
    plot_sweep([solved, failed], "a sweep")

    tested = [row | {"length": length, "test": {"exact": 0.25, "loss": 0.5}} for length in (8, 4)]
    lost = row | {"cell": "simple_rnn", "test": None}
    assert [describe_recall(one) for one in (tested[0], lost)] == ["0.500; 25.0% exact", "the loss was not finite"]
    exact, losses = plot_recall([*tested, lost], "a sweep").axes
    for axis, value in ((exact, 25), (losses, 0.5)):
        gru, simple_rnn = axis.lines[:2]
        np.testing.assert_array_equal(gru.get_xydata(), [[4, value], [8, value]])
        assert len(simple_rnn.get_xydata()) == 0


def test_settings_each_have_their_own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "apps.memory.length_sweep.train_until_solved", lambda app, config, run, lengths: [run.path.name]
    )
    configs = [MemoryConfig(), MemoryConfig(units=8), MemoryConfig(learning_rate=0.5), MemoryConfig()]
    folders = run_sweep(MemoryApp(), configs, [400], tmp_path, print)
    assert folders[0] == folders[3] and len(set(folders)) == 3


def test_the_loss_of_each_step_is_its_own():
    """The first is so large that nothing would be left of the others in a mean over all."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    recorder = StepRecorder(GradientMonitor())
    targets = np.array([[1e6], [1], [2], [3]])
    model.fit(np.ones((4, 1)), targets, batch_size=1, shuffle=False, verbose=0, callbacks=[recorder])
    assert recorder.losses == pytest.approx([1e12, 1, 4, 9])


@pytest.mark.slow
def test_gradients_explode_on_purpose_and_clipping_prevents_it(tmp_path, capfd):
    command("exploding", "--steps", 120, "--run-dir", tmp_path, "--json")
    report = last_line(capfd)
    free, clipped = report["without clipping"], report["clipped to 1"]

    assert 1 < free["exploded_at_step"] <= free["nonfinite_loss_at_step"] < 120
    assert free["norm_at_explosion"] > 1e3 and free["gradient_growth_per_step"] > 1
    assert clipped["nonfinite_loss_at_step"] is None
    assert clipped["final_loss"] < clipped["initial_loss"]
    assert (tmp_path / "exploding.png").exists()


@pytest.mark.slow
def test_a_sentence(tmp_path, capfd):
    small = ("--text", "Now is it here", "--epochs", 150, "--units", 8, "--json")
    command("sentence", *small, "--seeds", 2, "--run-dir", tmp_path / "both")
    cells = last_line(capfd)["cells"]

    assert set(cells) == {"simple_rnn", "lstm", "gru"}
    for results in cells.values():
        assert results["trained"]["loss"] < 0.2 < results["untrained"]["loss"]
        assert len(results["trained"]["first_word_gradients"]) == 2
        assert results["trained"]["first_word_gradient"] == np.median(results["trained"]["first_word_gradients"]) > 0
    files = {path.name for path in (tmp_path / "both").iterdir()}
    assert files == {"sentence.png", "sentence.json", "gates_lstm.png", "gates_gru.png", "gates_simple_rnn.png"}

    # Nothing of the first network is left in the second one, which has the same compiled graph.
    command("sentence", *small, "--seeds", 1, "--seed", 2, "--run-dir", tmp_path / "second")
    for cell, results in last_line(capfd)["cells"].items():
        for when, alone in results.items():
            expected = cells[cell][when]["first_word_gradients"][1]
            assert alone["first_word_gradients"] == pytest.approx([expected], rel=1e-2)


def test_a_gradient_that_vanishes_does_so_over_the_soliloquy():
    """Of networks that have learned nothing: the share of the first word by the equations of a linear network."""
    examples = make_examples(split_words(SOLILOQUY))
    assert examples.inputs.shape == (8, 44) and len(set(examples.last)) == 8
    network = build_word_network("simple_rnn", 4, examples.vocabulary_size)
    layer = network.get_layer(RECURRENT_LAYER)
    kernel, _, bias = layer.get_weights()
    layer.set_weights([kernel * 1e-4, 0.8 * np.eye(4), bias])  # so small that tanh is linear
    flow = measure_reach(network, examples)
    np.testing.assert_allclose(flow.inputs / flow.inputs[0], 0.8 ** np.arange(44), rtol=1e-3)


def test_shares_are_readable_however_small():
    shown = [format_share(share) for share in (2.0467, 0.083, 0.0005, 3e-11)]
    assert shown == ["204.7%", "8.3%", "0.05%", "3e-09%"]


def test_variants_of_a_sentence():
    words = split_words("To be, or not to be: that is the question.")
    assert words == ["To", "be", ",", "or", "not", "to", "be", ":", "that", "is", "the", "question", "."]
    variants = make_variants(words)
    assert variants[0] == words[:-1] and len(variants) == 8
    assert len({sentence[0] for sentence in variants}) == len({sentence[-1] for sentence in variants}) == 8
    assert all(sentence[1:-1] == words[1:-2] for sentence in variants)


def test_examples_of_both_tasks():
    steps, sums = AddingProblem(11).generate(np.random.default_rng(1), 200)
    marked = [np.flatnonzero(row) for row in steps[..., 1]]
    assert all(len(indices) == 2 and indices[0] < 5 <= indices[1] for indices in marked)
    np.testing.assert_allclose(sums[:, 0], [row[indices, 0].sum() for row, indices in zip(steps, marked, strict=True)])

    ids, letters = CopyTask(7, 3).generate(np.random.default_rng(1), 50)
    assert ids.shape == (50, 13) and letters.shape == (50, 3) and set(letters.ravel()) == set(range(8))
    np.testing.assert_array_equal(ids[:, :3], letters + 2)
    np.testing.assert_array_equal(ids[:, 3:], np.tile([0] * 6 + [1] * 4, (50, 1)))


def test_a_delay_line_copies():
    """A SimpleRNN whose state passes each letter on, from block to block, for as many steps as it must wait."""
    task = CopyTask(length=2, items=3)
    delay, letters = task.items + task.length, len(LETTERS)
    units = (delay + 1) * letters
    network = build_network(MemoryConfig(cell="simple_rnn", units=units), task)
    kernel, recurrent_kernel, bias, to_letters, letter_bias = (np.zeros_like(w) for w in network.get_weights())
    kernel[2:, :letters] = 10 * np.eye(letters)
    recurrent_kernel[:-letters, letters:] = 10 * np.eye(units - letters)
    to_letters[-letters:] = 20 * np.eye(letters)
    network.set_weights([kernel, recurrent_kernel, bias, to_letters, letter_bias])
    steps, targets = task.generate(np.random.default_rng(1), 100)
    scores = compute_metrics(network, task, steps, targets)
    assert scores["solved"] and scores["exact"] == scores["accuracy"] == 1 and scores["loss"] < 1e-6

    network.set_weights([kernel, recurrent_kernel, bias, to_letters * 0, letter_bias])
    guessing = compute_metrics(network, task, steps, targets)
    assert guessing["loss"] == pytest.approx(guessing["baseline_loss"]) and not guessing["solved"]
    assert guessing["exact"] == (targets == 0).all(axis=1).mean() < guessing["accuracy"] < 0.3


def test_no_training_example_comes_twice_and_all_are_the_same_after_a_kill():
    batches = GeneratedBatches(AddingProblem(5), 3, 4, seed=1)
    first = [batch[0].numpy() for batch in batches.dataset()]
    later = [batch[0].numpy() for batch in batches.endless(start_epoch=1).take(3)]
    assert len({batch.tobytes() for batch in first + later}) == 6
    again = [batch[0].numpy() for batch in batches.endless(start_epoch=1).take(3)]
    np.testing.assert_array_equal(later, again)
    splits = {split: generate_split(AddingProblem(5), split)[0].tobytes() for split in ("train", "validation", "test")}
    assert len(set(splits.values())) == 3
    assert len(MemoryData(AddingProblem(5)).examples("all")[1]) == 3000


def test_the_pauses_of_a_curriculum():
    task = CopyTask(length=50, items=3)
    batches = GeneratedBatches(task, steps=40, batch_size=4, seed=1, curriculum=2)
    epochs = [[batches.batch(indices) for indices in batches.plan(epoch)] for epoch in range(4)]
    pauses = [np.array([steps.shape[1] - 2 * task.items for steps, _ in epoch]) for epoch in epochs]
    assert set(pauses[0]) == set(pauses[1]) == {1}
    for later in pauses[2:]:
        assert 1 <= later.min() < 5 < 30 < later.max() <= 50
    assert 5 < np.median(np.concatenate(pauses[2:])) < 15  # 7 is expected; 25 if the length were evenly spread
    assert not np.array_equal(pauses[2], pauses[3])
    for steps, letters in epochs[3]:
        np.testing.assert_array_equal(steps, CopyTask(steps.shape[1] - 6, 3).encode(letters))
    read = [steps.numpy() for steps, _ in batches.endless(start_epoch=2).take(40)]
    assert all(np.array_equal(steps, expected) for steps, (expected, _) in zip(read, epochs[2], strict=True))

    config = MemoryConfig(dataset="copy", length=50)
    data = load_memory_data(config)
    assert data.training_batches(config).curriculum == 18  # of 60 epochs
    assert data.training_batches(dataclasses.replace(config, curriculum=False)).curriculum is None
    assert load_memory_data(MemoryConfig()).training_batches(MemoryConfig()).curriculum is None
    assert data.examples("validation")[0].shape == (1000, 70)


def test_settings_follow_the_task_where_they_are_not_given():
    assert MemoryConfig().task_settings == (32, "chrono", "constant", 3000, 1e-2, False)
    copy = MemoryConfig(dataset="copy:50", units=8)
    assert copy.task_settings == (8, "one", "cosine", 3000, 1e-2, True)
    simple_rnn = dataclasses.replace(copy, cell="simple_rnn")
    assert simple_rnn.task_settings.learning_rate < 1e-2 and not simple_rnn.learns_shorter_pauses
    given = dataclasses.replace(simple_rnn, learning_rate=0.5, curriculum=True)
    assert given.task_settings.learning_rate == 0.5 and given.learns_shorter_pauses
    assert copy.count_epochs(50) == 60 and MemoryConfig(dataset="copy", epochs=7).count_epochs(50) == 7
    for config, last in ((copy, 0.0), (MemoryConfig(), 1e-2), (MemoryConfig(schedule="linear"), 0.0)):
        optimizer = config.make_optimizer(50)
        rate = [float(optimizer.learning_rate)]
        optimizer.iterations.assign(3000)
        rate.append(float(optimizer.learning_rate))
        assert rate == pytest.approx([1e-2, last], abs=1e-9)
    assert [config.count_epochs(50) for config in make_configs(MemoryConfig(), ["gru"], [20])] == [16]
    (swept,) = make_configs(MemoryConfig(dataset="copy"), ["gru"], [20, 50, 30])
    assert (swept.units, swept.length, swept.count_epochs(50)) == (128, 50, 60)  # one network serves all pauses
    alone = make_configs(MemoryConfig(dataset="copy", curriculum=False), ["gru", "lstm"], [20, 50])
    assert [config.length for config in alone] == [20, 50, 20, 50]
    mixed = make_configs(MemoryConfig(dataset="copy"), ["simple_rnn", "lstm"], [20, 50])
    assert [(config.cell, config.length) for config in mixed] == [("simple_rnn", 20), ("simple_rnn", 50), ("lstm", 50)]


def test_lines_of_marked_numbers_are_parsed_in_the_graph():
    line = np.array([[0.25, 1], [0.5, 0], [0.125, 1]])
    assert format_line(line) == b"0.2500* 0.5000 0.1250*"
    parsed = MarkedNumbers()(tf.constant([format_line(line), b"1e-1* .5*"])).numpy()
    np.testing.assert_allclose(parsed[0], line)
    np.testing.assert_allclose(parsed[1], [[0, 0], [0.1, 1], [0.5, 1]], atol=1e-7)
    assert sum_marked_numbers("0.25* 3 1e-1*") == pytest.approx(0.35)


def id_of(settings):
    return "-".join(settings.values())


VARIANTS = [{"dataset": "adding", "cell": "gru"}, {"dataset": "copy", "cell": "lstm"}]
SLOW_VARIANTS = [{"dataset": "adding", "cell": "lstm"}, {"dataset": "adding", "cell": "simple_rnn"}]


class TestModel:
    def compile_network(self, settings):
        keras.utils.set_random_seed(1)
        config = MemoryConfig(**settings, length=5, items=2, units=16)
        data = load_memory_data(config)
        network = MemoryApp().build_network(config, data, keras.optimizers.Adam(0.02))
        return network, data, data.task.generate(np.random.default_rng(9), 16)

    @pytest.mark.slow
    @pytest.mark.parametrize("settings", VARIANTS + SLOW_VARIANTS, ids=id_of)
    def test_one_step_changes_each_weight_and_many_overfit_a_batch(self, settings):
        network, data, (steps, targets) = self.compile_network(settings)
        before = [weight.numpy() for weight in network.trainable_variables]
        network.train_on_batch(steps, targets)
        for weight, old in zip(network.trainable_variables, before, strict=True):
            assert np.any(weight.numpy() != old), weight.path
        batch = tf.data.Dataset.from_tensors((steps, targets)).repeat()
        network.fit(batch, steps_per_epoch=250, verbose=0, shuffle=False)
        assert compute_metrics(network, data.task, steps, targets)["solved"]

    @pytest.mark.parametrize(
        "settings",
        [*VARIANTS, *(pytest.param(settings, marks=pytest.mark.slow) for settings in SLOW_VARIANTS)],
        ids=id_of,
    )
    def test_a_saved_model_predicts_the_same(self, settings, tmp_path):
        network, data, (steps, targets) = self.compile_network(settings)
        model = build_text_model(network, data.task)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        is_adding = settings["dataset"] == "adding"
        rows = steps if is_adding else targets
        texts = [format_line(row) if is_adding else "".join(LETTERS[letter] for letter in row) for row in rows]
        outputs = loaded({"text": tf.constant(texts)})
        expected = network.predict(steps, verbose=0)
        if is_adding:
            np.testing.assert_allclose(outputs["sum"], expected[:, 0], atol=1e-3)  # four decimal places in the text
        else:
            np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)
            most_probable = ["".join(LETTERS[letter] for letter in row) for row in expected.argmax(axis=-1)]
            assert [text.decode() for text in outputs["recalled"].numpy()] == most_probable


@pytest.mark.parametrize(("cell", "index"), [("lstm", 1), ("gru", 0)])
def test_the_forget_bias_starts_as_configured(cell, index):
    for start, lowest, highest in (("zero", 0, 0), ("one", 1, 1), ("chrono", 0, np.log(99))):
        config = MemoryConfig(cell=cell, length=100, units=32, forget_bias=start)
        network = MemoryApp().build_network(config, load_memory_data(config), "sgd")
        bias = network.get_layer(RECURRENT_LAYER).get_weights()[2].reshape(-1, 32)
        assert lowest <= bias[index].min() <= bias[index].max() <= highest
        if start == "chrono":
            assert len(set(bias[index])) == 32 and bias[index].max() > np.log(60)
            assert cell == "gru" or np.array_equal(bias[0], -bias[1])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"units": 0}, "--units must be at least 1"),
        ({"steps_per_epoch": 0}, "--steps-per-epoch must be at least 1"),
        ({"learning_rate": 0.0}, "--learning-rate must be above 0"),
    ],
)
def test_invalid_settings_are_refused(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        MemoryConfig(**settings)
