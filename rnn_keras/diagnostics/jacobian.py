"""The product of a SimpleRNN's Jacobians: whether its gradient must vanish or explode."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.diagnostics.instrumentation import recorded, watched


@dataclasses.dataclass(frozen=True)
class JacobianProduct:
    """Of dh_T / dh_{T-k}, the product of k Jacobians diag(f'(z_t)) U^T, by lag k from 0 on.

    Attributes:
        log_radius: `(batch, lags)`: the natural logarithm of its spectral radius, its largest eigenvalue's size; minus
            infinity where that is zero. NaN where a sequence has no such step.
        recurrent_radius: the spectral radius of the recurrent kernel U alone.
    """

    log_radius: np.ndarray
    recurrent_radius: float

    @property
    def radius(self) -> np.ndarray:
        """`(lags,)`: the spectral radius, its geometric mean over the examples; 1 at lag 0."""
        return np.exp(self._mean_log)

    @property
    def per_step(self) -> np.ndarray:
        """`(lags - 1,)`, from lag 1 on: the k-th root of the radius, below 1 where the gradient vanishes."""
        return np.exp(self._mean_log[1:] / np.arange(1, self.log_radius.shape[1]))

    @property
    def _mean_log(self) -> np.ndarray:
        return np.nanmean(self.log_radius, axis=0)

    @property
    def words(self) -> str:
        if not len(self.per_step):
            return "there is one step, and no product"
        last, lag = self.per_step[-1], len(self.per_step)
        tendency = "shrinks" if last < 1 else "grows"
        return (
            f"the product of {lag} Jacobians has the spectral radius {self.radius[-1]:.2g}: it {tendency} by "
            f"{last:.3f} a step (the recurrent kernel's own radius is {self.recurrent_radius:.3f})"
        )


def jacobian_product(model_or_layer, inputs, *, layer=None, direction="forward", mask=None) -> JacobianProduct:
    """The spectral radius of the product of a SimpleRNN's Jacobians over the last k steps, for every k.

    In float64, scaled at every step, so that it neither overflows nor disappears. Source: Pascanu, Mikolov & Bengio, On
    the difficulty of training recurrent neural networks, ICML 2013, equation 5 and the proof after it.

    Args: see `gradient_flow`; `inputs` of few examples, since each step of each costs the eigenvalues of a matrix
        `(units, units)`.

    Raises:
        ValueError: the layer is not a SimpleRNN, ours or that of keras.layers.
    """
    found = watched(model_or_layer, layer, direction)
    if not isinstance(found.layer, keras.layers.SimpleRNN):
        raise ValueError(
            f"The product of Jacobians is that of a SimpleRNN, {found.layer.name} is a {type(found.layer).__name__}; "
            "gradient_flow measures any recurrent layer."
        )
    recording = recorded(found, inputs, mask)
    weights = [weight.numpy().astype(np.float64) for weight in found.layer.cell.weights]
    kernel = weights[1]
    before = np.concatenate([recording.first[0][:, np.newaxis], recording.states[0][:, :-1]], axis=1)
    slopes = slope(found.layer.activation, recording.inputs @ weights[0] + before @ kernel + sum(weights[2:]))
    logs = [log_radii(of_steps[keep], kernel) for of_steps, keep in zip(slopes, recording.kept, strict=True)]
    lags = max(map(len, logs))
    padded = [np.pad(row, (0, lags - len(row)), constant_values=np.nan) for row in logs]
    return JacobianProduct(np.stack(padded), float(np.abs(np.linalg.eigvals(kernel)).max()))


def slope(activation, values: np.ndarray) -> np.ndarray:
    """The derivative of an activation at each of the values."""
    values = tf.constant(values, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(values)
        activated = activation(values)
    return tape.gradient(activated, values).numpy()


def log_radii(slopes: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Slopes f'(z) of the steps that count `(time, units)` -> `(time,)`, for lags 0 to time - 1."""
    product, scale, logs = np.eye(len(kernel)), 0.0, [0.0]
    for of_step in slopes[:0:-1]:
        product = product @ (of_step[:, np.newaxis] * kernel.T)
        size = np.abs(product).max()
        if size == 0:
            break
        product, scale = product / size, scale + np.log(size)
        with np.errstate(divide="ignore"):
            logs.append(scale + np.log(np.abs(np.linalg.eigvals(product)).max()))
    return np.array(logs + [-np.inf] * (len(slopes) - len(logs)))
