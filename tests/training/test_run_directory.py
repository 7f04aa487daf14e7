"""What a run leaves is protected, and a run of other settings is not mixed into it."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import rnn_keras
from rnn_keras.training.config import TrainingConfig, read_config
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.utils.errors import UserError

CONFIG = TrainingConfig(dataset="data.csv")


def test_a_finished_run_is_only_replaced_on_request(tmp_path):
    run = RunDirectory(tmp_path)
    run.begin(CONFIG, overwrite=False)
    run.finish({"test": {"accuracy": 1.0}})
    (tmp_path / "notes.txt").write_text("the user's own")

    with pytest.raises(UserError, match="holds a finished run; add --overwrite"):
        run.begin(CONFIG, overwrite=False)
    run.begin(CONFIG, overwrite=True)

    assert not run.finished
    assert (tmp_path / "notes.txt").exists()


def test_folders_that_no_run_left_are_not_touched(tmp_path):
    (tmp_path / "logs").mkdir()
    with pytest.raises(UserError, match=r"has logs but no config\.json"):
        RunDirectory(tmp_path).begin(CONFIG, overwrite=True)
    assert (tmp_path / "logs").exists()


def test_a_file_in_the_place_of_a_run_is_told(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(UserError, match="is a file where a run's folder was expected"):
        RunDirectory(tmp_path / "run").begin(CONFIG, overwrite=True)


def test_what_a_killed_run_was_writing_is_removed(tmp_path):
    (tmp_path / "plots" / ".writing-abc").mkdir(parents=True)
    run = RunDirectory(tmp_path)
    run.config.write_text(json.dumps(dataclasses.asdict(CONFIG)))
    run.begin(CONFIG, overwrite=False)

    assert list((tmp_path / "plots").iterdir()) == []


def test_an_unfinished_run_goes_on_with_its_own_settings_only(tmp_path):
    run = RunDirectory(tmp_path)
    run.begin(CONFIG, overwrite=False)
    run.begin(CONFIG, overwrite=False)

    with pytest.raises(UserError, match=r"other settings \(seed 1 there, 2 now\)"):
        run.begin(dataclasses.replace(CONFIG, seed=2), overwrite=False)


def test_no_run_and_a_damaged_model_are_sentences(tmp_path):
    run = RunDirectory(tmp_path)
    with pytest.raises(UserError, match="holds no finished run; train one first"):
        run.load_model()
    run.finish({})
    with pytest.raises(UserError, match=r"model\.keras cannot be loaded"):
        run.load_model()
    run.model.write_bytes(b"PK no archive")
    with pytest.raises(UserError, match=r"model\.keras cannot be loaded"):
        run.load_model()


def test_a_model_file_with_code_in_it_is_refused(tmp_path):
    run = RunDirectory(tmp_path)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Lambda(lambda x: x + 1)])
    run.save_model(model)
    run.finish({})

    with pytest.raises(UserError, match=r"model\.keras cannot be loaded"):
        run.load_model()


@pytest.mark.parametrize(
    ("setting", "flag"),
    [
        ({"epochs": -1}, "--epochs"),
        ({"seed": -1}, "--seed"),
        ({"learning_rate": 0.0}, "--learning-rate"),
        ({"clip_norm": -1.0}, "--clip-norm"),
    ],
)
def test_a_setting_out_of_range_names_its_flag(setting, flag):
    with pytest.raises(UserError, match=f"{flag} must be .*, got"):
        TrainingConfig(dataset="x", **setting)


def test_a_config_of_another_app_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match="settings that this app does not know: beam_width"):
        read_config(TrainingConfig, {"dataset": "x", "beam_width": 4}, tmp_path / "config.json")


@pytest.mark.parametrize(("epochs", "steps", "passes"), [(0, 1000, 2), (0, 3, 134), (0, 200, 2), (7, 3, 7)])
def test_small_data_are_passed_over_more_often(epochs, steps, passes):
    assert TrainingConfig(dataset="x", epochs=epochs).passes(steps) == passes


@pytest.mark.parametrize(("schedule", "at_half"), [("constant", 1.0), ("cosine", 0.5), ("linear", 0.5)])
def test_the_learning_rate_follows_its_schedule(schedule, at_half):
    config = TrainingConfig(dataset="x", epochs=10, learning_rate=0.01, schedule=schedule, clip_norm=0)
    optimizer = config.make_optimizer(steps_per_epoch=10)

    optimizer.iterations.assign(50)
    assert float(optimizer.learning_rate) == pytest.approx(0.01 * at_half, rel=1e-5)
    assert optimizer.global_clipnorm is None


def test_a_new_process_knows_every_layer_that_a_model_file_may_name():
    """Not only those that the command which trained it had imported."""
    package = Path(rnn_keras.__file__).parent
    registering = {
        ".".join(("rnn_keras", *path.relative_to(package).with_suffix("").parts))
        for path in package.rglob("*.py")
        if "register_keras_serializable" in path.read_text()
    }
    of_training = {"rnn_keras.training.losses", "rnn_keras.training.schedules"}  # models are loaded uncompiled
    code = "import sys; from rnn_keras.training.run_directory import know_layers; know_layers(); print(*sys.modules)"
    known = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "apps.video_tagging.ensemble" in registering
    assert registering - of_training <= set(known)
