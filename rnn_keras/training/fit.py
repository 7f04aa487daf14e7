"""Keras's fit with early stopping that survives being killed: the state of every finished epoch is on the disk."""

import contextlib
import sys
import time
from collections.abc import Callable, Sequence

import keras

from rnn_keras.errors import UserError
from rnn_keras.files import read_object, replacing, write_json
from rnn_keras.training.broken_step import told
from rnn_keras.training.cluster import Cluster
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.together import own_masks, train_together


class LossBroken(UserError):
    """The loss has become infinite or no number."""


class EpochState(keras.callbacks.Callback):
    """Stops early, or at a loss that is no number, and leaves after each epoch what is needed to go on from there.

    `checkpoint/state.json` holds the epochs' values, which name the last and the best one, and the states of the random
    generators; `checkpoint/epoch-N.weights.h5` holds, for these two, the weights and the optimiser's state.
    keras.callbacks.EarlyStopping and BackupAndRestore do not go together: the first forgets its best epoch when the
    second resumes, and neither keeps the random generators.

    Args:
        run: where the checkpoints and `history.csv` are kept.
        monitor: the value that decides, `val_accuracy` or `val_loss` and the like.
        mode: `"max"` if more is better, `"min"` if less is.
        patience: epochs without a better value after which training stops.
        writes: False for a process that trains along with the one that keeps the files.
    """

    def __init__(self, run: RunDirectory, monitor: str, mode: str, patience: int, writes: bool = True):
        super().__init__()
        self.run = run
        self.monitor = monitor
        self.sign = 1 if mode == "max" else -1
        self.patience = patience
        self.writes = writes
        self.state_file = run.checkpoint / "state.json"
        kept = {"epochs": [], "random_states": []}
        if self.state_file.exists():
            kept = read_object(self.state_file, *kept)
        self.rows: list[dict] = kept["epochs"]
        self.random_states: list[list[int]] = kept["random_states"]
        self.broken: tuple[int, float] | None = None  # the step whose loss was no number, and the loss

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
        return bool(self.rows) and self.epochs_done - self.best_epoch >= self.patience

    def weights_file(self, epoch: int):
        return self.run.checkpoint / f"epoch-{epoch}.weights.h5"

    def random_generators(self) -> list[keras.Variable]:
        """The states behind dropout, which Keras's weight files leave out."""
        return [variable for variable in self.model.variables if variable.name == "seed_generator_state"]

    def go_on(self) -> None:
        """Puts the model into the state in which the last finished epoch left it."""
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
        loss = (logs or {}).get("loss", 0.0)
        if not abs(loss) < float("inf"):
            self.broken = (batch + 1, loss)
            self.model.stop_training = True

    def on_epoch_begin(self, epoch, logs=None):
        self.good_weights = self.model.get_weights()
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        if self.broken:
            return  # this epoch does not count
        seconds = round(time.perf_counter() - self.started, 2)
        values = {name: float(value) for name, value in (logs or {}).items()}
        self.rows.append({"epoch": epoch + 1, **values, "seconds": seconds})
        if self.writes:
            self.write(epoch)
        if self.is_over:
            self.model.stop_training = True

    def write(self, epoch: int) -> None:
        """The state after an epoch, counted from 0, which is the last of `rows`."""
        with replacing(self.weights_file(epoch + 1)) as temporary:
            self.model.save_weights(temporary)
        # This file decides what counts; weights that it does not name are left over from a killed epoch.
        self.random_states = [generator.numpy().tolist() for generator in self.random_generators()]
        write_json(self.state_file, {"epochs": self.rows, "random_states": self.random_states})
        self.run.write_history(self.rows)
        for file in self.run.checkpoint.glob("epoch-*.weights.h5"):
            if file not in (self.weights_file(self.best_epoch), self.weights_file(self.epochs_done)):
                file.unlink()


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
        patience, monitor, mode: see `EpochState`.
        callbacks: more of them; what they add to the logs of an epoch is kept with it.
        cluster: the processes that each call this at the same time; None: there is but this one.

    Returns:
        A dict per epoch, `epoch`, the metrics and `seconds`; and the number of the best epoch.

    Raises:
        LossBroken: the loss is no number any more.
        UserError: a checkpoint is damaged, or another process was lost.
    """
    leads = cluster is None or cluster.leads
    state = EpochState(run, monitor, mode, patience, writes=leads)
    state.set_model(model)
    model.optimizer.build(model.trainable_variables)
    if state.epochs_done:
        state.go_on()
        if leads:
            print(f"going on after epoch {state.epochs_done} of {run.path}")
    if cluster is not None:
        train_together(model, cluster)
        own_masks(state.random_generators(), cluster.rank)
    if not state.is_over and state.epochs_done < epochs:
        # Keras redraws its bar only on a terminal; elsewhere it would print a line per redraw.
        verbose = 1 if sys.stdout.isatty() else 2
        board = [keras.callbacks.TensorBoard(str(run.logs), write_graph=False)]
        with cluster.told_of_losses() if cluster is not None else contextlib.nullcontext():
            model.fit(
                batches(state.epochs_done),
                validation_data=validation,
                initial_epoch=state.epochs_done,
                epochs=epochs,
                steps_per_epoch=steps_per_epoch,
                shuffle=False,  # the batches are shuffled already
                verbose=verbose if leads else 0,
                callbacks=[*(callbacks if leads else ()), state, *(board if leads else ())],
            )
        if state.broken:
            step, loss = state.broken
            model.set_weights(state.good_weights)
            why = told(model, next(iter(batches(state.epochs_done).skip(step - 1))))
            raise LossBroken(
                f"the loss became {loss} at step {step} of epoch {state.epochs_done + 1}; {why}; lower --learning-rate "
                "or --clip-norm, or mend the data, and start anew with --overwrite "
                f"({state.epochs_done} finished epoch(s) are kept in {run.checkpoint})"
            )
    if cluster is not None:
        cluster.meet()  # the best weights are on the disk
    state.restore(state.best_epoch)
    return state.rows, state.best_epoch
