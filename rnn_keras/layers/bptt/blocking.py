"""Blocking: how a batch of sequences is divided into blocks of rows and steps.

XLA compiles for fixed shapes. Blocks of a few sizes serve every length and every batch size, so that a new shape seldom
means a new compilation; what a block works on stays in the processor's caches; and the rows are divided among workers
whose blocks run at the same time.
"""

import dataclasses
import os
from typing import Any, NamedTuple

import tensorflow as tf

from rnn_keras.layers.bptt.shapes import Size, are_static, set_static_sizes

# Sizes of a block's projected inputs, in bytes: in smaller blocks the start of each block counts, larger ones leave the
# caches. All steps of a sequence are one block up to the first number, else there are blocks of the second (the third
# saves memory). Measured in benchmarks/README.md.
SINGLE_BLOCK_BYTES = 2**23
BLOCK_BYTES = 3 * 2**20
SMALL_BLOCK_BYTES = 2**17
# Where all steps' projected inputs take more bytes than this, they leave the second-level cache. Each step may project
# its own with so many rows or more; with fewer its products are too small.
UNCACHED_BYTES = 2**21
MIN_ROWS_TO_PROJECT = 4
# Steps of a block where the length or the batch size is known at run time only.
DYNAMIC_STEPS = 16
# Rows of a block where the batch size is known at run time only: so many that all rows' states have so many numbers,
# within these limits, and a multiple of a sixteenth of the largest number of rows.
STATE_NUMBERS = 4096
MIN_ROWS, MAX_ROWS = 32, 128
# With fewer rows than this a worker's products cost about as much as with twice as many.
MIN_ROWS_PER_WORKER = 4


class WorkerRows(NamedTuple):
    """The rows of one worker: `tiles` blocks of `size` rows, from row `start` on."""

    start: Size
    size: Size
    tiles: Size


class Steps(NamedTuple):
    """The steps of a sequence: `chunks` blocks of `size` steps; the last may reach beyond the `total`."""

    total: Size
    size: Size
    chunks: Size


@dataclasses.dataclass(frozen=True)
class BlockPosition:
    """Where block number `number` of a worker lies: tile by tile, and within a tile chunk by chunk."""

    rows: WorkerRows
    steps: Steps
    number: Size

    @property
    def tile(self) -> Size:
        return self.number // self.steps.chunks

    @property
    def chunk(self) -> Size:
        return self.number % self.steps.chunks

    @property
    def chunks_are_full(self) -> bool:
        """Whether it is known that no block reaches beyond the sequences."""
        return are_static(self.steps) and self.steps.total == self.steps.size * self.steps.chunks

    @property
    def step_count(self) -> Size:
        """How many steps the block has; an int, which makes a faster loop, where all blocks are full."""
        if self.chunks_are_full:
            return self.steps.size
        return tf.minimum(self.steps.size, self.steps.total - self.chunk * self.steps.size)

    def slice_rows(self, values: tf.Tensor) -> tf.Tensor:
        """The block's rows of `(batch, ...)`."""
        if values.shape[0] == self.rows.size:
            return values
        start = self.rows.start + self.tile * self.rows.size
        rows = values[start : start + self.rows.size]
        return set_static_sizes(rows, self.rows.size, *values.shape[1:])

    def slice_sequence(self, values: tf.Tensor) -> tf.Tensor:
        """The block's rows and steps of `(batch, time, ...)`, padded with zeros to the size of the block."""
        if values.shape[1] == self.steps.size:
            return self.slice_rows(values)
        first = self.chunk * self.steps.size
        steps = self.slice_rows(values)[:, first : first + self.steps.size]
        if not self.chunks_are_full:
            missing = self.steps.size - tf.shape(steps)[1]
            steps = pad_end(steps, missing, axis=1)
        return set_static_sizes(steps, self.rows.size, self.steps.size, *values.shape[2:])

    def slice_state_before(self, initial: tf.Tensor, states: tf.Tensor) -> tf.Tensor:
        """The state before the block: the `initial` one, `(batch, units)`, or that of the step before it.

        Args:
            states: after each step, `(batch, time, units)`.
        """
        step = tf.maximum(self.chunk * self.steps.size - 1, 0)
        return tf.where(tf.equal(self.chunk, 0), self.slice_rows(initial), self.slice_rows(states)[:, step])


