"""Settings: files of the wrong types or choices are one sentence, and automatic values fit the data."""

import dataclasses
import json
from pathlib import Path

import pytest

from apps.captioning.config import CaptioningConfig
from apps.translation.config import TranslationConfig
from rnn_keras.training.config import TrainingConfig, hash_config, read_config
from rnn_keras.utils.errors import UserError
from tests.helpers.tiny_app import PlainApp


@dataclasses.dataclass(frozen=True)
class OwnConfig(TrainingConfig):
    """With the types that an app of somebody's own may have."""

    dataset: str = "mine.csv"
    bidirectional: bool = True
    sizes: tuple[int, ...] = (1, 2)
    folder: Path | None = None
    weights: dict[str, float] = dataclasses.field(default_factory=dict)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"bidirectional": "no"}, '"bidirectional" must be true or false, got "no"'),
        ({"bidirectional": 0}, '"bidirectional" must be true or false, got 0'),
        ({"batch_size": "64"}, '"batch_size" must be an integer, got "64"'),
        ({"batch_size": None}, '"batch_size" must be an integer, got null'),
        ({"batch_size": True}, '"batch_size" must be an integer, got true'),
        ({"epochs": 2.5}, '"epochs" must be an integer or null, got 2.5'),
        ({"learning_rate": "0.1"}, '"learning_rate" must be a number, got "0.1"'),
        ({"learning_rate": [0.1]}, r'"learning_rate" must be a number, got \[0.1\]'),
        ({"learning_rate": 10**400}, '"learning_rate" must be a number that a computer can hold, got 1000'),
        ({"learning_rate": float("nan")}, "--learning-rate must be a finite number, got nan"),
        ({"clip_norm": float("inf")}, "--clip-norm must be a finite number, got inf"),
        ({"schedule": "cosinus"}, '"schedule" must be one of "constant", "cosine", "linear", got "cosinus"'),
        ({"schedule": {}}, '"schedule" must be one of "constant", "cosine", "linear", got {}'),
        ({"dataset": None}, '"dataset" must be a text, got null'),
        ({"dataset": {"name": "x"}}, '"dataset" must be a text, got'),
        ({"sizes": [1, "2"]}, '"sizes" must be a list, each item an integer, got'),
        ({"sizes": 3}, '"sizes" must be a list, each item an integer, got 3'),
        ({"folder": 3}, '"folder" must be a path or null, got 3'),
        ({"weights": {"a": "b"}}, '"weights" must be an object, each value a number, got'),
        ({"seed": -1}, "--seed must be at least 0"),
        ({"beams": 3}, "settings that this app does not have: beams"),
    ],
)
def test_a_setting_of_another_type_names_the_file_and_what_is_expected(setting, expected):
    with pytest.raises(UserError, match=rf"^mine\.json.*{expected}"):
        read_config(OwnConfig, setting, "mine.json")


def test_settings_are_the_same_after_json():
    config = OwnConfig(sizes=(3, 5), folder=Path("a/b"), weights={"x": 2.0}, learning_rate=1.0)
    read = read_config(OwnConfig, json.loads(json.dumps(config.to_json())), "mine.json")
    assert read == config and hash_config("own", read) == hash_config("own", config)
    assert isinstance(read_config(OwnConfig, {"learning_rate": 1}, "mine.json").learning_rate, float)


def test_settings_without_a_default_are_needed():
    with pytest.raises(UserError, match=r"mine\.json lacks the settings dataset"):
        read_config(TrainingConfig, {}, "mine.json")


@pytest.mark.parametrize("content", ["[1]", "3", "null", '"text"', '{"units": {"units": 3}}', '{"units": "4"}'])
def test_a_file_of_another_shape_is_one_sentence(content, tmp_path, capfd):
    (tmp_path / "mine.json").write_text(content)
    with pytest.raises(SystemExit) as ended:
        PlainApp().main(["train", "--config", str(tmp_path / "mine.json"), "--run-dir", str(tmp_path / "run")])
    assert ended.value.code == 2 and not (tmp_path / "run").exists()
    [line] = capfd.readouterr().err.splitlines()
    assert line.startswith("error: ") and "mine.json" in line


@pytest.mark.parametrize(("steps", "patience"), [(1, 100), (30, 4), (50, 2), (1000, 2)])
def test_automatic_patience_is_more_where_epochs_are_short(steps, patience):
    assert TrainingConfig("x").count_patience(steps) == patience
    assert TrainingConfig("x", patience=1).count_patience(steps) == 1


@pytest.mark.parametrize("config_class", [TranslationConfig, CaptioningConfig])
def test_the_warm_up_fits_the_data(config_class):
    """249 pairs were 64 steps, under a warm-up of 200; 30 images stopped in it."""
    config = config_class(learning_rate=2e-3)
    for steps_per_epoch in (1, 8, 30, 1000):
        epochs = config.count_epochs(steps_per_epoch)
        steps = epochs * steps_per_epoch
        assert steps >= 500 and config.count_warm_up(steps) <= steps / 3
        assert config.count_patience(steps_per_epoch) * steps_per_epoch >= config.count_warm_up(steps)
        optimizer = config.make_optimizer(steps_per_epoch)
        optimizer.iterations.assign(steps // 3)
        assert float(optimizer.learning_rate) > 0.7 * 2e-3
    assert config.count_warm_up(8000) == 200


@pytest.mark.parametrize(
    ("settings", "steps_per_epoch", "expected"),
    [
        ({"warm_up": 200, "epochs": 8}, 8, "rises over 200 steps and the training has 64, so it can hardly learn"),
        ({"epochs": 3}, 4, "12 step(s) in all are few for a network that begins at random; raise --epochs"),
        ({}, 4, None),
        ({"warm_up": 5, "epochs": 8}, 8, None),
    ],
)
def test_a_training_that_can_hardly_learn_says_so(settings, steps_per_epoch, expected):
    problems = TrainingConfig("x", **settings).find_problems(steps_per_epoch)
    assert [expected in problem for problem in problems] == ([] if expected is None else [True])


def test_few_examples_for_a_large_task_are_noted():
    assert "at most 64 examples to learn from" in CaptioningConfig().find_problems(1)[0]
    assert CaptioningConfig().find_problems(10) == []
