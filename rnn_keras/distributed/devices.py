"""Several devices of one machine that train one model."""

import tensorflow as tf

from rnn_keras.distributed.batch_shard import BatchShard


class Devices:
    """The GPUs of this machine or, where there is none, its processors, each with a share of every batch's rows.

    The weights are those of one device; the others read them anew in each step.
    """

    processes = 1

    def __init__(self):
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        self.names = [device.name for device in devices]

    def shares(self, rows: tf.Tensor) -> list[BatchShard]:
        """Those that this process computes."""
        return [BatchShard(rows, place, len(self.names), name) for place, name in enumerate(self.names)]

    def sum(self, tensors: list) -> list:
        """The tensors of all processes, added up: there is but this one."""
        return tensors