def plan_single_block(batch: Size, time: Size) -> tuple[list[WorkerRows], Steps]:
    """All rows and steps in one block."""
    return [WorkerRows(0, batch, 1)], Steps(time, time, 1)


def plan_blocks(
    batch: Size, time: Size, units: int, step_bytes: int, *, small: bool = False
) -> tuple[list[WorkerRows], Steps]:
    """The rows of each worker, and the steps of the blocks.

    Args:
        batch, time: ints, or scalar tensors where they are known at run time only.
        units: of the layer, the numbers of a row's state.
        step_bytes: bytes of the projected inputs of one step of one row.
        small: whether memory counts more than time.
    """
    max_rows = min(MAX_ROWS, max(MIN_ROWS, STATE_NUMBERS // units))
    workers = 1 if small else worker_count()
    rows = divide_rows(batch, workers) if isinstance(batch, int) else divide_rows_at_run_time(batch, max_rows, workers)
    if not isinstance(time, int):
        return rows, Steps(time, DYNAMIC_STEPS, -(-time // DYNAMIC_STEPS))
    bytes_of_all_rows = max(1, rows[0].size if isinstance(batch, int) else max_rows) * step_bytes
    max_steps = max(DYNAMIC_STEPS, (SMALL_BLOCK_BYTES if small else BLOCK_BYTES) // bytes_of_all_rows)
    chunks = 1 if not small and time * bytes_of_all_rows <= SINGLE_BLOCK_BYTES else -(-time // max_steps)
    return rows, Steps(time, max(1, -(-time // chunks)), chunks)


def divide_rows(batch: int, workers: int) -> list[WorkerRows]:
    """One block of rows for each worker."""
    count = max(1, min(workers, batch // MIN_ROWS_PER_WORKER))
    sizes = [batch // count + (number < batch % count) for number in range(count)]
    return [WorkerRows(sum(sizes[:number]), size, 1) for number, size in enumerate(sizes)]


def divide_rows_at_run_time(batch: tf.Tensor, max_rows: int, workers: int) -> list[WorkerRows]:
    """Blocks of equal size for all workers, of as few sizes as possible for all batches; the last may lie beyond it."""
    tiles = tf.maximum(1, -(-batch // (max_rows * workers)))
    multiple = max(1, max_rows // 16)
    size = -(-batch // (tiles * workers))
    size = tf.where(batch <= workers, 1, -(-size // multiple) * multiple)
    return [WorkerRows(number * tiles * size, size, tiles) for number in range(workers)]


def worker_count() -> int:
    """Two blocks at a time where there are two cores; more cores work within the products of each block."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(2, cores)


def pad_rows(values: Any, missing: tf.Tensor) -> Any:
    """Tensors, one or a structure of them, with `missing` rows of zeros at the end; no copy where none are missing."""
    tensors = tf.nest.flatten(values)
    present = [value for value in tensors if value is not None]
    padded = iter(
        tf.cond(
            tf.equal(missing, 0),
            lambda: [tf.identity(value) for value in present],
            lambda: [pad_end(value, missing, axis=0) for value in present],
        )
    )
    return tf.nest.pack_sequence_as(values, [None if value is None else next(padded) for value in tensors])


def pad_end(values: tf.Tensor, count: Size, axis: int) -> tf.Tensor:
    """`count` zeros at the end of an axis."""
    paddings: Any = [(0, count if number == axis else 0) for number in range(len(values.shape))]
    return tf.pad(values, paddings)
