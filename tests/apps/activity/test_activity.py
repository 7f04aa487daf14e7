"""The commands of the activity app on few recordings."""

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow_datasets as tfds

from apps.activity.__main__ import ActivityApp
from apps.activity.people import assign_people
from apps.activity.shoulder_exercises import CHANNELS, ShoulderExercises
from rnn_keras.data import packaged_builder
from rnn_keras.data.splits import SPLITS
from tests.helpers.new_process import load_in_a_new_process

TINY = (
    "--window",
    32,
    "--stride",
    16,
    "--reduction",
    4,
    "--units",
    6,
    "--filters",
    6,
    "--dropout",
    0,
    "--batch-size",
    8,
)
TINY += ("--learning-rate", 0.02, "--cell", "simple_rnn", "--no-bidirectional")


def command(*arguments):
    ActivityApp().main([str(argument) for argument in arguments])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


def make_signals(generator, label, length=80):
    """A sensor that is shaken fast or slowly."""
    phase = np.arange(length) * (0.9 if label else 0.25) + generator.uniform(0, 6)
    signals = np.stack([np.sin(phase), np.cos(phase), np.full(length, 1.0)], axis=1)
    return (signals + generator.normal(0, 0.1, signals.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Recordings of five people who shake a sensor fast or slowly, one of them both."""
    generator, folder = np.random.default_rng(0), tmp_path_factory.mktemp("recordings")
    for number in range(20):
        label = number % 2
        arrays = {"signals": make_signals(generator, label), "label": ("slow", "fast")[label], "person": number // 4}
        np.savez(folder / f"{number}.npz", channels=["ax", "ay", "az"], **arrays)
    both = np.concatenate([make_signals(generator, 0), make_signals(generator, 1)])
    label = np.repeat(["slow", "fast"], 80)
    np.savez(folder / "both.npz", signals=both, label=label, person=1, channels=["ax", "ay", "az"])
    return folder


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    """A finished run that has learned the task."""
    run_dir = tmp_path_factory.mktemp("runs") / "activity"
    command("train", "--dataset", folder, "--run-dir", run_dir, *TINY, "--epochs", 8)
    return run_dir


pytestmark = pytest.mark.usefixtures("quick_models")


def test_a_run_learns_and_leaves_its_files(run):
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] > 0.9 and metrics["test"]["recording_accuracy"] == 1
    assert metrics["test"]["people"] == 1 and metrics["test"]["majority_accuracy"] <= 0.6
    assert {path.stem for path in (run / "plots").glob("*.png")} == {"learning_curves", "confusion", "timelines"}


def test_evaluate_scores_other_data_of_the_same_form(run, tmp_path, capfd):
    generator = np.random.default_rng(5)
    rows = [
        f"{record},{','.join(f'{number:.4f}' for number in sample[::-1])},{('slow', 'FAST')[record % 2]}"
        for record in range(4)
        for sample in make_signals(generator, record % 2)
    ]
    (tmp_path / "other.csv").write_text("\n".join(["record,az,ay,ax,label", *rows]))
    command("evaluate", "--run-dir", run, "--dataset", tmp_path / "other.csv", "--split", "all", "--json")
    found = last_line(capfd)
    assert found["accuracy"] > 0.9 and found["windows"] == 16 and found["recordings"] == 4


def test_predict_tells_what_and_when(run, folder, capfd):
    command("predict", "--run-dir", run, folder / "both.npz", folder / "0.npz", "--json")
    both, slow = last_line(capfd)["predictions"]
    assert slow["label"] == "slow" and slow["windows"] == 4 and slow["score"] == slow["probabilities"]["slow"]
    assert [segment["label"] for segment in both["segments"]] == ["slow", "fast"]
    assert abs(both["segments"][0]["end"] - 80) <= 16 and both["segments"][1]["end"] == 160


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("ax,ay\n1,2\n", "has 2 channels, ax, ay; the model takes 3, ax, ay, az"),
        ("ax,ay,az\n1,2,3\n", "fewer than a window of 32"),
    ],
)
def test_a_recording_that_does_not_fit_the_model_is_refused(run, tmp_path, capfd, content, words):
    (tmp_path / "short.csv").write_text(content)
    with pytest.raises(SystemExit) as ended:
        command("predict", "--run-dir", run, tmp_path / "short.csv")
    assert ended.value.code == 2 and words in capfd.readouterr().err


def test_a_stream_gives_an_answer_for_each_window(run, folder, monkeypatch, capfd):
    signals = np.load(folder / "both.npz")["signals"]
    lines = "ax,ay,az\n" + "".join(",".join(map(str, sample)) + "\n" for sample in signals)
    stdin = SimpleNamespace(buffer=io.BytesIO(lines.encode()), isatty=lambda: False)
    monkeypatch.setattr("sys.stdin", stdin)
    command("stream", "--run-dir", run)
    answers = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
    assert [answer["samples"] for answer in answers] == list(range(32, 161, 16))
    assert (answers[0]["label"], answers[-1]["label"]) == ("slow", "fast")


@pytest.mark.slow
def test_folds_test_everybody_once(folder, tmp_path, capfd):
    command("folds", "--dataset", folder, "--run-dir", tmp_path, "--folds", 3, *TINY, "--epochs", 1, "--json")
    report = last_line(capfd)
    assert [row["fold"] for row in report["folds"]] == [1, 2, 3]
    assert sum(row["people"] for row in report["folds"]) == 5
    assert report["mean"]["accuracy"] == pytest.approx(np.mean([row["accuracy"] for row in report["folds"]]))
    right = sum(row["accuracy"] * row["windows"] for row in report["folds"])
    assert report["mean"]["pooled_accuracy"] == pytest.approx(right / sum(row["windows"] for row in report["folds"]))
    command("folds", "--dataset", folder, "--run-dir", tmp_path, "--folds", 3, *TINY, "--epochs", 1, "--json")
    again = last_line(capfd)  # nothing is trained again
    assert again == json.loads((tmp_path / "folds.json").read_text()) == report


def test_validation_people_can_be_learned_from(folder):
    from apps.activity.config import ActivityConfig

    plain, more = (
        ActivityApp().load_data(ActivityConfig(dataset=str(folder), window=32, stride=16, train_on_validation=wanted))
        for wanted in (False, True)
    )
    validation = {*plain.dataset.splits["validation"].people}
    assert not validation & {*plain.training_recordings.people}
    assert validation < {*more.training_recordings.people}
    assert not {*more.dataset.splits["test"].people} & {*more.training_recordings.people}
    assert "scores tell nothing" in more.notes[-1]
    assert (
        more.training_batches(more.config).number_of_examples > plain.training_batches(plain.config).number_of_examples
    )


@pytest.mark.slow
def test_exported_files_answer_as_keras_does(run, tmp_path, export_here, capfd):
    options = ("--formats", "saved_model,litert,onnx", "--quantize", "none,int8", "--json")
    command("export", "--run-dir", run, "--saved-models", tmp_path, *options)
    report = last_line(capfd)["report"]
    assert {row["format"] for row in report} == {"keras", "saved_model", "onnx", "litert"}
    assert all(row["agreement"] >= 0.97 for row in report)


@pytest.mark.slow
def test_files_for_microcontrollers_tell_their_memory(run, tmp_path, export_here, capfd):
    pytest.importorskip("tflite_micro")
    options = ("--formats", "litert", "--quantize", "none,int8", "--target", "micro", "--examples", 20, "--json")
    command("export", "--run-dir", run, "--saved-models", tmp_path, *options)
    report = last_line(capfd)["report"]
    assert all(0 < row["arena_bytes"] < 100_000 for row in report if row["format"] == "litert")


@pytest.mark.slow
def test_the_saved_model_opens_in_a_new_process(run):
    use = "outputs = model({'signals': np.ones((1, 32, 3))}); print(outputs['label'].shape, outputs['summary'].shape)"
    assert load_in_a_new_process("apps.activity.model", run, use) == "(1,) (1, 2)"


def test_the_packaged_recordings(tmp_path, monkeypatch):
    """A file of the published form is divided by person."""
    people = np.repeat(np.arange(1, 11), 2)
    stored = {
        "X": [np.full((4, 6), float(number)) for number in range(20)],
        "y": people % 7,
        "subject": people,
        "side": np.array([0.0, 1.0] * 10),
        "X_labels": list(CHANNELS),
        "y_labels": ["PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW"],
    }
    path = tmp_path / "watch.npy"
    np.save(path, np.array(stored, object), allow_pickle=True)
    monkeypatch.setattr(packaged_builder, "fetch", lambda file, cache_dir: path)
    builder = ShoulderExercises(data_dir=tmp_path / "tfds")
    builder.download_and_prepare()
    expected = assign_people([str(number) for number in people])
    for split in SPLITS:
        examples = list(tfds.as_numpy(builder.as_dataset(split=split)))
        assert {example["person"].decode() for example in examples} == {
            one for one, of in expected.items() if of == split
        }
        assert all(
            example["signals"].shape == (4, 6) and example["label"] == int(example["person"]) % 7
            for example in examples
        )
    assert builder.info.metadata["channels"] == list(CHANNELS)
