"""A callback that watches gradients while `fit` trains: their norm, clipping, and how far back they reach."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from rnn_keras.diagnostics.flow_archive import read_flows, write_flows
from rnn_keras.diagnostics.gradient_flow import FlowProbe, GradientFlow
from rnn_keras.utils.extras import require_extra

EXPLOSION = 100.0  # times the mean norm so far

# What is counted inside the training step; the second group starts at zero in every epoch.
TOTAL_FIGURES = ("steps", "total_norm", "exploded_at", "norm_at_explosion", "nonfinite_at")
EPOCH_FIGURES = ("epoch_norm", "epoch_largest", "epoch_steps", "epoch_clipped")
FIGURES = (*TOTAL_FIGURES, *EPOCH_FIGURES)


class GradientMonitor(keras.callbacks.Callback):
    """Logs the gradients' global norm, the share of clipped steps and the gradient flow, for TensorBoard as well.

    After each epoch the values are in the logs, as `gradient_norm` (the mean over its steps), `gradient_norm_largest`
    and, where the optimizer clips, `clipped_share`; so they are in histories and CSV files of callbacks that follow
    this one in the list. With a probe there is also `gradient_half_life`, in steps.

    The norms are computed inside the compiled training step, before clipping; so every step counts, whatever
    `steps_per_execution`. The gradients come from the optimizer's `apply`, which is replaced while `fit` runs. Where a
    LossScaleOptimizer scales the loss, the norms are without its scale, and the steps that it skips, to try a smaller
    one, do not count.

    Args:
        log_dir: where TensorBoard's files are written, which needs the extra `tensorboard`; None: nowhere.
        probe: inputs `(batch, ...)` of a few examples on which the gradient flow is measured before the training and
            after each epoch; None: it is not measured.
        layer, target_fn: of the gradient flow, see `gradient_flow`.
        explosion: gradients explode where their norm is so many times the mean norm of the steps before, or not finite.
        print_fn: is called with a sentence when gradients explode, and when they are not finite; None: nothing is.
        flow_file: an .npz file in which the flows are saved, and from which a training run that resumes has those from
            before; None: they are not saved.

    Attributes:
        flows: the gradient flow before the training and after each epoch, `(epoch, GradientFlow)`; the epoch is the
            number of those completed.

    Example:
        >>> monitor = GradientMonitor("logs", probe=inputs[:8], print_fn=print)
        >>> history = model.fit(inputs, targets, callbacks=[monitor], verbose=0)
        >>> monitor.exploded_at is None, len(monitor.flows)  # before the training and after each epoch
        (True, 2)
    """

    def __init__(
        self,
        log_dir: str | Path | None = None,
        probe: Any = None,
        *,
        layer: str | keras.layers.Layer | None = None,
        target_fn: Callable[[Any], Any] | None = None,
        explosion: float = EXPLOSION,
        print_fn: Callable[[str], object] | None = None,
        flow_file: Path | None = None,
    ):
        super().__init__()
        if log_dir is not None:
            require_extra("tensorboard", "tensorboard")
        self.log_dir, self.probe, self.layer, self.target_fn = log_dir, probe, layer, target_fn
        self.explosion, self.flow_file = explosion, flow_file
        self.print_fn = print_fn or (lambda sentence: None)
        self.flows: list[tuple[int, GradientFlow]] = [] if flow_file is None else read_flows(flow_file)
        self._figures = tf.Variable(tf.zeros((len(FIGURES),), tf.float64), trainable=False)
        self._writer: Any = None
        self._flow_probe: FlowProbe | None = None
        self._has_begun = False
        self._reported: set[str] = set()

    @property
    def exploded_at(self) -> int | None:
        """The step, counted from 1 over all epochs of this `fit`, at which gradients first exploded; None: none."""
        return int(self._read("exploded_at")) or None

    @property
    def norm_at_explosion(self) -> float | None:
        """The gradients' norm at that step."""
        return self._read("norm_at_explosion") if self.exploded_at else None

    @property
    def nonfinite_at(self) -> int | None:
        """The first step at which the gradients' norm was infinite or NaN; None: none."""
        return int(self._read("nonfinite_at")) or None

    @property
    def steps(self) -> int:
        """The number of steps so far."""
        return int(self._read("steps"))

    @property
    def sum_of_norms(self) -> float:
        """Over all steps so far."""
        return self._read("total_norm")

    def _read(self, figure: str) -> float:
        return float(self._figures[FIGURES.index(figure)])

    @property
    def _fitted_model(self) -> Any:
        return self.model

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._figures.assign(tf.zeros_like(self._figures))
        self._reported.clear()
        self._replace_apply()
        if self.log_dir is not None and self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self.log_dir))
        self._has_begun = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.probe is not None and not self._has_begun:
            if self._flow_probe is None:
                self._flow_probe = FlowProbe(self._fitted_model, layer=self.layer, target_fn=self.target_fn)
            self._measure_flow(self._flow_probe, epoch)
        self._has_begun = True

    @property
    def _optimizer(self) -> Any:
        """The optimizer that updates the weights, which a LossScaleOptimizer has inside."""
        optimizer = self._fitted_model.optimizer
        return getattr(optimizer, "inner_optimizer", optimizer)

    def _replace_apply(self) -> None:
        optimizer = self._optimizer
        apply = optimizer.apply
        if isinstance(apply, MonitoredApply) and apply.params is not self.params:  # of a `fit` that was interrupted
            apply = apply.original
        optimizer.apply = MonitoredApply(self, optimizer, apply)
        self._fitted_model.make_train_function(force=True)  # one that was traced before does not call it

    def _count_step(self, optimizer: Any, gradients: list[Any]) -> None:
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
        usual = before["total_norm"] / tf.maximum(before["steps"], 1)
        explodes = ~finite | ((before["steps"] > 0) & (norm > self.explosion * usual))
        first = explodes & (before["exploded_at"] == 0)
        after["exploded_at"] = tf.where(first, after["steps"], before["exploded_at"])
        after["norm_at_explosion"] = tf.where(first, norm, before["norm_at_explosion"])
        first = ~finite & (before["nonfinite_at"] == 0)
        after["nonfinite_at"] = tf.where(first, after["steps"], before["nonfinite_at"])
        for name in ("total_norm", "epoch_norm"):
            after[name] += norm
        after["epoch_largest"] = tf.maximum(before["epoch_largest"], norm)
        after["epoch_steps"] += 1
        after["epoch_clipped"] += tf.cast(clipped, tf.float64)
        self._figures.assign(tf.stack([after[name] for name in FIGURES]))

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.nonfinite_at and "nonfinite" not in self._reported:
            self._reported.add("nonfinite")
            self._report_explosion()
            self.print_fn(f"the gradients are not finite from step {self.nonfinite_at} on")

    def _report_explosion(self) -> None:
        if self.exploded_at and "exploded" not in self._reported:
            self._reported.add("exploded")
            norm = self.norm_at_explosion
            self.print_fn(f"the gradients explode at step {self.exploded_at}: their norm is {norm:.3g}")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._report_explosion()
        steps = max(self._read("epoch_steps"), 1)
        values = {"gradient_norm": self._read("epoch_norm") / steps}
        values["gradient_norm_largest"] = self._read("epoch_largest")
        optimizer = self._optimizer
        if optimizer.global_clipnorm or optimizer.clipnorm or optimizer.clipvalue:
            values["clipped_share"] = self._read("epoch_clipped") / steps
        self._figures.assign([self._read(name) for name in TOTAL_FIGURES] + [0.0] * len(EPOCH_FIGURES))
        if self._flow_probe is not None:
            values["gradient_half_life"] = self._measure_flow(self._flow_probe, epoch + 1).half_life
        if logs is not None:
            logs.update(values)
        if self._writer is not None:
            with self._writer.as_default(step=epoch + 1):
                for name, value in values.items():
                    tf.summary.scalar(f"gradients/{name}", value)
            self._writer.flush()

    def _measure_flow(self, flow_probe: FlowProbe, epoch: int) -> GradientFlow:
        flow = flow_probe(self.probe)
        self.flows[:] = [earlier for earlier in self.flows if earlier[0] < epoch] + [(epoch, flow)]
        if self.flow_file is not None:
            write_flows(self.flow_file, self.flows)
        if self._writer is not None:
            with self._writer.as_default(step=epoch):
                for name in flow.per_example:
                    norms = flow.norms(name)
                    for lag in [0, *(2**power for power in range(math.ceil(math.log2(max(len(norms), 2)))))]:
                        if lag < len(norms):
                            tf.summary.scalar(f"gradient_flow_{name}/lag_{lag:04d}", norms[lag])
                tf.summary.text("gradient_flow", flow.summary)
            self._writer.flush()
        return flow

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._report_explosion()
        optimizer = self._optimizer
        if isinstance(optimizer.apply, MonitoredApply):  # else another monitor of this `fit` has restored it
            original = optimizer.apply.original
            del optimizer.apply  # now `apply` is the class's method
            if original != optimizer.apply:
                optimizer.apply = original
        self._fitted_model.make_train_function(force=True)
        if self._writer is not None:
            self._writer.flush()


class MonitoredApply:
    """An optimizer's `apply` that passes the gradients to a monitor first.

    Attributes:
        params: distinguishes one `fit` from another: all its callbacks have the same object.
        original: the `apply` that no monitor has made.
    """

    def __init__(self, monitor: GradientMonitor, optimizer: keras.optimizers.Optimizer, apply: Callable[..., Any]):
        self.params = monitor.params
        self.original: Callable[..., Any] = apply.original if isinstance(apply, MonitoredApply) else apply
        self._monitor, self._optimizer, self._apply = monitor, optimizer, apply

    def __call__(self, grads: list[Any], trainable_variables: Any = None) -> Any:
        self._monitor._count_step(self._optimizer, [gradient for gradient in grads if gradient is not None])
        return self._apply(grads, trainable_variables)
