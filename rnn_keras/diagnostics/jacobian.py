"""The product of a SimpleRNN's Jacobians: whether its gradient must vanish or explode."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.diagnostics.instrumentation import find_layer, record


@dataclasses.dataclass(frozen=True)
class JacobianProduct:
    """The Jacobian dh_T / dh_{T-k} by lag k from 0 on: the product of k Jacobians diag(f'(z_t)) U^T.

    Attributes:
        log_spectral_radius: `(batch, lags)`: the natural logarithm of the product's spectral radius, its largest
            absolute eigenvalue; minus infinity where that is zero. NaN where a sequence has no such step.
        recurrent_spectral_radius: that of the recurrent kernel U alone.
    """

    log_spectral_radius: np.ndarray
    recurrent_spectral_radius: float

    @property
    def spectral_radius(self) -> np.ndarray:
        """`(lags,)`: the geometric mean over the examples; 1 at lag 0, infinite beyond the range of float64."""
        with np.errstate(over="ignore"):
            return np.exp(self._mean_log)

    @property
    def per_step(self) -> np.ndarray:
        """`(lags - 1,)`, from lag 1 on: the k-th root of the spectral radius, below 1 where the gradient vanishes."""
        return np.exp(self._mean_log[1:] / np.arange(1, self.log_spectral_radius.shape[1]))

    @property
    def _mean_log(self) -> np.ndarray:
        return np.nanmean(self.log_spectral_radius, axis=0)

    @property
    def summary(self) -> str:
        """In one sentence: whether the product shrinks or grows, and by which factor per step."""
        if not len(self.per_step):
            return "there is one step, and no product"
        last, lag = self.per_step[-1], len(self.per_step)
        tendency = "shrinks" if last < 1 else "grows"
        return (
            f"the product of {lag} Jacobians has the spectral radius {self.spectral_radius[-1]:.2g}: it {tendency} by "
            f"a factor of {last:.3f} per step (the recurrent kernel's own radius is "
            f"{self.recurrent_spectral_radius:.3f})"
        )


def jacobian_product(
    model_or_layer: keras.layers.Layer,
    inputs: Any,
    *,
    layer: str | keras.layers.Layer | None = None,
    direction: str = "forward",
    mask: Any = None,
) -> JacobianProduct:
    """The spectral radius of the product of a SimpleRNN's Jacobians over the last k steps, for every k.

    In float64, rescaled at every step, so that it neither overflows nor underflows. Source: Pascanu, Mikolov & Bengio,
    On the difficulty of training recurrent neural networks, ICML 2013, equation 5 and the proof after it.

    Args:
        model_or_layer: a SimpleRNN of rnn_keras.layers or keras.layers, a Bidirectional of one, or a model with one.
        inputs: what it is called with: `(batch, time, features)` for a layer. A few examples suffice; each step of each
            costs the eigenvalues of a matrix `(units, units)`.
        layer, direction, mask: see `gradient_flow`.

    Raises:
        ValueError: the layer is not a SimpleRNN.

    Example:
        >>> product = jacobian_product(keras.layers.SimpleRNN(8), np.ones((2, 10, 3), "float32"))
        >>> product.spectral_radius.shape  # by lag
        (10,)
    """
    found = find_layer(model_or_layer, layer, direction)
    if not isinstance(found.layer, keras.layers.SimpleRNN):
        raise ValueError(
            f"The product of Jacobians is that of a SimpleRNN, but {found.layer.name} is a "
            f"{type(found.layer).__name__}; gradient_flow measures any recurrent layer."
        )
    recording = record(found, inputs, mask)
    kernel, recurrent_kernel, *bias = [weight.numpy().astype(np.float64) for weight in found.layer.cell.weights]
    (hidden_states_before,) = recording.states_before
    preactivations = recording.inputs @ kernel + hidden_states_before @ recurrent_kernel + sum(bias)
    slopes = differentiate_activation(found.layer.activation, preactivations)
    logs = [
        log_spectral_radii(slopes_of_example[mask_of_example], recurrent_kernel)
        for slopes_of_example, mask_of_example in zip(slopes, recording.mask, strict=True)
    ]
    lags = max(map(len, logs))
    padded = [np.pad(row, (0, lags - len(row)), constant_values=np.nan) for row in logs]
    return JacobianProduct(np.stack(padded), float(np.abs(np.linalg.eigvals(recurrent_kernel)).max()))


def differentiate_activation(activation: Callable[[Any], Any], values: np.ndarray) -> np.ndarray:
    """The derivative of an activation at each of the values."""
    tensor = tf.constant(values, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        activated = activation(tensor)
    gradient: Any = tape.gradient(activated, tensor)
    return gradient.numpy()


def log_spectral_radii(slopes: np.ndarray, recurrent_kernel: np.ndarray) -> np.ndarray:
    """The slopes f'(z) of the steps that are not masked, `(time, units)` -> `(time,)`, for lags 0 to time - 1."""
    product, log_scale, logs = np.eye(len(recurrent_kernel)), 0.0, [0.0]
    for slopes_of_step in slopes[:0:-1]:
        product = product @ (slopes_of_step[:, np.newaxis] * recurrent_kernel.T)
        size = np.abs(product).max()
        if size == 0:
            break
        product, log_scale = product / size, log_scale + np.log(size)
        with np.errstate(divide="ignore"):
            logs.append(log_scale + np.log(np.abs(np.linalg.eigvals(product)).max()))
    return np.array(logs + [-np.inf] * (len(slopes) - len(logs)))
