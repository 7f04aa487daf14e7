"""A callback that watches gradients while `fit` trains: their norm, clipping, and how far back they reach."""

import math
from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from rnn_keras.diagnostics.flow_archive import read_flows, write_flows
from rnn_keras.diagnostics.gradient_flow import FlowProbe, GradientFlow

EXPLOSION = 100.0  # times the usual norm so far


class GradientMonitor(keras.callbacks.Callback):
    """Logs the gradients' global norm, the share of clipped steps and the gradient flow, for TensorBoard as well.

    After each epoch the values are in the logs, as `gradient_norm` (the mean of its steps), `gradient_norm_largest`
    and, where the optimiser clips, `clipped_share`; so they come into histories and CSV files of callbacks that follow
    this one in the list. With a probe there is also `gradient_half_life`, in steps.

    The norms are taken inside the compiled training step, before clipping; so every step counts, whatever
    `steps_per_execution`. The gradients come by way of the optimiser's `apply`, which is replaced while `fit` runs.
    Where a LossScaleOptimizer scales the loss they are taken as they are without its scale, and the steps that it
    leaves out, to try a smaller one, do not count.

    Args:
        log_dir: where TensorBoard's files go; None: nowhere.
        probe: inputs `(batch, ...)` of a few examples on which the gradient flow is measured before the training and
            after each epoch; None: it is not.
        layer, of: see `gradient_flow`.
        explosion: gradients explode where their norm is so many times the mean norm of the steps before, or no number.
        tell: is called with a sentence when gradients explode, and when they have become no number.
        keep: a file in which the flows are kept, and from which a training that goes on after a kill has the first
            ones; None: nowhere.

    Attributes:
        exploded_at: the step, counted from 1 over all epochs of this `fit`, at which gradients first exploded; None.
        norm_at_explosion: their norm there.
        broken_at: the first step at which their norm was infinite or no number; None.
        steps: how many there were.
        flows: the gradient flow before the training and after each epoch, `(epoch, GradientFlow)`; the epoch is the
            number of those that were over.
    """

    def __init__(
        self,
        log_dir: str | Path | None = None,
        probe=None,
        *,
        layer=None,
        of: Callable | None = None,
        explosion: float = EXPLOSION,
        tell: Callable[[str], None] | None = None,
        keep: Path | None = None,
    ):
        super().__init__()
        self.log_dir, self.probe, self.layer, self.of, self.explosion = log_dir, probe, layer, of, explosion
        self.tell = tell or (lambda sentence: None)
        self.keep = keep
        self.flows: list[tuple[int, GradientFlow]] = [] if keep is None else read_flows(keep)
        self._figures = tf.Variable(tf.zeros((len(FIGURES),), tf.float64), trainable=False)
        self._writer = self._measured = None
        self._begun = False
        self._told = set()

    @property
    def exploded_at(self) -> int | None:
        return int(self._figure("exploded_at")) or None

    @property
    def norm_at_explosion(self) -> float | None:
        return self._figure("norm_at_explosion") if self.exploded_at else None

    @property
    def broken_at(self) -> int | None:
        return int(self._figure("broken_at")) or None

    @property
    def steps(self) -> int:
        return int(self._figure("steps"))

    @property
    def sum_of_norms(self) -> float:
        """Over all steps so far."""
        return self._figure("sum_of_all")

    def _figure(self, name: str) -> float:
        return float(self._figures[FIGURES.index(name)])

    def on_train_begin(self, logs=None):
        self._figures.assign(tf.zeros_like(self._figures))
        self._told.clear()
        self._watch_optimizer()
        if self.log_dir is not None and self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self.log_dir))
        self._begun = False

    def on_epoch_begin(self, epoch, logs=None):
        if self.probe is not None and not self._begun:
            self._measured = self._measured or FlowProbe(self.model, layer=self.layer, of=self.of)
            self._measure(epoch)
        self._begun = True

    @property
    def _optimizer(self) -> keras.optimizers.Optimizer:
        """The one that moves the weights, which a LossScaleOptimizer has inside."""
        return getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)

    def _watch_optimizer(self) -> None:
        optimizer = self._optimizer
        apply = optimizer.apply
        if isinstance(apply, CountingApply) and apply.params is not self.params:  # of a `fit` that was broken off
            apply = apply.own
        optimizer.apply = CountingApply(self, optimizer, apply)
        self.model.make_train_function(force=True)  # one that was traced before knows nothing of this

    def _count(self, optimizer, gradients) -> None:
        """Adds a step to the figures, inside the training step's graph."""
        scale = optimizer.loss_scale_factor or 1
        gradients = [tf.convert_to_tensor(gradient) / scale for gradient in gradients]
        norms = tf.stack([tf.norm(tf.cast(gradient, tf.float64)) for gradient in gradients])
        norm = tf.norm(norms)
        limit = optimizer.global_clipnorm or optimizer.clipnorm or optimizer.clipvalue
        clipped = tf.constant(False)
        if optimizer.clipnorm:
            clipped = tf.reduce_any(norms > optimizer.clipnorm)
        elif optimizer.global_clipnorm:
            clipped = norm > optimizer.global_clipnorm
        elif optimizer.clipvalue:
            clipped = tf.reduce_any([tf.reduce_any(tf.abs(gradient) > limit) for gradient in gradients])
        before = dict(zip(FIGURES, tf.unstack(self._figures), strict=True))
        after = dict(before)
        after["steps"] += 1
        finite = tf.math.is_finite(norm)
        usual = before["sum_of_all"] / tf.maximum(before["steps"], 1)
        explodes = ~finite | ((before["steps"] > 0) & (norm > self.explosion * usual))
        first = explodes & (before["exploded_at"] == 0)
        after["exploded_at"] = tf.where(first, after["steps"], before["exploded_at"])
        after["norm_at_explosion"] = tf.where(first, norm, before["norm_at_explosion"])
        after["broken_at"] = tf.where(~finite & (before["broken_at"] == 0), after["steps"], before["broken_at"])
        for name in ("sum_of_all", "sum"):
            after[name] += norm
        after["largest"] = tf.maximum(before["largest"], norm)
        after["steps_of_epoch"] += 1
        after["clipped"] += tf.cast(clipped, tf.float64)
        self._figures.assign(tf.stack([after[name] for name in FIGURES]))

    def on_train_batch_end(self, batch, logs=None):
        if self.broken_at and "broken" not in self._told:
            self._told.add("broken")
            self._tell_explosion()
            self.tell(f"the gradients are no numbers any more from step {self.broken_at} on")

    def _tell_explosion(self) -> None:
        if self.exploded_at and "exploded" not in self._told:
            self._told.add("exploded")
            self.tell(f"the gradients explode at step {self.exploded_at}: their norm is {self.norm_at_explosion:.3g}")

    def on_epoch_end(self, epoch, logs=None):
        self._tell_explosion()
        steps = max(self._figure("steps_of_epoch"), 1)
        values = {"gradient_norm": self._figure("sum") / steps, "gradient_norm_largest": self._figure("largest")}
        optimizer = self._optimizer
        if optimizer.global_clipnorm or optimizer.clipnorm or optimizer.clipvalue:
            values["clipped_share"] = self._figure("clipped") / steps
        self._figures.assign(
            [0.0 if name in OF_EPOCH else self._figure(name) for name in FIGURES],
        )
        if self._measured is not None:
            values["gradient_half_life"] = self._measure(epoch + 1).half_life
        if logs is not None:
            logs.update(values)
        if self._writer is not None:
            with self._writer.as_default(step=epoch + 1):
                for name, value in values.items():
                    tf.summary.scalar(f"gradients/{name}", value)
            self._writer.flush()

    def _measure(self, epoch: int) -> GradientFlow:
        flow = self._measured(self.probe)
        self.flows[:] = [earlier for earlier in self.flows if earlier[0] < epoch] + [(epoch, flow)]
        if self.keep is not None:
            write_flows(self.keep, self.flows)
        if self._writer is not None:
            with self._writer.as_default(step=epoch):
                for name in flow.of_examples:
                    norms = flow.norms(name)
                    for lag in [0, *(2**power for power in range(math.ceil(math.log2(max(len(norms), 2)))))]:
                        if lag < len(norms):
                            tf.summary.scalar(f"gradient_flow_{name}/lag_{lag:04d}", norms[lag])
                tf.summary.text("gradient_flow", flow.words)
            self._writer.flush()
        return flow

    def on_train_end(self, logs=None):
        self._tell_explosion()
        optimizer = self._optimizer
        if isinstance(optimizer.apply, CountingApply):  # else another monitor of this `fit` has put it back
            own = optimizer.apply.own
            del optimizer.apply  # the class's own is there again
            if own != optimizer.apply:
                optimizer.apply = own
        self.model.make_train_function(force=True)
        if self._writer is not None:
            self._writer.flush()


class CountingApply:
    """An optimiser's `apply` that shows the gradients to a monitor first.

    Attributes:
        params: what tells one `fit` from another: all its callbacks have the same.
        own: the `apply` that no monitor has made.
    """

    def __init__(self, monitor: GradientMonitor, optimizer: keras.optimizers.Optimizer, apply: Callable):
        self.params = monitor.params
        self.own = apply.own if isinstance(apply, CountingApply) else apply
        self._monitor, self._optimizer, self._apply = monitor, optimizer, apply

    def __call__(self, grads, trainable_variables=None):
        self._monitor._count(self._optimizer, [gradient for gradient in grads if gradient is not None])
        return self._apply(grads, trainable_variables)


OF_EPOCH = ("sum", "largest", "steps_of_epoch", "clipped")
FIGURES = ("steps", "sum_of_all", "exploded_at", "norm_at_explosion", "broken_at", *OF_EPOCH)
