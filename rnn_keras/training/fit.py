"""Keras's fit with early stopping that survives being killed: the state of every finished epoch is on the disk."""

import contextlib
import errno
import io
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import keras
import tensorflow as tf
from keras import ops

from rnn_keras.distributed.cluster import Cluster
from rnn_keras.distributed.data_parallel import distribute_model, offset_dropout_seeds
from rnn_keras.training.nonfinite import told
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.variables import make_variables
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import cannot_write, read_object, write_bytes, write_json


class NonFiniteLoss(UserError):
    """The loss or the weights have become infinite or no numbers."""


class CheckpointCallback(keras.callbacks.Callback):
    """Stops early, or at what is no number, and leaves after each epoch what is needed to go on from there.

    `checkpoint/state.json` holds the epochs' values, which name the last and the best one, and the states of the random
    generators; `checkpoint/epoch-N.weights.h5` holds, for these two, the weights and the optimiser's state.
    keras.callbacks.EarlyStopping and BackupAndRestore do not go together: the first forgets its best epoch when the
    second resumes, and neither keeps the random generators.

    Args:
        run: where the checkpoints and `history.csv` are kept.
        monitor: the value that decides, `val_accuracy` or `val_loss` and the like.
        mode: `"max"` if more is better, `"min"` if less is.
        patience: epochs without a better value after which training stops.
        good_enough: training stops after a value that is better than this; None: none is.
        cluster: the processes that train along, of which the first keeps the files; None: there is but this one.
    """

    def __init__(
        self,
        run: RunDirectory,
        monitor: str,
        mode: str,
        patience: int,
        good_enough: float | None = None,
        cluster: Cluster | None = None,
    ):
        super().__init__()
        self.run = run
        self.monitor = monitor
        self.sign = 1 if mode == "max" else -1
        self.patience = patience
        self.good_enough = good_enough
        self.cluster = cluster
        self.writes = cluster is None or cluster.is_chief
        self.state_file = run.checkpoint / "state.json"
        kept = {"epochs": [], "random_states": []}
        if self.state_file.exists():
            kept = read_object(self.state_file, *kept)
        self.rows: list[dict] = kept["epochs"]
        self.random_states: list[list[int]] = kept["random_states"]
        self.step = 0  # of this epoch, from 1
        self.broken: str | None = None  # what became no number, and at which step

    @property
    def epochs_done(self) -> int:
        return len(self.rows)

    @property
    def best_epoch(self) -> int:
        """Counted from 1. Of equals, which few validation examples often make, that of the lowest loss."""
        scores = [(self.sign * row[self.monitor], -row["val_loss"]) for row in self.rows]
        return scores.index(max(scores)) + 1

    @property
    def is_over(self) -> bool:
        """By the epochs' values alone, so that a run that was cut off here trains no further."""
        if not self.rows:
            return False
        best = self.rows[self.best_epoch - 1][self.monitor]
        enough = self.good_enough is not None and self.sign * best > self.sign * self.good_enough
        return enough or self.epochs_done - self.best_epoch >= self.patience

    def weights_file(self, epoch: int):
        return self.run.checkpoint / f"epoch-{epoch}.weights.h5"

    def random_generators(self) -> list[keras.Variable]:
        """The states behind dropout, which Keras's weight files leave out."""
        return [variable for variable in self.model.variables if variable.name == "seed_generator_state"]

    def go_on(self) -> None:
        """Puts the model into the state in which the last finished epoch left it, or the best, if that is damaged."""
        try:
            self.restore(self.epochs_done)
        except UserError:
            if self.best_epoch == self.epochs_done:
                raise
            if self.writes:
                print(f"{self.weights_file(self.epochs_done)} is damaged; the best epoch's weights are taken instead")
            self.rows = self.rows[: self.best_epoch]
            self.restore(self.epochs_done)
        generators = self.random_generators()
        if len(generators) != len(self.random_states):
            raise UserError(f"{self.state_file} is of another model; start anew with --overwrite")
        for generator, state in zip(generators, self.random_states, strict=True):
            generator.assign(state)

    def restore(self, epoch: int) -> None:
        try:
            self.model.load_weights(self.weights_file(epoch))
        except (OSError, ValueError, KeyError) as error:
            raise UserError(
                f"{self.weights_file(epoch)} cannot be loaded ({error}); it is damaged, start anew with --overwrite"
            ) from error

    def on_train_batch_end(self, batch, logs=None):
        self.step = batch + 1
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            self.stop_at(f"the loss became {loss} at step {self.step}")

    def stop_at(self, broken: str) -> None:
        self.broken = broken
        self.model.stop_training = True

    def no_number(self, values: dict) -> str | None:
        """What is no finite number after an epoch in which each step's loss was one; None: nothing.

        A gradient that is none in the last step shows in the weights alone.
        """
        for variable in self.model.weights:
            if keras.backend.is_float_dtype(variable.dtype) and not ops.all(ops.isfinite(variable)):
                return f"the weights {variable.path} became no finite numbers by step {self.step}, the last"
        for name in dict.fromkeys(("loss", "val_loss", self.monitor)):
            if name in values and not math.isfinite(values[name]):
                return f"{name} became {values[name]} after step {self.step}, the last"
        return None

    def on_epoch_begin(self, epoch, logs=None):
        self.good_weights = self.model.get_weights()
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        if self.broken:
            return  # this epoch does not count
        seconds = round(time.perf_counter() - self.started, 2)
        values = {name: float(value) for name, value in (logs or {}).items()}
        broken = self.no_number(values)
        if broken:
            self.stop_at(broken)
            return
        if self.cluster is not None:
            # What decides is the same to the last digit: else some might stop, and the others wait for them.
            deciding = [self.monitor, "val_loss"]
            values |= zip(deciding, self.cluster.broadcast([values[name] for name in deciding]), strict=True)
        self.rows.append({"epoch": epoch + 1, **values, "seconds": seconds})
        if self.writes:
            self.write(epoch)
        if self.is_over:
            self.model.stop_training = True

    def write(self, epoch: int) -> None:
        """The state after an epoch, counted from 0, which is the last of `rows`."""
        # Not to the disk: where it is full, HDF5 writes a page of its own, or crashes.
        weights = InMemory()
        self.model.save_weights(weights)
        write_bytes(self.weights_file(epoch + 1), weights.getbuffer())
        # This file decides what counts; weights that it does not name are left over from a killed epoch.
        self.random_states = [generator.numpy().tolist() for generator in self.random_generators()]
        write_json(self.state_file, {"epochs": self.rows, "random_states": self.random_states})
        self.run.write_history(self.rows)
        for file in self.run.checkpoint.glob("epoch-*.weights.h5"):
            if file not in (self.weights_file(self.best_epoch), self.weights_file(self.epochs_done)):
                file.unlink()


