"""What a training needs of the processes or devices that share it."""

import contextlib
from typing import Protocol

import keras


class ProcessGroup(Protocol):
    """Several processes, or several devices of one process, that train one model.

    `rnn_keras.distributed` has two: `Cluster` (processes, on one machine or several) and `Devices` (of one machine).
    """

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""
        ...

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the files and prints progress."""
        ...

    def distribute(self, model: keras.Model) -> None:
        """Makes `fit` and `evaluate` of a compiled model compute each batch in shards."""
        ...

    def barrier(self) -> None:
        """Waits until all processes are here."""
        ...

    def broadcast(self, values: list[float]) -> list[float]:
        """The chief's values, in every process."""
        ...

    def translate_worker_failure(self) -> contextlib.AbstractContextManager[None]:
        """Turns what TensorFlow raises when another process is lost into a `UserError`."""
        ...
