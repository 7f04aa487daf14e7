"""The trials of a search, one after another in one process, on data that are prepared once."""

import dataclasses
import gc
import os
import shutil
import time
from pathlib import Path

import keras
import keras_tuner
import tensorflow as tf
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.errors import FailedTrialError
from tensorboard.plugins.hparams import api as hparams

from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.train import train_network
from rnn_keras.tuning.oracles import ENDED, REASON, without_words
from rnn_keras.tuning.progress import Progress, settings_of
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import atomic_write, read_object, write_json, write_text

ATTEMPTS = 3  # of a trial whose process dies each time before an epoch is finished
KEPT = 8  # trials whose weights Hyperband may go on from


class Search(BaseTuner):
    """A tuner of KerasTuner whose trials are runs of an app.

    A trial's folder is a run's folder while it is trained, so that after a kill it goes on after its last finished
    epoch. Its weights are removed as soon as nothing can go on from them.

    Args:
        app: the application.
        config: the settings that the search does not touch.
        data: what `app.load_data(config)` returned.
        epochs: the most of a trial.
        oracle: decides on the trials.
        directory: KerasTuner's store.
        progress: what tells the user of the trials; None where another process does.
    """

    def __init__(self, app, config, data, epochs: int, oracle, directory: Path, progress: Progress | None = None):
        self.app, self.config, self.data, self.epochs, self.progress = app, config, data, epochs, progress
        with without_words():
            super().__init__(oracle, directory=str(directory.parent), project_name=directory.name)
        if not self._is_worker():
            self.save()  # KerasTuner's first save comes with the end of the first trial

    def _get_tuner_fname(self):
        # One name for a search, however many processes it has.
        return os.path.join(self.project_dir, "tuner.json")

    def save(self):
        if not self._is_worker():
            self.oracle.save()
            write_json(Path(self._get_tuner_fname()), self.get_state())

    def run_of(self, trial_id: str) -> RunDirectory:
        return RunDirectory(Path(self.get_trial_dir(trial_id)))

    def pre_create_trial(self):
        time.sleep(0.1)  # an oracle that waits for other trials is asked again and again

    def on_trial_begin(self, trial):
        if self.progress:
            self.progress.begin(trial)

    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        self.remove_weights()
        if self.progress:
            self.progress.end(self.oracle.get_trial(trial.trial_id))

    def run_trial(self, trial) -> dict[str, float]:
        """Trains and gives the values of the best epoch."""
        started = time.perf_counter()
        keras.backend.clear_session()  # what the last trial left in Keras's and TensorFlow's global state
        gc.collect()
        try:
            return self._trained(trial) | {"seconds": time.perf_counter() - started}
        except keras_tuner.errors.FatalError:
            raise
        except Exception as error:
            write_text(self.run_of(trial.trial_id).path / REASON, reason(error))
            raise FailedTrialError(reason(error)) from error

    def _trained(self, trial) -> dict[str, float]:
        run, values = self.run_of(trial.trial_id), trial.hyperparameters.values
        epochs = values.get("tuner/epochs", self.epochs)
        config = dataclasses.replace(self.config, epochs=self.epochs, **settings_of(trial))
        if run.config.exists() and read_object(run.config) != dataclasses.asdict(config):
            run.clear()
        run.begin(config, overwrite=False)
        self._take_over(run, values.get("tuner/trial_id"))
        with Attempt(run):
            objective = self.oracle.objective
            trained = train_network(
                self.app, config, self.data, run, epochs=epochs, monitor=objective.name, mode=objective.direction
            )
        rows, best = trained.history
        figures = {name: value for name, value in rows[best - 1].items() if name.startswith("val_")}
        with tf.summary.create_file_writer(str(run.logs / "hparams")).as_default():
            hparams.hparams(settings_of(trial), trial_id=trial.trial_id)
            for name, value in figures.items():
                tf.summary.scalar(name, value, step=best)
        return figures

    def _take_over(self, run: RunDirectory, other_id: str | None) -> None:
        """Puts what another trial of the same settings has learnt in place, where it is still there."""
        if other_id is None or run.checkpoint.exists():
            return
        other = self.run_of(other_id).checkpoint
        if other.exists():
            with atomic_write(run.checkpoint) as temporary:
                shutil.copytree(other, temporary)

    def remove_weights(self) -> None:
        """Removes the weights of trials that have ended; all but the best where Hyperband may go on from them."""
        trials = [self.oracle.get_trial(path.name.removeprefix("trial_")) for path in trial_folders(self.project_dir)]
        ended = [trial for trial in trials if trial.status in ENDED]
        sign = 1 if self.oracle.objective.direction == "max" else -1
        scored = sorted((t for t in ended if t.score is not None), key=lambda t: sign * t.score, reverse=True)
        unfinished = [t for t in scored if t.hyperparameters.values.get("tuner/epochs", self.epochs) < self.epochs]
        kept = {trial.trial_id for trial in unfinished[:KEPT]}
        for trial in ended:
            if trial.trial_id not in kept:
                shutil.rmtree(self.run_of(trial.trial_id).checkpoint, ignore_errors=True)


class Attempt:
    """Counts how often a trial was begun, and refuses one whose process died again and again without an epoch."""

    def __init__(self, run: RunDirectory):
        self.file = run.path / "attempts.json"
        state = run.checkpoint / "state.json"
        self.epochs = len(read_object(state, "epochs")["epochs"]) if state.exists() else 0
        self.before = 0
        if self.file.exists():
            kept = read_object(self.file, "attempts", "epochs")
            self.before = kept["attempts"] if kept["epochs"] == self.epochs else 0

    def __enter__(self):
        if self.before >= ATTEMPTS:
            raise UserError(
                f"its process died {self.before} times before an epoch was finished, as when memory runs out"
            )
        write_json(self.file, {"attempts": self.before + 1, "epochs": self.epochs})

    def __exit__(self, kind, error, trace):
        if kind is None or not issubclass(kind, Exception):  # Ctrl-C is the user's will, not the trial's fault
            write_json(self.file, {"attempts": self.before, "epochs": self.epochs})


def trial_folders(project: str | Path) -> list[Path]:
    return sorted(path.parent for path in Path(project).glob("trial_*/trial.json"))


def reason(error: BaseException) -> str:
    """Why a trial failed, in a line."""
    if isinstance(error, (MemoryError, tf.errors.ResourceExhaustedError)):
        return "out of memory"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    words = lines[0] if lines else type(error).__name__
    return words if isinstance(error, UserError) else f"{type(error).__name__}: {words}"[:300]
