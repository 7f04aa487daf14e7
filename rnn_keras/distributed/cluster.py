"""Several processes that train one model, one device each."""

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from rnn_keras.distributed.batch_shard import BatchShard
from rnn_keras.distributed.data_parallel import distribute_model
from rnn_keras.utils.errors import UserError, first_line


class Cluster:
    """The processes that the environment variable TF_CONFIG lists, including this one, one device each.

    TF_CONFIG is TensorFlow's own description, `{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker",
    "index": 0}}`, as Kubernetes' TFJob, Vertex AI and Ray set it. Create it before TensorFlow computes anything.

    Attributes:
        rank: of this process, from 0.
        processes: the number of processes.

    Raises:
        UserError: TF_CONFIG is missing or is not such a description.
    """

    def __init__(self) -> None:
        self.rank, self.processes = read_tf_config(os.environ.get("TF_CONFIG"))
        try:
            self._strategy = tf.distribute.MultiWorkerMirroredStrategy()
        except (ValueError, RuntimeError, tf.errors.OpError) as error:
            raise UserError(
                f"the processes that TF_CONFIG lists cannot connect ({first_line(error)}); start each of them, "
                "at addresses that the others can reach"
            ) from error

    @property
    def is_chief(self) -> bool:
        """Whether this is the process that writes the files and prints progress."""
        return self.rank == 0

    def distribute(self, model: keras.Model) -> None:
        """Makes `fit` and `evaluate` of a compiled model compute each batch in shards; see `distribute_model`."""
        distribute_model(model, self)

    def shards(self, rows: tf.Tensor) -> list[BatchShard]:
        """The shards of a batch that this process computes.

        Args:
            rows: of the batch, a scalar tensor.
        """
        return [BatchShard(rows, self.rank, self.processes)]

    def sum(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        """The sums of the tensors over all processes, the same in each."""
        if not tensors:
            return []

        def all_reduce(*tensors: tf.Tensor) -> Any:
            local = [tf.identity(tensor) for tensor in tensors]  # placed on this process's device
            return tf.distribute.get_replica_context().all_reduce("SUM", local)

        return self._strategy.run(all_reduce, args=tuple(tensors))

    def broadcast(self, values: list[float]) -> list[float]:
        """The chief's values, in every process."""
        summand = tf.constant(values if self.is_chief else [0.0] * len(values), tf.float64)
        (total,) = self.sum([summand])
        return total.numpy().tolist()

    def barrier(self) -> None:
        """Waits until all processes have called this.

        Raises:
            UserError: another process was lost.
        """
        with self.translate_worker_failure():
            self.sum([tf.constant(1.0)])

    @contextlib.contextmanager
    def translate_worker_failure(self) -> Iterator[None]:
        """Turns what TensorFlow raises when another process is lost into a `UserError`."""
        try:
            yield
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
            raise UserError(
                f"another process was lost ({first_line(error)}), so this one stops too; the same command in all "
                "processes resumes after the last finished epoch"
            ) from error


def read_tf_config(text: str | None) -> tuple[int, int]:
    """The rank of this process and the number of processes."""
    form = 'expected {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": N}}'
    if text is None:
        raise UserError(
            f"--strategy multi_worker reads the environment variable TF_CONFIG, which is not set; {form}, or use "
            "--workers N to start N processes on this machine"
        )
    try:
        return _find_process(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise UserError(f"TF_CONFIG is {text[:200]!r} ({error}): {form}") from error


def _find_process(config: Any) -> tuple[int, int]:
    """The rank of this process and the number of processes in a description.

    Raises:
        ValueError: it is not of TensorFlow's form; the message is what is wrong.
    """
    parts = [config.get(name) if isinstance(config, dict) else None for name in ("cluster", "task")]
    cluster, task = parts
    if not isinstance(cluster, dict) or not isinstance(task, dict):
        raise ValueError("it is not an object with the objects cluster and task")
    for kind, addresses in cluster.items():
        if not isinstance(addresses, list) or not all(map(_is_address, addresses)):
            raise ValueError(f"the addresses of {kind} are not a list of host:port")
    everybody = [address for addresses in cluster.values() for address in addresses]
    if len(set(everybody)) < len(everybody):
        raise ValueError("two processes have the same address")
    # A chief, where there is one, counts as the first of the workers.
    processes = [(kind, number) for kind in ("chief", "worker") for number in range(len(cluster.get(kind, ())))]
    index = task.get("index")
    if not isinstance(index, int | str) or isinstance(index, bool) or not str(index).isdecimal():
        raise ValueError("the index of the task is not a number from 0")
    process = (str(task.get("type")), int(index))
    if process not in processes:
        raise ValueError(f"the cluster has no task {process[0]} with the index {process[1]}")
    return processes.index(process), len(processes)


def _is_address(address: Any) -> bool:
    host, colon, port = address.rpartition(":") if isinstance(address, str) else ("", "", "")
    return bool(host and colon and port.isdecimal() and int(port) < 2**16)
