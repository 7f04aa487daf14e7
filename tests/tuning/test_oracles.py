"""The store after a kill between two of its writes."""

import json

import pytest

from rnn_keras.tuning.oracles import make_oracle
from rnn_keras.tuning.space import Float

SPACE = {"rate": Float(0.0, 1.0)}


def open_oracle(folder, tuner="random"):
    oracle = make_oracle(tuner, SPACE, "val_loss", "min", 4, epochs=4, seed=1)
    oracle._set_project_dir(str(folder), "tune")
    return oracle


def complete(oracle, trial, score):
    oracle.update_trial(trial.trial_id, {"val_loss": score})
    trial.status = "COMPLETED"
    oracle.end_trial(trial)


@pytest.fixture(params=["random", "bayesian", "hyperband"])
def tuner(request):
    return request.param


def test_a_trial_that_is_in_its_own_file_alone_is_run(tuner, tmp_path):
    oracle = open_oracle(tmp_path, tuner)
    oracle.save()
    before = (tmp_path / "tune" / "oracle.json").read_bytes()
    trial = oracle.create_trial("a")
    (tmp_path / "tune" / "oracle.json").write_bytes(before)  # killed before the second write

    again = open_oracle(tmp_path, tuner)
    again.reload()
    retried = again.create_trial("a")
    assert retried.trial_id == trial.trial_id
    assert retried.hyperparameters.values == trial.hyperparameters.values
    assert again.create_trial("b").trial_id == "1"


def test_a_trial_that_has_ended_is_not_run_again(tuner, tmp_path):
    oracle = open_oracle(tmp_path, tuner)
    trial = oracle.create_trial("a")
    complete(oracle, trial, 0.5)  # the store still says that it is running
    assert json.loads((tmp_path / "tune" / "oracle.json").read_text())["ongoing_trials"] == {"a": "0"}

    again = open_oracle(tmp_path, tuner)
    again.reload()
    assert again.create_trial("a").trial_id == "1"
    assert again.end_order == ["0"] and again.get_best_trials(1)[0].score == 0.5


def test_an_end_that_is_reported_twice_counts_once(tmp_path):
    oracle = open_oracle(tmp_path)
    trial = oracle.create_trial("a")
    complete(oracle, trial, 0.5)
    trial.status = "FAILED"
    oracle.end_trial(trial)
    assert oracle.end_order == ["0"] and oracle.trials["0"].score == 0.5


def test_hyperband_starts_new_brackets_until_there_are_enough_trials(tmp_path):
    oracle = open_oracle(tmp_path, "hyperband")
    oracle.max_trials = 25
    for number in range(25):
        complete(oracle, oracle.create_trial("a"), number / 10)
    assert oracle.create_trial("a").status == "STOPPED"
