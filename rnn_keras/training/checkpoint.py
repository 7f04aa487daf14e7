"""Early stopping that survives a kill: the state of every finished epoch is on the disk."""

import hashlib
import io
import math
import time
from pathlib import Path
from typing import Any

import keras
from keras import ops

from rnn_keras.training.process_group import ProcessGroup
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.task import infer_mode
from rnn_keras.utils.errors import UserError, first_line
from rnn_keras.utils.files import read_object, require_file, write_bytes, write_json


class CheckpointCallback(keras.callbacks.Callback):
    """Stops early, or where a value is not finite, and keeps after each epoch what is needed to resume.

    `checkpoint/state.json` holds the epochs' values, which name the last and the best one, and the states of the random
    generators; `checkpoint/epoch-N.weights.h5` holds, for these two, the weights and the optimizer's state.
    keras.callbacks.EarlyStopping and BackupAndRestore do not work together: the first forgets its best epoch when the
    second resumes, and neither keeps the random generators.

    Args:
        run: where the checkpoints and `history.csv` are kept.
        monitor: the value that decides which epoch is best, such as `val_accuracy` or `val_loss`.
        patience: epochs without a better value after which training stops.
        mode: `"max"` or `"min"`; None: see `infer_mode`.
        stop_value: training stops after an epoch whose value is better than this; None: never.
        group: the processes that train together, of which the chief keeps the files; None: this process alone.
    """

    def __init__(
        self,
        run: RunDirectory,
        monitor: str,
        patience: int,
        *,
        mode: str | None = None,
        stop_value: float | None = None,
        group: ProcessGroup | None = None,
    ):
        super().__init__()
        self.run = run
        self.monitor = monitor
        self.sign = 1 if (mode or infer_mode(monitor)) == "max" else -1
        self.patience = patience
        self.stop_value = stop_value
        self.group = group
        self.is_chief = group is None or group.is_chief
        self.state_file = run.checkpoint / "state.json"
        state: dict[str, Any] = {"epochs": [], "random_states": []}
        if self.state_file.exists():
            state = read_object(self.state_file, *state)
        self.rows: list[dict[str, Any]] = state["epochs"]
        self.random_states: list[list[int]] = state["random_states"]
        self.checksums: dict[str, str] = state.get("sha256", {})  # of the weights files, by their names
        self._require_epochs()
        self.step = 0  # of this epoch, from 1
        self.failure: str | None = None  # what is not finite, and since which step

    @property
    def model(self) -> keras.Model:
        """The model that is trained."""
        model = super().model
        assert model is not None
        return model

    @property
    def epochs_done(self) -> int:
        """The number of finished epochs."""
        return len(self.rows)

    @property
    def best_epoch(self) -> int:
        """The number of the best epoch, from 1; of equal values, the one with the lowest validation loss.

        With few validation examples, accuracies are often equal.
        """
        scores = [(self.sign * row[self.monitor], -row["val_loss"]) for row in self.rows]
        return scores.index(max(scores)) + 1

    @property
    def should_stop(self) -> bool:
        """Whether training is over; it depends on the rows alone, so a run that was killed at this point stays over."""
        if not self.rows:
            return False
        best = self.rows[self.best_epoch - 1][self.monitor]
        reached = self.stop_value is not None and self.sign * best > self.sign * self.stop_value
        return reached or self.epochs_done - self.best_epoch >= self.patience

    def weights_file(self, epoch: int) -> Path:
        """The file with the weights after an epoch, counted from 1."""
        return self.run.checkpoint / f"epoch-{epoch}.weights.h5"

    def random_generators(self) -> list[keras.Variable]:
        """The seeds of dropout, which Keras's weight files leave out."""
        return [variable for variable in self.model.variables if variable.name == "seed_generator_state"]

    def resume(self) -> None:
        """Restores the model to the last finished epoch, or to the best one if the last one's file is damaged.

        Raises:
            UserError: the files are damaged, or belong to another model.
        """
        try:
            self.restore(self.epochs_done)
        except UserError:
            if self.best_epoch == self.epochs_done:
                raise
            if self.is_chief:
                print(f"{self.weights_file(self.epochs_done)} is damaged; the best epoch's weights are used instead")
            self.rows = self.rows[: self.best_epoch]
            self._forget_checksums()
            self.restore(self.epochs_done)
        generators = self.random_generators()
        if len(generators) != len(self.random_states):
            raise UserError(f"{self.state_file} belongs to another model; start again with --overwrite")
        try:
            for generator, state in zip(generators, self.random_states, strict=True):
                generator.assign(state)
        except (ValueError, TypeError) as error:
            raise self._make_state_error() from error

    def _require_epochs(self) -> None:
        names = ("epoch", self.monitor, "val_loss")
        is_list = isinstance(self.rows, list) and all(isinstance(row, dict) for row in self.rows)
        if not is_list or not all(isinstance(row.get(name), int | float) for row in self.rows for name in names):
            raise self._make_state_error()
        if not isinstance(self.random_states, list) or not isinstance(self.checksums, dict):
            raise self._make_state_error()

    def _make_state_error(self) -> UserError:
        return UserError(
            f"{self.state_file} does not hold the epochs of a training with the value {self.monitor}; it is damaged, "
            "start again with --overwrite"
        )

    def _forget_checksums(self) -> None:
        kept = {self.weights_file(epoch).name for epoch in (self.best_epoch, self.epochs_done)}
        self.checksums = {name: checksum for name, checksum in self.checksums.items() if name in kept}

    def restore(self, epoch: int) -> None:
        """Loads the weights and the optimizer's state of an epoch, counted from 1.

        Raises:
            UserError: the file is damaged.
        """
        file = self.weights_file(epoch)
        require_file(file)
        try:
            checksum = hashlib.sha256(file.read_bytes()).hexdigest()
            if self.checksums.get(file.name, checksum) != checksum:  # HDF5 has none and would load what it finds
                raise ValueError("its checksum is another one")
            self.model.load_weights(file)
        except (OSError, ValueError, KeyError) as error:
            raise UserError(
                f"{file} cannot be loaded ({first_line(error)}); it is damaged, start again with --overwrite"
            ) from error

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.step = batch + 1
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            self.fail(f"the loss became {loss} at step {self.step}")

    def fail(self, reason: str) -> None:
        """Stops the training after a value that is not finite."""
        self.failure = reason
        self.model.stop_training = True

    def find_nonfinite(self, values: dict[str, float]) -> str | None:
        """A clause on what is not finite after an epoch in which each step's loss was finite; None: nothing.

        A gradient that is not finite in the last step shows in the weights alone.

        Args:
            values: of the epoch.
        """
        for variable in self.model.weights:
            if keras.backend.is_float_dtype(variable.dtype) and not ops.all(ops.isfinite(variable)):
                return f"the weights {variable.path} were no longer finite after step {self.step}, the last"
        for name in dict.fromkeys(("loss", "val_loss", self.monitor)):
            if name in values and not math.isfinite(values[name]):
                return f"{name} became {values[name]} after step {self.step}, the last"
        return None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.weights_before_epoch = self.model.get_weights()
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.failure:
            return  # this epoch does not count
        seconds = round(time.perf_counter() - self.started, 2)
        values = {name: float(value) for name, value in (logs or {}).items()}
        if self.monitor not in values:
            raise UserError(f"an epoch has no value {self.monitor!r}; expected one of {', '.join(values)}")
        failure = self.find_nonfinite(values)
        if failure:
            self.fail(failure)
            return
        if self.group is not None:
            # These must be the same to the last digit in all processes: else some would stop, and the others wait.
            names = [self.monitor, "val_loss"]
            values |= zip(names, self.group.broadcast([values[name] for name in names]), strict=True)
        self.rows.append({"epoch": epoch + 1, **values, "seconds": seconds})
        if self.is_chief:
            self.write(epoch)
        if self.should_stop:
            self.model.stop_training = True

    def write(self, epoch: int) -> None:
        """Writes the state after an epoch, counted from 0, which is the last of `rows`.

        Raises:
            UserError: a file cannot be written.
        """
        # Not straight to the disk: where it is full, HDF5 writes a page of its own, or crashes.
        weights = MemoryFile()
        self.model.save_weights(weights)
        file, content = self.weights_file(epoch + 1), weights.getbuffer()
        write_bytes(file, content)
        self.checksums[file.name] = hashlib.sha256(content).hexdigest()
        self._forget_checksums()
        # This file says which epochs count; weights that it does not name are left over from a killed epoch.
        self.random_states = [generator.numpy().tolist() for generator in self.random_generators()]
        state = {"epochs": self.rows, "random_states": self.random_states, "sha256": self.checksums}
        write_json(self.state_file, state)
        self.run.write_history(self.rows)
        for file in self.run.checkpoint.glob("epoch-*.weights.h5"):
            if file not in (self.weights_file(self.best_epoch), self.weights_file(self.epochs_done)):
                file.unlink()


class MemoryFile(io.BytesIO):
    """A buffer that Keras accepts as a weights file, because of the extension of its name."""

    def __str__(self) -> str:
        return "memory.weights.h5"
