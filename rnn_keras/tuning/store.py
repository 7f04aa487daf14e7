"""The trials in KerasTuner's store, each checked as it is read: a damaged file costs a search one trial."""

import math
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import read_object

TRIAL_FILE = "trial.json"
DAMAGED = ".damaged"  # the end of the name that a damaged file gets
STATUSES = ("RUNNING", "IDLE", "INVALID", "STOPPED", "COMPLETED", "FAILED")
DAMAGES = (KeyError, TypeError, ValueError, AttributeError, IndexError)  # what KerasTuner raises for other JSON


def read_trial(folder: Path, space: keras_tuner.HyperParameters) -> Trial:
    """The trial that is kept in a folder.

    Args:
        folder: of the trial, `trial_<id>`.
        space: of the search.

    Raises:
        UserError: its file is missing or damaged, or does not fit the search.
    """
    file = folder / TRIAL_FILE
    try:
        trial = Trial.from_state(read_object(file))
        if trial.trial_id != folder.name.removeprefix("trial_") or trial.status not in STATUSES:
            raise ValueError("it is another trial's")
        _require_values(trial.hyperparameters.values, space)
        if trial.status == "COMPLETED":
            score: Any = trial.score
            if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
                raise ValueError(f"its score is {score!r}")
            for name in trial.metrics.metrics:
                trial.metrics.get_best_value(name)
    except DAMAGES as error:
        raise UserError(f"{file} does not hold a trial of this search ({error})") from error
    return trial


def make_lost_trial(trial_id: str, space: keras_tuner.HyperParameters, reason: str) -> Trial:
    """What stands for a trial whose file is lost: a failed one, so that no other gets its number."""
    trial = Trial(hyperparameters=space.copy(), trial_id=trial_id, status="FAILED")
    trial.message = reason
    return trial


def _require_values(values: dict[str, Any], space: keras_tuner.HyperParameters) -> None:
    for hyperparameter in space.space:
        if hyperparameter.name not in values:
            raise ValueError(f"it has no {hyperparameter.name}")
        hyperparameter.value_to_prob(values[hyperparameter.name])
