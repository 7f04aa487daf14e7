"""The trials of a search, one after another in one process, on data that are prepared once."""

import dataclasses
import gc
import os
import shutil
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
import keras
import keras_tuner
import tensorflow as tf
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial
from keras_tuner.errors import FailedTrialError, FatalError
from tensorboard.plugins.hparams import api as hparams

from rnn_keras.training.config import TrainingConfig
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.task import Trainable, TrainingData
from rnn_keras.training.train import train_network
from rnn_keras.tuning.oracles import FINAL_STATUSES, suppress_output
from rnn_keras.tuning.plan import ATTEMPTS_FILE, FAILURE_FILE, list_trial_folders
from rnn_keras.tuning.progress import Progress, get_settings
from rnn_keras.tuning.store import TRIAL_FILE
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.faults import find_disk_fault, find_machine_fault
from rnn_keras.utils.files import atomic_write, read_object, write_json, write_text

MAX_ATTEMPTS = 3  # at a trial that each time runs out of memory, or whose process dies, before it finishes an epoch
KEPT_CHECKPOINTS = 8  # of trials that Hyperband may continue


class MachineFault(FatalError, UserError):
    """A full disk, or too little memory, which ends a search: the trial is not at fault and resumes with the search."""


class Search(BaseTuner):
    """A tuner of KerasTuner whose trials are runs of an app.

    A trial's directory is a run directory while it is trained, so that after a kill the trial resumes after its last
    finished epoch. Its checkpoint is removed as soon as nothing can resume from it.

    Args:
        app: the app, or any other task.
        config: the settings that the search does not change.
        data: what `app.load_data(config)` returned; None in a chief, which runs no trials.
        epochs: the most epochs of a trial.
        oracle: chooses the settings of each trial.
        directory: KerasTuner's store.
        progress: reports the trials to the user; None: another process does.
    """

    oracle: keras_tuner.Oracle  # in a worker, KerasTuner's client with the same methods

    def __init__(
        self,
        app: Trainable,
        config: TrainingConfig,
        data: TrainingData | None,
        epochs: int,
        oracle: keras_tuner.Oracle,
        directory: Path,
        progress: Progress | None = None,
    ):
        self.app, self.config, self.data, self.epochs, self.progress = app, config, data, epochs, progress
        with suppress_output():
            super().__init__(oracle, directory=str(directory.parent), project_name=directory.name)
        if not self._is_worker() and not oracle.trials and list_trial_folders(directory):
            self.reload()  # KerasTuner does so by itself where tuner.json is there
        if not self._is_worker():
            self.save()  # KerasTuner's first save comes with the end of the first trial

    def _get_tuner_fname(self) -> str:
        # One name for a search, however many processes it has.
        return os.path.join(self.project_dir, "tuner.json")

    def save(self) -> None:
        if not self._is_worker():
            self.oracle.save()
            write_json(Path(self._get_tuner_fname()), self.get_state())

    def reload(self) -> None:
        # tuner.json is always empty, and whether it is damaged does not matter.
        if not self._is_worker():
            self.oracle.reload()

    def get_run(self, trial_id: str) -> RunDirectory:
        """The run directory of a trial."""
        return RunDirectory(Path(self.get_trial_dir(trial_id)))

    def pre_create_trial(self) -> None:
        time.sleep(0.1)  # an oracle that waits for other trials is asked again and again

    def on_trial_begin(self, trial: Trial) -> None:
        if self.progress:
            self.progress.report_start(trial)

    def on_trial_end(self, trial: Trial) -> None:
        super().on_trial_end(trial)
        self.remove_checkpoints()
        if self.progress:
            self.progress.report_end(self.oracle.get_trial(trial.trial_id))

    def run_trial(self, trial: Trial, *fit_args: Any, **fit_kwargs: Any) -> dict[str, float]:
        """Trains, and returns the values of the best epoch and the seconds that the trial took."""
        started = time.perf_counter()
        keras.backend.clear_session()  # what the last trial left in Keras's and TensorFlow's global state
        gc.collect()
        try:
            return self._train(trial) | {"seconds": time.perf_counter() - started}
        except Exception as error:
            if find_machine_fault(error):
                raise
            reason = describe_failure(error)
            write_text(self.get_run(trial.trial_id).path / FAILURE_FILE, reason)
            raise FailedTrialError(reason) from error

    def _run_and_update_trial(self, trial: Trial, *fit_args: Any, **fit_kwargs: Any) -> None:
        try:
            super()._run_and_update_trial(trial, *fit_args, **fit_kwargs)
        except grpc.RpcError as error:
            raise FatalError("the chief does not answer") from error  # or the trial would count as failed
        except Exception as error:
            fault = None if isinstance(error, FailedTrialError) else find_machine_fault(error)
            if fault is None:
                raise
            raise MachineFault(
                f"trial {trial.trial_id} stopped, as this machine had a fault ({fault}; {self.project_dir}); free some "
                f"space or memory, and the same command resumes the search; a trial that runs out of memory "
                f"{MAX_ATTEMPTS} times before it finishes an epoch counts as failed"
            ) from error

    def _train(self, trial: Trial) -> dict[str, float]:
        assert self.data is not None
        run, values = self.get_run(trial.trial_id), trial.hyperparameters.values
        epochs = values.get("tuner/epochs", self.epochs)
        config = dataclasses.replace(self.config, epochs=self.epochs, **get_settings(trial))
        if run.config.exists() and read_object(run.config) != config.to_json():
            run.clear()
        run.begin(config, overwrite=False)
        self._copy_checkpoint(values.get("tuner/trial_id"), run)
        objective = self.oracle.objective
        with CrashCounter(run):
            trained = train_network(
                self.app, config, self.data, run, epochs=epochs, monitor=objective.name, mode=objective.direction
            )
        rows, best = trained.history
        metrics = {
            name: value for name, value in rows[best - 1].items() if name.startswith("val_") or name == objective.name
        }
        with tf.summary.create_file_writer(str(run.logs / "hparams")).as_default():
            hparams.hparams(get_settings(trial), trial_id=trial.trial_id)
            for name, value in metrics.items():
                tf.summary.scalar(name, value, step=best)
        return metrics

    def _copy_checkpoint(self, other_id: str | None, run: RunDirectory) -> None:
        """Copies the checkpoint of another trial with the same settings, where there is one, to continue from it."""
        if other_id is None or run.checkpoint.exists():
            return
        other = self.get_run(other_id).checkpoint
        if other.exists():
            with atomic_write(run.checkpoint) as temporary:
                shutil.copytree(other, temporary)

    def remove_checkpoints(self) -> None:
        """Removes the checkpoints of trials that have ended, except the best ones that Hyperband may continue."""
        trials = [self.oracle.get_trial(trial_id) for trial_id in list_trials(self.project_dir)]
        ended = [trial for trial in trials if trial.status in FINAL_STATUSES]
        sign = 1 if self.oracle.objective.direction == "max" else -1
        continuable = [
            (sign * trial.score, trial.trial_id)
            for trial in ended
            if trial.score is not None and trial.hyperparameters.values.get("tuner/epochs", self.epochs) < self.epochs
        ]
        continuable.sort(key=lambda scored: scored[0], reverse=True)
        kept = {trial_id for _, trial_id in continuable[:KEPT_CHECKPOINTS]}
        for trial in ended:
            if trial.trial_id not in kept:
                shutil.rmtree(self.get_run(trial.trial_id).checkpoint, ignore_errors=True)


