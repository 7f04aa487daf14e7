"""KerasTuner's oracles, whose files survive a kill at any moment: no trial is lost, and none is counted twice."""

import contextlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras_tuner
from keras_tuner.engine.trial import Trial
from keras_tuner.oracles import BayesianOptimizationOracle, HyperbandOracle, RandomSearchOracle

from rnn_keras.tuning.plan import FAILURE_FILE, list_trial_folders
from rnn_keras.tuning.space import SearchSpace, make_hyperparameters
from rnn_keras.tuning.store import DAMAGED, DAMAGES, TRIAL_FILE, make_lost_trial, read_trial
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import read_object, translate_disk_faults, write_json

FINAL_STATUSES = ("COMPLETED", "FAILED")


class DurableOracle(keras_tuner.Oracle):
    """Atomic writes, and a store that is repaired when it is read again. To be inherited before one of the oracles.

    KerasTuner writes the trial's own file first and the oracle's second, each in place, and the oracle's file names a
    trial as running until after the trial has ended.

    Attributes:
        repairs: sentences on what was damaged or missing in the store that was read.
    """

    repairs: Sequence[str] = ()

    write_error: UserError | None = None  # where a chief answers a worker, nobody else sees it

    def save(self) -> None:
        with self._record_faults():
            write_json(Path(self._get_oracle_fname()), self.get_state())

    def _save_trial(self, trial: Trial) -> None:
        with self._record_faults():
            write_json(Path(self._get_trial_dir(trial.trial_id)) / "trial.json", trial.get_state())

    @contextlib.contextmanager
    def _record_faults(self) -> Iterator[None]:
        try:
            with translate_disk_faults(Path(self._project_dir)):  # TensorFlow makes the folders
                yield
        except UserError as error:
            self.write_error = error
            raise

    def reload(self) -> None:
        self.repairs = repairs = []
        for folder in list_trial_folders(Path(self._project_dir)):
            self._read_trial(folder, repairs)
        file, empty = Path(self._get_oracle_fname()), self.get_state()
        try:
            state = read_object(file)
            trial_ids = {*state["start_order"], *state["end_order"], *state["ongoing_trials"].values()}
            if not all(trial_id.isdecimal() for trial_id in trial_ids) or not isinstance(state["seed_state"], int):
                raise ValueError("it is not the state of a search")
            for trial_id in sorted(trial_ids):
                if trial_id not in self.trials:
                    self._read_trial(Path(self._get_trial_dir(trial_id)), repairs)
            self.set_state(state)
        except (UserError, *DAMAGES) as error:
            self.set_state(empty)  # the trials say themselves what became of them
            repairs.append(f"{file} was missing or damaged ({error}), and is written again from the trials")
        self.ongoing_trials = {}
        for trial_id in sorted(self.trials):
            trial = self.trials[trial_id]
            if trial_id not in self.start_order:
                self.start_order.append(trial_id)
            if trial_id not in self._id_to_hash:
                self._record_values(trial)
            if trial.status in FINAL_STATUSES and trial_id not in self.end_order:
                self.end_order.append(trial_id)
        unfinished = [trial_id for trial_id, trial in self.trials.items() if trial.status not in FINAL_STATUSES]
        self._retry_queue = sorted(unfinished, reverse=True)  # taken from the end: the oldest first

    def _read_trial(self, folder: Path, repairs: list[str]) -> None:
        trial_id = folder.name.removeprefix("trial_")
        try:
            self.trials[trial_id] = read_trial(folder, self.hyperparameters)
        except UserError as error:
            file = folder / TRIAL_FILE
            if file.exists():
                file.replace(file.with_name(TRIAL_FILE + DAMAGED))
            self.trials[trial_id] = make_lost_trial(trial_id, self.hyperparameters, str(error))
            self._id_to_hash[trial_id] = None  # nobody knows its settings
            self._save_trial(self.trials[trial_id])
            repairs.append(f"trial {trial_id} is lost, and counts as a failed one: {error}")

    @keras_tuner.synchronized
    def end_trial(self, trial: Trial) -> None:
        # A worker whose trial was marked as failed may still report its end.
        if trial.trial_id in self.end_order:
            return
        reason = Path(self._get_trial_dir(trial.trial_id)) / FAILURE_FILE
        if reason.exists():  # KerasTuner does not send the message from a worker to the chief
            trial.message = reason.read_text(encoding="utf-8", errors="replace")
        super().end_trial(trial)


class RandomSearch(DurableOracle, RandomSearchOracle):
    """Settings at random."""


class Hyperband(DurableOracle, HyperbandOracle):
    """Settings at random; most epochs for the best of them."""


class BayesianOptimization(DurableOracle, BayesianOptimizationOracle):
    """Settings for which a Gaussian process, fitted to the earlier trials, expects the most."""


def make_oracle(
    tuner: str, space: SearchSpace, objective: str, mode: str, max_trials: int, epochs: int, seed: int
) -> keras_tuner.Oracle:
    """An oracle, which chooses the settings of each trial.

    Args:
        tuner: random, hyperband or bayesian.
        space: the ranges to choose from.
        objective, mode: the value to optimise, and whether its `"min"` or its `"max"` is best.
        max_trials: the largest number of trials.
        epochs: the most epochs that Hyperband gives a trial.
        seed: of the choices.
    """
    options = {
        "objective": keras_tuner.Objective(objective, mode),
        "hyperparameters": make_hyperparameters(space),
        "seed": seed,
        # A failed trial reports its reason, and the search continues.
        "max_consecutive_failed_trials": max_trials + 1,
    }
    if tuner == "hyperband":
        # None: new brackets start until there are max_trials.
        oracle = Hyperband(
            max_epochs=epochs,
            hyperband_iterations=None,  # pyright: ignore[reportArgumentType]
            **options,
        )
        oracle.max_trials = max_trials
    else:
        oracle_class = RandomSearch if tuner == "random" else BayesianOptimization
        oracle = oracle_class(max_trials=max_trials, **options)
    oracle.verbose = 0
    return oracle


@contextlib.contextmanager
def suppress_output() -> Iterator[None]:
    """Suppresses standard output, where KerasTuner announces that it reads its store again."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
