"""KerasTuner's oracles, whose files survive a kill at any moment: no trial is lost, and none is counted twice."""

import contextlib
import io
from pathlib import Path

import keras_tuner
from keras_tuner.oracles import BayesianOptimizationOracle, HyperbandOracle, RandomSearchOracle

from rnn_keras.tuning.space import SearchSpace, hyperparameters
from rnn_keras.utils.files import write_json

ENDED = ("COMPLETED", "FAILED")
REASON = "reason.txt"  # in a trial's folder: why it failed


class Durable:
    """Atomic writes, and a store that is mended when it is read again.

    KerasTuner writes the trial's own file first and the oracle's second, each in place, and it writes down that a trial
    is under way until after that it has ended.
    """

    def save(self):
        write_json(Path(self._get_oracle_fname()), self.get_state())

    def _save_trial(self, trial):
        write_json(Path(self._get_trial_dir(trial.trial_id)) / "trial.json", trial.get_state())

    def reload(self):
        super().reload()
        for trial_id in sorted(self.trials):
            trial = self.trials[trial_id]
            if trial_id not in self.start_order:
                self.start_order.append(trial_id)
            if trial_id not in self._id_to_hash:
                self._record_values(trial)
            if trial.status in ENDED and trial_id not in self.end_order:
                self.end_order.append(trial_id)
        # Taken from the end: the oldest first.
        self._retry_queue = sorted((t for t in self.trials if self.trials[t].status not in ENDED), reverse=True)

    @keras_tuner.synchronized
    def end_trial(self, trial):
        # A worker that was given up may answer after all.
        if trial.trial_id in self.end_order:
            return
        reason = Path(self._get_trial_dir(trial.trial_id)) / REASON
        if reason.exists():  # the message itself does not travel from a worker to the chief
            trial.message = reason.read_text(encoding="utf-8")
        super().end_trial(trial)


class RandomSearch(Durable, RandomSearchOracle):
    pass


class Hyperband(Durable, HyperbandOracle):
    pass


class BayesianOptimization(Durable, BayesianOptimizationOracle):
    pass


def make_oracle(tuner: str, space: SearchSpace, objective: str, mode: str, max_trials: int, epochs: int, seed: int):
    """An oracle of the kind `tuner`: random, hyperband or bayesian.

    Args:
        objective, mode: the value to be made `"min"` or `"max"`.
        epochs: the most that Hyperband gives to a trial.
    """
    options = {
        "objective": keras_tuner.Objective(objective, mode),
        "hyperparameters": hyperparameters(space),
        "seed": seed,
        # A trial that fails says why, and the search goes on.
        "max_consecutive_failed_trials": max_trials + 1,
    }
    if tuner == "hyperband":
        oracle = Hyperband(max_epochs=epochs, hyperband_iterations=None, **options)
        oracle.max_trials = max_trials  # new brackets are begun until there are so many
    else:
        kind = RandomSearch if tuner == "random" else BayesianOptimization
        oracle = kind(max_trials=max_trials, **options)
    oracle.verbose = 0
    return oracle


@contextlib.contextmanager
def without_words():
    """KerasTuner prints that it reads its store again."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