class CrashCounter:
    """Counts how often the process of a trial died, and refuses the trial after 3 times without a finished epoch.

    Args:
        run: the trial's run directory, where the count is kept in `attempts.json`.
    """

    def __init__(self, run: RunDirectory):
        self.file = run.path / ATTEMPTS_FILE
        self.epochs = run.count_epochs()
        self.crashes = 0
        if self.file.exists():
            earlier = read_object(self.file, "attempts", "epochs")
            self.crashes = earlier["attempts"] if earlier["epochs"] == self.epochs else 0

    def __enter__(self) -> None:
        if self.crashes >= MAX_ATTEMPTS:
            raise UserError(
                f"its process died {self.crashes} times before it finished an epoch, as when memory runs out"
            )
        write_json(self.file, {"attempts": self.crashes + 1, "epochs": self.epochs})

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        is_own = kind is not None and issubclass(kind, Exception) and find_disk_fault(error or "") is None
        if not is_own:  # Ctrl-C is the user's decision, and a full disk not the trial's fault
            write_json(self.file, {"attempts": self.crashes, "epochs": self.epochs})


def list_trials(project_dir: str | Path) -> list[str]:
    """The ids of the trials in KerasTuner's store."""
    folders = list_trial_folders(Path(project_dir))
    return [folder.name.removeprefix("trial_") for folder in folders if (folder / TRIAL_FILE).exists()]


def describe_failure(error: BaseException) -> str:
    """Why a trial failed, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = lines[0] if lines else type(error).__name__
    return message if isinstance(error, UserError) else f"{type(error).__name__}: {message}"[:300]
