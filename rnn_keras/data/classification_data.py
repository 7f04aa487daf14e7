"""A classified dataset ready to train on: its inputs as arrays or sequences, in batches."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from rnn_keras.data.batching import Batches, BucketedBatches, FixedBatches, predict_sequences
from rnn_keras.data.classification import ClassificationDataset

EVALUATION_BATCH = 256


class ClassificationData:
    """The splits of a classified dataset, encoded for a network when they are first needed.

    Args:
        dataset: as `load_text_dataset` or `load_image_dataset` returns it.
        encode: the raw inputs of some examples -> an array `(n, ...)`, or a list of sequences `(time, ...)`.
        noun: what the examples are, such as "texts".
        details: what the summary adds, such as the size of a vocabulary.
    """

    def __init__(
        self,
        dataset: ClassificationDataset,
        encode: Callable[[Any], np.ndarray | list[np.ndarray]],
        noun: str = "examples",
        details: str = "",
    ):
        self.dataset = dataset
        self.class_names = dataset.class_names
        self.notes = dataset.notes
        self.noun, self.details = noun, details
        self._encode = encode
        self.inputs: Callable[[str], Any] = functools.cache(self._inputs)

    @property
    def summary(self) -> str:
        counts = ", ".join(f"{len(examples)} {split}" for split, examples in self.dataset.splits.items())
        more = f"; {self.details}" if self.details else ""
        return f"{counts} {self.noun}; {len(self.class_names)} classes{more}"

    def _inputs(self, split: str) -> np.ndarray | list[np.ndarray]:
        """The encoded inputs of a split: `(n, ...)`, or sequences `(time, ...)`."""
        return self._encode(self.dataset.examples(split).inputs)

    def labels(self, split: str) -> np.ndarray:
        """`(n,)` int32 indices into the class names."""
        return self.dataset.examples(split).labels

    def training_batches(self, config: Any) -> Batches:
        return self.batches("train", config.batch_size, shuffle=True, seed=config.seed)

    def validation_dataset(self) -> tf.data.Dataset:
        return self.batches("validation", EVALUATION_BATCH).dataset()

    def batches(self, split: str, batch_size: int, *, shuffle: bool = False, seed: int = 0) -> Batches:
        """Batches of a split: sequences are grouped by their lengths and padded."""
        inputs, labels = self.inputs(split), self.labels(split)
        if isinstance(inputs, np.ndarray):
            return FixedBatches([inputs, labels], batch_size, shuffle=shuffle, seed=seed)
        return BucketedBatches(inputs, labels, batch_size, shuffle=shuffle, seed=seed)


def predict_probabilities(network: Any, inputs: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
    """The probabilities of all classes, `(n, classes)`, for an array `(n, ...)` or sequences `(time, ...)`."""
    if isinstance(inputs, np.ndarray):
        return expand_binary(network.predict(inputs, batch_size=EVALUATION_BATCH, verbose=0))
    return expand_binary(predict_sequences(network, inputs))


def expand_binary(outputs: np.ndarray) -> np.ndarray:
    """`(n, 1)`, the probability of the second of two classes, -> `(n, 2)`; other outputs stay as they are."""
    return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs
