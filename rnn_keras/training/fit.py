"""Keras's `fit` on a run directory: checkpoints after every epoch, early stopping, resuming after a kill."""

import contextlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from rnn_keras.training.checkpoint import CheckpointCallback
from rnn_keras.training.nonfinite import describe_batch
from rnn_keras.training.process_group import ProcessGroup
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.variables import make_variables
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import translate_disk_faults


class NonFiniteLoss(UserError):
    """The loss or the weights have become infinite or NaN."""


class History(NamedTuple):
    """What `fit` returns.

    Attributes:
        rows: a dict for each epoch: `epoch`, the metrics, `seconds`.
        best_epoch: the number of the epoch whose weights the model has, from 1.
    """

    rows: list[dict[str, Any]]
    best_epoch: int


def fit(
    model: keras.Model,
    batches: Callable[[int], tf.data.Dataset],
    validation: tf.data.Dataset,
    run: RunDirectory,
    *,
    steps_per_epoch: int,
    epochs: int,
    patience: int,
    monitor: str,
    mode: str | None = None,
    stop_value: float | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    group: ProcessGroup | None = None,
) -> History:
    """Trains a compiled model, resuming after the run's last finished epoch, and leaves it with the best weights.

    Args:
        model: any compiled Keras model.
        batches: from the number of an epoch, from 0, to the batches from there on without end, such as `endless` of
            `rnn_keras.data.batching.Batches`.
        validation: batches to score after each epoch.
        run: the directory of the run.
        steps_per_epoch: batches in an epoch.
        epochs: the most epochs.
        patience, monitor, mode, stop_value: see `CheckpointCallback`.
        callbacks: more callbacks, for the chief alone, so they may not stop the training; what they add to the logs of
            an epoch is kept in `history.csv`.
        group: the processes that each call this at the same time; None: this process alone.

    Raises:
        NonFiniteLoss: the loss or the weights are not finite any more.
        UserError: a checkpoint is damaged, the disk is full, or another process was lost.
    """
    is_chief = group is None or group.is_chief
    checkpoint = CheckpointCallback(run, monitor, patience, mode=mode, stop_value=stop_value, group=group)
    checkpoint.set_model(model)
    started_from, training = checkpoint.epochs_done, batches(checkpoint.epochs_done)
    make_variables(model, training)
    if checkpoint.epochs_done:
        checkpoint.resume()
        if checkpoint.epochs_done != started_from:  # the last epoch's file is damaged
            training = batches(checkpoint.epochs_done)
        if is_chief:
            run.write_history(checkpoint.rows)  # a kill may have come before it was written
            print(f"resuming after epoch {checkpoint.epochs_done} of {run.path}")
    if group is not None:
        group.distribute(model)
        for generator in checkpoint.random_generators():  # else all processes would draw the same dropout masks
            generator.assign_add([group.rank, 0])
    since_best = checkpoint.epochs_done and checkpoint.epochs_done - checkpoint.best_epoch
    if is_chief and patience <= since_best and checkpoint.epochs_done < epochs:
        print(
            f"the training is over: {monitor} has been best in epoch {checkpoint.best_epoch} of "
            f"{checkpoint.epochs_done}; to continue it, raise --patience"
        )
    if not checkpoint.should_stop and checkpoint.epochs_done < epochs:
        # Keras redraws its bar only on a terminal; elsewhere it would print a line for each update.
        verbose = 1 if sys.stdout.isatty() else 2
        tensorboard = [keras.callbacks.TensorBoard(str(run.logs), write_graph=False)]
        failures = contextlib.nullcontext() if group is None else group.translate_worker_failure()
        with failures, translate_disk_faults(run.logs):
            model.fit(
                training,
                validation_data=validation,
                initial_epoch=checkpoint.epochs_done,
                epochs=epochs,
                steps_per_epoch=steps_per_epoch,
                shuffle=False,  # the batches are shuffled already
                verbose=verbose if is_chief else 0,  # pyright: ignore[reportArgumentType]
                callbacks=[*(callbacks if is_chief else ()), checkpoint, *(tensorboard if is_chief else ())],
            )
        if checkpoint.failure:
            model.set_weights(checkpoint.weights_before_epoch)
            why = describe_batch(model, next(iter(batches(checkpoint.epochs_done).skip(checkpoint.step - 1))))
            raise NonFiniteLoss(
                f"{checkpoint.failure} of epoch {checkpoint.epochs_done + 1}; {why}; lower --learning-rate or "
                "--clip-norm, or correct the data, and start again with --overwrite "
                f"({checkpoint.epochs_done} finished epoch(s) are kept in {run.checkpoint})"
            )
    if group is not None:
        group.barrier()  # the best weights are on the disk
    checkpoint.restore(checkpoint.best_epoch)
    return History(checkpoint.rows, checkpoint.best_epoch)