class InMemory(io.BytesIO):
    """What Keras takes for a file of weights."""

    def __str__(self):
        return "memory.weights.h5"


@contextlib.contextmanager
def translate_disk_errors(run: RunDirectory) -> Iterator[None]:
    """Turns what TensorBoard's writers raise where they cannot write, which is no OSError, into a sentence."""
    try:
        yield
    except tf.errors.OpError as error:
        codes = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EIO)
        why = next((os.strerror(code) for code in codes if os.strerror(code) in str(error)), None)
        if why is None:
            raise
        raise cannot_write(run.logs, why) from error


def fit(
    model: keras.Model,
    batches: Callable,
    validation,
    run: RunDirectory,
    *,
    steps_per_epoch: int,
    epochs: int,
    patience: int,
    monitor: str,
    mode: str,
    good_enough: float | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    cluster: Cluster | None = None,
) -> tuple[list[dict], int]:
    """Trains a compiled model, from the last finished epoch of the run on, and leaves it with the best epoch's weights.

    Args:
        batches: `endless` of the training's `rnn_keras.data.batching.Batches`, or another function of an epoch's
            number that gives the batches from there on.
        validation: batches to score after each epoch.
        run: the run's folder.
        steps_per_epoch: batches of an epoch.
        epochs: the most of them.
        patience, monitor, mode, good_enough: see `CheckpointCallback`.
        callbacks: more of them, for the first process alone, so that they may stop nothing; what they add to the logs
            of an epoch is kept with it.
        cluster: the processes that each call this at the same time; None: there is but this one.

    Returns:
        A dict per epoch, `epoch`, the metrics and `seconds`; and the number of the best epoch.

    Raises:
        NonFiniteLoss: the loss or the weights are no numbers any more.
        UserError: a checkpoint is damaged, the disk is full, or another process was lost.
    """
    is_chief = cluster is None or cluster.is_chief
    state = CheckpointCallback(run, monitor, mode, patience, good_enough, cluster)
    state.set_model(model)
    make_variables(model, batches(state.epochs_done))
    if state.epochs_done:
        state.go_on()
        if is_chief:
            run.write_history(state.rows)  # a kill may have come before it was
            print(f"going on after epoch {state.epochs_done} of {run.path}")
    if cluster is not None:
        distribute_model(model, cluster)
        offset_dropout_seeds(state.random_generators(), cluster.rank)
    if not state.is_over and state.epochs_done < epochs:
        # Keras redraws its bar only on a terminal; elsewhere it would print a line per redraw.
        verbose = 1 if sys.stdout.isatty() else 2
        board = [keras.callbacks.TensorBoard(str(run.logs), write_graph=False)]
        with (
            cluster.translate_worker_failure() if cluster is not None else contextlib.nullcontext(),
            translate_disk_errors(run),
        ):
            model.fit(
                batches(state.epochs_done),
                validation_data=validation,
                initial_epoch=state.epochs_done,
                epochs=epochs,
                steps_per_epoch=steps_per_epoch,
                shuffle=False,  # the batches are shuffled already
                verbose=verbose if is_chief else 0,
                callbacks=[*(callbacks if is_chief else ()), state, *(board if is_chief else ())],
            )
        if state.broken:
            model.set_weights(state.good_weights)
            why = told(model, next(iter(batches(state.epochs_done).skip(state.step - 1))))
            raise NonFiniteLoss(
                f"{state.broken} of epoch {state.epochs_done + 1}; {why}; lower --learning-rate or --clip-norm, or "
                "mend the data, and start anew with --overwrite "
                f"({state.epochs_done} finished epoch(s) are kept in {run.checkpoint})"
            )
    if cluster is not None:
        cluster.meet()  # the best weights are on the disk
    state.restore(state.best_epoch)
    return state.rows, state.best_epoch
