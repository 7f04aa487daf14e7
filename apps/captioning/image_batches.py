"""Batches of images, each once in an epoch, with their numbers."""

import numpy as np
import tensorflow as tf

from rnn_keras.data.batching import Batches


class ImageBatches(Batches):
    """Batches `(images, numbers)`: `(batch, ...)`, and the index of each.

    Args:
        images: `(n, views, ...)`, which may be a memory-mapped file. With shuffling, each image is a random one of its
            views, otherwise the first.
        indices: of the images to use.
        batch_size, shuffle, seed: see `Batches`.
    """

    def __init__(self, images: np.ndarray, indices: np.ndarray, batch_size: int, *, shuffle: bool, seed: int = 0):
        super().__init__(len(indices), batch_size, shuffle=shuffle, seed=seed)
        self._images, self._indices = images, np.asarray(indices)

    @property
    def signature(self) -> tuple[tf.TensorSpec, ...]:
        images = tf.TensorSpec((None, *self._images.shape[2:]), tf.as_dtype(self._images.dtype))
        return images, tf.TensorSpec((None,), tf.int64)

    def plan(self, epoch: int) -> list[np.ndarray]:
        return draw_views(self, super().plan(epoch), epoch, self._images.shape[1])

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, ...]:
        views, places = np.divmod(indices, self.number_of_examples)
        numbers = self._indices[places].astype(np.int64)
        return self._images[numbers, views], numbers


def draw_views(batches: Batches, plan: list[np.ndarray], epoch: int, views: int) -> list[np.ndarray]:
    """The indices of a plan, each with a random view of its image where the batches are shuffled.

    An index also encodes the view, `view * number_of_examples` that is added: a plan is where the epoch is known.
    """
    if not batches.shuffle:
        return plan
    generator = np.random.default_rng([batches.seed, epoch, 1])
    return [indices + batches.number_of_examples * generator.integers(views, size=len(indices)) for indices in plan]
