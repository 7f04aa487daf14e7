"""How a batch of sequences is cut into blocks of rows and steps.

XLA compiles for fixed shapes. Blocks of a few sizes serve every length and every batch size, so that a new shape seldom
means a new compilation; what a block works on stays in the processor's caches; and the rows are dealt out to workers
whose blocks run at the same time.
"""

import os
from typing import NamedTuple

import tensorflow as tf

# The projected inputs of a block, in bytes: with fewer the start of each block tells, with more the block leaves the
# caches. A sequence is left whole up to the first number (the larger one where nothing is kept for a gradient), and
# else cut into blocks of the second; small ones save memory. Measured in benchmarks/README.md.
WHOLE_BYTES = 2**23
WHOLE_BYTES_TO_READ = 2**25
BLOCK_BYTES = 3 * 2**20
SMALL_BLOCK_BYTES = 2**20
# Where the length or the batch size is known at run time only.
DYNAMIC_STEPS = 16
# Rows of a block where the batch size is known at run time only: so many numbers of a state, within these limits, and
# a multiple of a sixteenth of the most.
STATE_NUMBERS = 4096
FEWEST_ROWS, MOST_ROWS = 32, 128
# With fewer rows than this a worker's products cost about as much as with twice as many.
LEAST_ROWS = 4


class Rows(NamedTuple):
    """The rows of one worker: `tiles` blocks of `size` rows, from row `start` on."""

    start: int | tf.Tensor
    size: int | tf.Tensor
    tiles: int | tf.Tensor


class Steps(NamedTuple):
    """The steps of a sequence: `chunks` blocks of `size` steps; the last may reach beyond the `total`."""

    total: int | tf.Tensor
    size: int | tf.Tensor
    chunks: int | tf.Tensor


class Place(NamedTuple):
    """Where block number `index` of a worker lies: `tile` by `tile`, and in each of them chunk by chunk."""

    rows: Rows
    steps: Steps
    index: int | tf.Tensor

    @property
    def tile(self):
        return self.index // self.steps.chunks

    @property
    def chunk(self):
        return self.index % self.steps.chunks

    @property
    def are_full(self):
        return is_static(self.steps) and self.steps.total == self.steps.size * self.steps.chunks

    @property
    def count(self):
        """How many steps of the block there are; an int, which makes a faster loop, where all blocks are full."""
        if self.are_full:
            return self.steps.size
        return tf.minimum(self.steps.size, self.steps.total - self.chunk * self.steps.size)

    def of_state(self, values):
        """The block's part of `(batch, units)`."""
        if values.shape[0] == self.rows.size:
            return values
        start = self.rows.start + self.tile * self.rows.size
        part = values[start : start + self.rows.size]
        return fixed(part, self.rows.size, *values.shape[1:])

    def of_sequence(self, values):
        """The block's part of `(batch, time, ...)`, filled up with zeros to the size of the block."""
        if values.shape[1] == self.steps.size:
            return self.of_state(values)
        first = self.chunk * self.steps.size
        part = self.of_state(values)[:, first : first + self.steps.size]
        if not self.are_full:
            missing = self.steps.size - tf.shape(part)[1]
            part = tf.pad(part, [(0, 0), (0, missing), *((0, 0) for _ in part.shape[2:])])
        return fixed(part, self.rows.size, self.steps.size, *values.shape[2:])

    def state_before(self, first, values):
        """The state before the block: of `(batch, units)`, or of `(batch, time, units)` at the step before it."""
        at = tf.maximum(self.chunk * self.steps.size - 1, 0)
        return tf.where(tf.equal(self.chunk, 0), self.of_state(first), self.of_state(values)[:, at])


def whole(batch, time):
    """All in one block."""
    return [Rows(0, batch, 1)], Steps(time, time, 1)


def in_blocks(batch, time, units, step_bytes, *, keep=True, small=False):
    """Rows for each worker, and steps.

    Args:
        batch, time: ints, or scalar tensors where they are known at run time only.
        units: numbers of a row's state.
        step_bytes: bytes of the projected inputs of one step of one row.
        keep: whether the steps are kept for a gradient.
        small: whether memory counts more than time.
    """
    most_rows = min(MOST_ROWS, max(FEWEST_ROWS, STATE_NUMBERS // units))
    rows = dealt(batch) if isinstance(batch, int) else dealt_at_run_time(batch, most_rows)
    if not isinstance(time, int):
        return rows, Steps(time, DYNAMIC_STEPS, -(-time // DYNAMIC_STEPS))
    of_steps = (rows[0].size if isinstance(batch, int) else most_rows) * step_bytes
    block_bytes = SMALL_BLOCK_BYTES if small else BLOCK_BYTES
    whole_bytes = WHOLE_BYTES if keep else WHOLE_BYTES_TO_READ
    most_steps = max(DYNAMIC_STEPS, block_bytes // of_steps)
    chunks = 1 if not small and time * of_steps <= whole_bytes else -(-time // most_steps)
    return rows, Steps(time, max(1, -(-time // chunks)), chunks)


def dealt(batch):
    """One block of rows for each worker."""
    count = max(1, min(workers(), batch // LEAST_ROWS))
    sizes = [batch // count + (number < batch % count) for number in range(count)]
    return [Rows(sum(sizes[:number]), size, 1) for number, size in enumerate(sizes)]


def dealt_at_run_time(batch, most_rows):
    """Blocks of equal size for all workers, as few sizes as possible whatever the batch; the last may lie beyond it."""
    count = workers()
    tiles = tf.maximum(1, -(-batch // (most_rows * count)))
    multiple = max(1, most_rows // 16)
    size = -(-batch // (tiles * count))
    size = tf.where(batch <= count, 1, -(-size // multiple) * multiple)
    return [Rows(number * tiles * size, size, tiles) for number in range(count)]


def workers():
    """Two blocks at a time where there are two cores; more cores work within the products of each block."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(2, cores)


def padded(values, missing):
    """Tensors, one or a structure of them, with `missing` rows of zeros below; no copy where none are missing."""
    tensors = tf.nest.flatten(values)
    given = [value for value in tensors if value is not None]

    def filled():
        return [tf.pad(value, [(0, missing), *((0, 0) for _ in value.shape[1:])]) for value in given]

    filled = iter(tf.cond(tf.equal(missing, 0), lambda: [tf.identity(value) for value in given], filled))
    return tf.nest.pack_sequence_as(values, [None if value is None else next(filled) for value in tensors])


def is_static(sizes):
    return all(isinstance(size, int) for size in sizes)


def static(size):
    return size if isinstance(size, int) else None


def fixed(values, *sizes):
    """The tensor with those of these sizes in its shape that are ints."""
    return tf.ensure_shape(values, [static(size) for size in sizes])
