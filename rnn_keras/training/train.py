"""Seed, batches, network, fit: the one sequence behind `train`, a search's trials and a sweep over settings."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from rnn_keras.export.keras_file_writer import find_unsaveable_layers
from rnn_keras.layers.assets import copy_assets
from rnn_keras.layers.fast_path import has_gpu
from rnn_keras.layers.processor import has_bfloat16_products
from rnn_keras.training.fit import History, fit
from rnn_keras.training.process_group import ProcessGroup
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.task import Trainable, TrainingData

if TYPE_CHECKING:
    from rnn_keras.data.batching import Batches


@dataclasses.dataclass(frozen=True)
class TrainedNetwork:
    """A network with the weights of its best epoch, and how it was trained.

    Attributes:
        network: as `build_network` made it.
        history: of `fit`.
        callbacks: the task's own, with what they have recorded.
        initial_weights: the values of the network's weights before training, by their paths.
    """

    network: keras.Model
    history: History
    callbacks: Sequence[keras.callbacks.Callback]
    initial_weights: dict[str, Any]


def build_initial_network(task: Trainable, config: Any, data: TrainingData) -> tuple["Batches", keras.Model]:
    """The batches of a training, and the network before it: the same for the same seed, so that it need not be kept.

    Args:
        task, config, data: see `train_network`.
    """
    # After the data: preparing it for the first time draws random numbers, and must not change the result.
    keras.utils.set_random_seed(config.seed)
    training = data.training_batches(config)
    with contextlib.nullcontext() if config.dtype == "float32" else default_dtype(config.dtype):
        return training, task.build_network(config, data, config.make_optimizer(training.number_of_batches))


@contextlib.contextmanager
def default_dtype(dtype: str) -> Iterator[None]:
    """Within it layers are made with this dtype, such as "mixed_bfloat16", where they are given none."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def in_float32(task: Trainable, config: Any, data: TrainingData, network: keras.Model) -> keras.Model:
    """The network of a task with the weights of this one, computing with float32."""
    with default_dtype("float32"):
        _, copy = build_initial_network(task, dataclasses.replace(config, dtype="float32"), data)
    copy.set_weights(network.get_weights())
    copy_assets(network, copy)
    return copy


def train_network(
    task: Trainable,
    config: Any,
    data: TrainingData,
    run: RunDirectory,
    *,
    epochs: int | None = None,
    monitor: str | None = None,
    mode: str | None = None,
    stop_value: float | None = None,
    group: ProcessGroup | None = None,
    batches: Callable[[int], tf.data.Dataset] | None = None,
) -> TrainedNetwork:
    """Builds the network of a task and trains it by the task's config.

    Args:
        task: the app, or anything with these methods.
        config: its settings.
        data: as `task.load_data(config)` returned it.
        run: a run directory that has begun.
        epochs, monitor, mode, stop_value: instead of the task's own.
        group: the processes or devices that train together.
        batches: instead of the data's own batches, such as those of a data service; see `fit`.

    Raises:
        NonFiniteLoss, UserError: see `fit`.
    """
    training, network = build_initial_network(task, config, data)
    is_chief = group is None or group.is_chief
    if is_chief:
        if config.dtype == "mixed_bfloat16" and not (has_bfloat16_products() or has_gpu()):
            print("note: this processor does not multiply bfloat16 numbers, for which --dtype mixed_bfloat16 is meant")
        for problem in find_unsaveable_layers(network):
            print(f"note: {problem}")
        task.pretrain(network, config, data, run)
    if group is not None:
        group.barrier()
        if not group.is_chief:
            task.pretrain(network, config, data, run)  # which reads what the chief has learnt
    initial_weights = [weight.numpy() for weight in network.weights]
    callbacks = list(task.callbacks(config, data, run))
    own_monitor = monitor is None or monitor == task.monitor
    if stop_value is None and own_monitor:
        stop_value = task.stop_value(config, data)
    history = fit(
        network,
        batches or training.endless,
        data.validation_dataset(),
        run,
        steps_per_epoch=training.number_of_batches,
        epochs=epochs or config.count_epochs(training.number_of_batches),
        patience=config.count_patience(training.number_of_batches),
        monitor=monitor or task.monitor,
        mode=mode,
        stop_value=stop_value,
        callbacks=callbacks,
        group=group,
    )
    network = network if config.dtype == "float32" else in_float32(task, config, data, network)
    by_path = {weight.path: values for weight, values in zip(network.weights, initial_weights, strict=True)}
    return TrainedNetwork(network, history, callbacks, by_path)
