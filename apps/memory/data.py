"""Examples that are generated when they are needed: no example of training comes twice."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from apps.memory.config import MemoryConfig
from apps.memory.tasks import CopyTask, Task, make_task
from rnn_keras.data.batching import Batches, FixedBatches
from rnn_keras.data.splits import SPLITS

SPLIT_SIZE = 1000
EVALUATION_BATCH = 250
SHORTEST_SHARE = 0.3  # of the epochs of a curriculum have the shortest pause


class GeneratedBatches(Batches):
    """Batches of new examples, each determined by its epoch, its number and the seed.

    Args:
        task: generates them.
        steps: batches in an epoch.
        batch_size, seed: see `Batches`.
        curriculum: to how many epochs with the shortest pause random ones follow, see `CopyTask.shorten`; None: the
            examples are those of the task from the start.
    """

    def __init__(self, task: Task, steps: int, batch_size: int, seed: int, curriculum: int | None = None) -> None:
        super().__init__(steps * batch_size, batch_size, shuffle=True, seed=seed)
        self.task = task
        self.curriculum = curriculum

    def plan(self, epoch: int) -> list[np.ndarray]:
        """For each batch its epoch and its number."""
        return [np.array([epoch, number]) for number in range(self.number_of_batches)]

    @property
    def signature(self) -> tuple[tf.TensorSpec, ...]:
        steps, targets = self.batch(np.array([0, 0]))
        shape = steps.shape if self.curriculum is None else (self.batch_size, None)
        return tf.TensorSpec(shape, steps.dtype), tf.TensorSpec(targets.shape, targets.dtype)

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, ...]:
        generator = np.random.default_rng([SPLITS.index("train"), self.seed, *indices])
        task = self.task
        if self.curriculum is not None and isinstance(task, CopyTask):
            task = task.shorten(generator if indices[0] >= self.curriculum else None)
        return task.generate(generator, self.batch_size)


@dataclasses.dataclass(frozen=True)
class MemoryData:
    """The examples of a task.

    Attributes:
        task: generates them.
        notes: sentences that the user should read.
    """

    task: Task
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        return f"{self.task}; {SPLIT_SIZE} examples each to validate and to test, new ones in every training step"

    def examples(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """The steps and targets of a split, see `generate_split`; of `all`, of the three together."""
        if split != "all":
            return generate_split(self.task, split)
        steps, targets = zip(*(generate_split(self.task, name) for name in SPLITS), strict=True)
        return np.concatenate(steps), np.concatenate(targets)

    def training_batches(self, config: MemoryConfig) -> GeneratedBatches:
        curriculum = None
        if config.learns_shorter_pauses:
            curriculum = round(SHORTEST_SHARE * config.count_epochs(config.steps_per_epoch))
        return GeneratedBatches(self.task, config.steps_per_epoch, config.batch_size, config.seed, curriculum)

    def validation_dataset(self) -> tf.data.Dataset:
        return FixedBatches(self.examples("validation"), EVALUATION_BATCH, shuffle=False).dataset()


def load_memory_data(config: MemoryConfig) -> MemoryData:
    """The data of a config.

    Raises:
        UserError: the dataset is not a task.
    """
    return MemoryData(make_task(config.dataset, config.length, config.items))


@functools.lru_cache(maxsize=8)
def generate_split(task: Task, split: str) -> tuple[np.ndarray, np.ndarray]:
    """A thousand examples, the same for every seed; those of the train split are like the ones of training."""
    # Seeds of one number belong to no batch, whose seeds have four.
    return task.generate(np.random.default_rng(SPLITS.index(split)), SPLIT_SIZE)
