"""Examples made as they are needed: those of training never come twice."""

import dataclasses

import numpy as np
import tensorflow as tf

from apps.memory.config import MemoryConfig
from apps.memory.tasks import Task, task_of
from rnn_keras.data.batching import Batches, FixedBatches

HELD_OUT = 1000
EVALUATION_BATCH = 250
SPLITS = ("train", "validation", "test")


class GeneratedBatches(Batches):
    """Batches of new examples, each of which its epoch, its number and the seed decide.

    Args:
        task: what makes them.
        steps: batches in an epoch.
        batch_size, seed: see `Batches`.
    """

    def __init__(self, task: Task, steps: int, batch_size: int, seed: int):
        super().__init__(steps * batch_size, batch_size, shuffle=True, seed=seed)
        self.task = task

    def plan(self, epoch: int) -> list[np.ndarray]:
        """For each batch its epoch and its number."""
        return [np.array([epoch, number]) for number in range(self.number_of_batches)]

    @property
    def signature(self) -> tuple[tf.TensorSpec, ...]:
        parts = self.batch(np.array([0, 0]))
        return tuple(tf.TensorSpec(part.shape, part.dtype) for part in parts)

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, ...]:
        generator = np.random.default_rng([SPLITS.index("train"), self.seed, *indices])
        return self.task.examples(generator, self.batch_size)


@dataclasses.dataclass(frozen=True)
class MemoryData:
    """Everything that a training run reads."""

    task: Task
    splits: dict[str, tuple[np.ndarray, np.ndarray]]

    @property
    def notes(self) -> list[str]:
        return []

    @property
    def summary(self) -> str:
        return f"{self.task}; {HELD_OUT} examples each to validate and to test, new ones in every step of training"

    def validation_dataset(self) -> tf.data.Dataset:
        return FixedBatches(self.splits["validation"], EVALUATION_BATCH, shuffle=False).dataset()

    def training_batches(self, config: MemoryConfig) -> GeneratedBatches:
        return GeneratedBatches(self.task, config.epoch_steps, config.batch_size, config.seed)


def load(config: MemoryConfig) -> MemoryData:
    task = task_of(config.dataset, config.length, config.items)
    return MemoryData(task, {split: held_out(task, split) for split in SPLITS})


def held_out(task: Task, split: str) -> tuple[np.ndarray, np.ndarray]:
    """A thousand examples, the same ones for every seed; of the train split such as training could have."""
    if split == "all":
        return tuple(np.concatenate(parts) for parts in zip(*(held_out(task, name) for name in SPLITS), strict=True))
    # Seeds of one number are of no batch, whose seeds have four.
    return task.examples(np.random.default_rng(SPLITS.index(split)), HELD_OUT)
