"""Several devices of one machine that train one model."""

import contextlib

import keras
import tensorflow as tf

from rnn_keras.distributed.batch_shard import BatchShard
from rnn_keras.distributed.data_parallel import distribute_model


class Devices:
    """The GPUs of this machine or, where there are none, its CPU devices, each with a shard of every batch.

    The weights are on one device; the others read them again in each step. A `ProcessGroup` of one process.

    Attributes:
        names: of the devices.
    """

    processes = 1
    rank = 0
    is_chief = True

    def __init__(self) -> None:
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        self.names = [device.name for device in devices]

    def distribute(self, model: keras.Model) -> None:
        """Makes `fit` and `evaluate` of a compiled model compute each batch in shards; see `distribute_model`."""
        distribute_model(model, self)

    def shards(self, rows: tf.Tensor) -> list[BatchShard]:
        """The shards of a batch, one for each device.

        Args:
            rows: of the batch, a scalar tensor.
        """
        return [BatchShard(rows, index, len(self.names), name) for index, name in enumerate(self.names)]

    def sum(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        """The tensors as they are: there are no other processes to sum over."""
        return tensors

    def barrier(self) -> None:
        """Returns at once: there are no other processes."""

    def broadcast(self, values: list[float]) -> list[float]:
        """The values as they are."""
        return values

    def translate_worker_failure(self) -> contextlib.AbstractContextManager[None]:
        """Does nothing: there are no other processes."""
        return contextlib.nullcontext()
