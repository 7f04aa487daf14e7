"""Batches of captions with their images."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rnn_keras.data.pair_batches import TeacherForcing


class CaptionBatches(TeacherForcing):
    """Captions of images: the inputs are the images, or their features, `(batch, ...)`.

    Args:
        images: `(n, views, ...)`, which may be a memory-mapped file. With shuffling, each caption gets a random view of
            its image, otherwise the first.
        indices: for each caption, the index of its image.
        targets, batch_size, shuffle, seed: see `TeacherForcing`.

    Raises:
        ValueError: there is not one index for each caption.
    """

    def __init__(
        self,
        images: np.ndarray,
        indices: Sequence[int] | np.ndarray,
        targets: Sequence[np.ndarray],
        batch_size: int,
        *,
        shuffle: bool,
        seed: int = 0,
    ):
        super().__init__(targets, batch_size, shuffle=shuffle, seed=seed)
        self._images, self._image_indices = images, np.asarray(indices)
        if self._image_indices.shape != (len(targets),):
            raise ValueError(f"expected the index of an image for each of the {len(targets)} captions")

    @property
    def input_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec((None, *self._images.shape[2:]), tf.as_dtype(self._images.dtype))

    def plan(self, epoch: int) -> list[np.ndarray]:
        plan = super().plan(epoch)
        views = self._images.shape[1]
        if not self.shuffle or views == 1:
            return plan
        # An index also encodes the view, which is drawn here, where the epoch is known.
        generator = np.random.default_rng([self.seed, epoch, 1])
        return [indices + self.number_of_examples * generator.integers(views, size=len(indices)) for indices in plan]

    def select_inputs(self, indices: np.ndarray) -> np.ndarray:
        views, captions = np.divmod(indices, self.number_of_examples)
        return self._images[self._image_indices[captions], views]
