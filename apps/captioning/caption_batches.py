"""Batches of captions with their images."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from apps.captioning.image_batches import draw_views
from rnn_keras.data.pair_batches import TeacherForcing


class CaptionBatches(TeacherForcing):
    """Captions of images: the inputs are the images, or their features, `(batch, ...)`.

    Args:
        images: `(n, views, ...)`, which may be a memory-mapped file. With shuffling, each caption gets a random view of
            its image, otherwise the first.
        indices: for each caption, the index of its image.
        targets, batch_size, shuffle, seed: see `TeacherForcing`.
        groups: for each caption, the name that its image shares with its variants; None: every caption is a group.
        variants: the most captions of a group in an epoch, drawn anew for each; None: all.

    Raises:
        ValueError: there is not one index, or not one group, for each caption.
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
        groups: Sequence[str] | None = None,
        variants: int | None = None,
    ):
        super().__init__(targets, batch_size, shuffle=shuffle, seed=seed)
        self._images, self._image_indices = images, np.asarray(indices)
        if self._image_indices.shape != (len(targets),):
            raise ValueError(f"expected the index of an image for each of the {len(targets)} captions")
        if groups is not None and len(groups) != len(targets):
            raise ValueError(f"expected the group of each of the {len(targets)} captions, not {len(groups)}")
        self._groups = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        self._variants = variants
        self.number_of_batches = len(self.split_order(self.choose_examples(0)))

    @property
    def input_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec((None, *self._images.shape[2:]), tf.as_dtype(self._images.dtype))

    def choose_examples(self, epoch: int) -> np.ndarray:
        if self._groups is None or self._variants is None:
            return super().choose_examples(epoch)
        order = np.random.default_rng([self.seed, epoch, 2]).permutation(self.number_of_examples)
        order = order[np.argsort(self._groups[order], kind="stable")]
        groups = self._groups[order]
        place_in_group = np.arange(len(order)) - np.searchsorted(groups, groups)
        return np.sort(order[place_in_group < self._variants])

    def plan(self, epoch: int) -> list[np.ndarray]:
        return draw_views(self, super().plan(epoch), epoch, self._images.shape[1])

    def select_inputs(self, indices: np.ndarray) -> np.ndarray:
        views, captions = np.divmod(indices, self.number_of_examples)
        return self._images[self._image_indices[captions], views]
