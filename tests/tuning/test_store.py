"""A search whose files are damaged or missing carries on with what is left, and says what is lost."""

import dataclasses
import json
import shutil

import pytest

from rnn_keras.tuning.full_search import make_search
from rnn_keras.tuning.plan import Plan, clear_search, read_plan
from rnn_keras.utils.errors import UserError
from tests.helpers.tiny_app import TinyApp, TinyConfig


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A finished search of three trials, that no test changes."""
    run_dir = tmp_path_factory.mktemp("runs")
    options = ("--epochs", "1", "--max-trials", "3", "--no-compare", "--tuner", "random")
    TinyApp().main(["tune", "--run-dir", str(run_dir), *options])
    return run_dir / "tune"


@pytest.fixture
def directory(searched, tmp_path):
    shutil.copytree(searched, tmp_path / "tune")
    return tmp_path / "tune"


def resume(directory, max_trials=5):
    """The search with its store read again, before a trial is run."""
    plan = Plan(TinyConfig(epochs=1).to_json(), ["units", "rate"], "random", "val_accuracy", max_trials)
    return make_search(TinyApp(), plan, directory, None).oracle


def edit(file, **values):
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def cut(file):
    file.write_bytes(file.read_bytes()[:40])


LOST = {
    "cut off": lambda file: cut(file),
    "a list": lambda file: file.write_text("[]"),
    "empty": lambda file: file.write_text("{}"),
    "missing": lambda file: file.unlink(),
    "its folder is missing": lambda file: shutil.rmtree(file.parent),
    "no score": lambda file: edit(file, score=None),
    "a text for a score": lambda file: edit(file, score="good"),
    "an unknown status": lambda file: edit(file, status="DONE"),
    "another trial": lambda file: edit(file, trial_id="2"),
    "no values": lambda file: edit(file, hyperparameters={"space": [], "values": {}}),
    "a value of another type": lambda file: edit(
        file, hyperparameters={"space": [], "values": {"units": "many", "rate": 0.1}}
    ),
}


@pytest.mark.parametrize("damage", LOST)
def test_a_damaged_trial_counts_as_failed(damage, directory):
    kept = json.loads((directory / "trial_0" / "trial.json").read_text())
    LOST[damage](directory / "trial_1" / "trial.json")
    oracle = resume(directory)

    assert {trial_id: trial.status for trial_id, trial in sorted(oracle.trials.items())} == {
        **{"0": "COMPLETED", "1": "FAILED", "2": "COMPLETED"}
    }
    assert sorted(oracle.end_order) == ["0", "1", "2"]
    [repair] = oracle.repairs
    assert repair.startswith("trial 1 is lost, and counts as a failed one: ")
    assert json.loads((directory / "trial_0" / "trial.json").read_text()) == kept
    assert oracle.create_trial("tuner0").trial_id == "3"  # no other gets its number
    assert resume(directory).repairs == []  # the store is whole again


@pytest.mark.parametrize("damage", [cut, lambda file: file.unlink(), lambda file: file.write_text('["seed"]')])
@pytest.mark.parametrize("name", ["oracle.json", "tuner.json"])
def test_the_files_of_the_search_itself_are_written_again(name, damage, directory):
    damage(directory / name)
    oracle = resume(directory)
    assert [trial.status for trial in oracle.trials.values()] == ["COMPLETED"] * 3
    assert sorted(oracle.end_order) == ["0", "1", "2"] and oracle.create_trial("tuner0").trial_id == "3"
    repairs = [repair for repair in oracle.repairs if "oracle.json was missing or damaged" in repair]
    assert len(repairs) == len(oracle.repairs) == (name == "oracle.json")
    assert resume(directory).repairs == []


def test_an_oracle_of_another_shape_is_written_again(directory):
    for values in ({"start_order": ["../../elsewhere"]}, {"seed_state": "x"}, {"run_times": [1]}, {"display": None}):
        edit(directory / "oracle.json", **values)
        oracle = resume(directory)
        assert len(oracle.end_order) == 3 and len(oracle.repairs) == 1
    assert not (directory.parent / "elsewhere").exists()


def test_a_damaged_plan_is_a_sentence(directory):
    plan = dataclasses.asdict(read_plan(directory))
    for change, expected in [
        ({"tuner": "best"}, r'"tuner" must be one of "random", "hyperband", "bayesian", got "best"'),
        ({"max_trials": "3"}, '"max_trials" must be an integer'),
        ({"searched": "units"}, '"searched" must be a list, each item a text'),
        ({"config": [1]}, '"config" must be an object'),
    ]:
        (directory / "search.json").write_text(json.dumps(plan | change))
        with pytest.raises(UserError, match=expected):
            read_plan(directory)
    with pytest.raises(UserError, match=r"search\.json searches beams, and this app units, rate"):
        make_search(TinyApp(), Plan(plan["config"], ["beams"], "random", "val_accuracy", 3), directory, None)


def test_the_command_tells_what_is_lost_and_carries_on(directory, capfd):
    cut(directory / "trial_1" / "trial.json")
    cut(directory / "oracle.json")
    options = ("--epochs", "1", "--max-trials", "4", "--no-compare", "--tuner", "random")
    TinyApp().main(["tune", "--run-dir", str(directory.parent), *options, "--json"])
    printed = capfd.readouterr()
    report = json.loads(printed.out)
    assert [row["trial"] for row in sorted(report["trials"], key=lambda row: row["trial"])] == ["0", "2", "3"]
    assert list(report["failed"]) == ["1"] and "trial.json cannot be read as JSON" in report["failed"]["1"]
    assert "note: trial 1 is lost" in printed.err and "oracle.json was missing or damaged" in printed.err

    clear_search(directory)
    assert [path.name for path in directory.iterdir()] == [".rnn_keras.json"]
