"""How far back a gradient reaches: its norm at the hidden state and at the input, by how many steps earlier."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.diagnostics.instrumentation import build_if_needed, call_instrumented, find_layer, to_vectors, unroll

VANISHED = 1e-3  # of the norm at lag 0
EXPLODED = 1e3
MAX_ROWS = 64  # sequences at once, so that the states of all steps fit into memory
MAX_VALUES = 512  # of an output, each of which needs a gradient of its own


@dataclasses.dataclass(frozen=True)
class GradientFlow:
    """Norms of the gradient of a late output by lag: lag 0 is the step of that output, lag k the k-th step before it.

    Where the output is a vector, the norm is the root mean square over its values of the norms of their gradients (the
    Frobenius norm of the Jacobian, divided by the square root of the number of its rows): 1 at lag 0 of a layer whose
    output is its hidden state.

    Attributes:
        per_example: for each state of the layer by name (`hidden_state`, an LSTM's `cell_state`), and for `inputs`,
            the norms `(batch, lags)`; NaN where a sequence has no such step.
        name: of the layer.
    """

    per_example: Mapping[str, np.ndarray]
    name: str = ""

    @property
    def lags(self) -> np.ndarray:
        """0, 1, 2, ... `(lags,)`."""
        return np.arange(next(iter(self.per_example.values())).shape[1])

    def norms(self, name: str) -> np.ndarray:
        """`(lags,)`: the root mean square over the examples; see `per_example` for the names."""
        squares = np.square(self.per_example[name])
        exists = ~np.isnan(self.per_example[name]) | (self._lengths[:, np.newaxis] > self.lags)
        with np.errstate(all="ignore"):  # `summary` reports an overflow
            return np.sqrt(np.where(exists, squares, 0).sum(axis=0) / exists.sum(axis=0))

    @property
    def _lengths(self) -> np.ndarray:
        """`(batch,)`: how many steps each example has; a NaN before its last number is an overflow."""
        is_number = ~np.isnan(next(iter(self.per_example.values())))
        return is_number.shape[1] - is_number[:, ::-1].argmax(axis=1)

    @property
    def hidden_state(self) -> np.ndarray:
        """`(lags,)`: with respect to the first state, which is the hidden state."""
        return self.norms(next(iter(self.per_example)))

    @property
    def state(self) -> np.ndarray:
        """`(lags,)`: with respect to all states together, since an LSTM's memory is its cell state."""
        with np.errstate(all="ignore"):  # `summary` reports an overflow
            squares = [np.square(self.norms(name)) for name in self.per_example if name != "inputs"]
            return np.sqrt(np.sum(squares, axis=0))

    @property
    def inputs(self) -> np.ndarray:
        """`(lags,)`: with respect to the layer's input."""
        return self.norms("inputs")

    @property
    def relative(self) -> np.ndarray:
        """`(lags,)`: `state` divided by its value at lag 0, or at the first lag where it is not zero."""
        norms = self.state
        nonzero = norms[norms != 0]
        with np.errstate(all="ignore"):
            return norms / nonzero[0] if len(nonzero) else norms

    @property
    def vanishes_at(self) -> int | None:
        """The first lag from which on the norm stays below a thousandth of that at lag 0; None: it does not vanish."""
        above = np.flatnonzero(~(self.relative < VANISHED))  # a NaN has not vanished
        first = above[-1] + 1 if len(above) else 0
        return int(first) if first < len(self.lags) else None

    @property
    def explodes_at(self) -> int | None:
        """The first lag whose norm is NaN or above a thousand times that at lag 0; None: it does not explode."""
        above = np.flatnonzero(~(self.relative <= EXPLODED))
        return int(above[0]) if len(above) else None

    @property
    def half_life(self) -> float:
        """In how many steps the norm halves, by a line fitted to its logarithms up to the lag where it vanishes.

        Infinite where the norm does not fall.
        """
        relative = self.relative[: self.vanishes_at]
        usable = np.isfinite(relative) & (relative > 0)
        if usable.sum() < 2:
            return 0.0 if self.vanishes_at else float("inf")
        slope = np.polyfit(self.lags[: len(relative)][usable], np.log2(relative[usable]), 1)[0]
        return float(-1 / slope) if slope < -1e-12 else float("inf")

    @property
    def summary(self) -> str:
        """In one sentence: whether the gradient vanishes, explodes or lasts."""
        if self.explodes_at is not None:
            factor = self.relative[self.explodes_at]
            if not np.isfinite(factor):
                return f"explodes: the norm overflows at lag {self.explodes_at}"
            times = f"{factor:,.0f}" if factor < 1e9 else f"{factor:.0e}"
            return f"explodes: at lag {self.explodes_at} the norm is {times} times that at lag 0"
        half_life = describe_half_life(self.half_life)
        if self.vanishes_at is not None:
            return f"vanishes at lag {self.vanishes_at} (below a thousandth of lag 0); {half_life}"
        return f"lasts: {self.relative[-1]:.2g} of lag 0 is left at lag {self.lags[-1]}; {half_life}"


def describe_half_life(steps: float) -> str:
    if np.isinf(steps):
        return "it does not halve"
    return f"half-life {steps:.1f} steps" if steps < 100 else f"half-life {steps:,.0f} steps"


class FlowProbe:
    """`gradient_flow` for one model or layer, compiled once and called as often as needed.

    Args:
        model_or_layer, layer, direction, step, target_fn: see `gradient_flow`.

    Example:
        >>> probe = FlowProbe(model)
        >>> flows = [probe(batch) for batch in (inputs[:8], inputs[8:])]
    """

    def __init__(
        self,
        model_or_layer: keras.layers.Layer,
        *,
        layer: str | keras.layers.Layer | None = None,
        direction: str = "forward",
        step: int = -1,
        target_fn: Callable[[Any], Any] | None = None,
    ):
        self.instrumented = find_layer(model_or_layer, layer, direction)
        self.step, self.target_fn = step, target_fn
        self._gradients: Any = tf.function(self._differentiate, autograph=False, reduce_retracing=True)

    def __call__(self, inputs: Any, mask: Any = None) -> GradientFlow:
        inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
        build_if_needed(self.instrumented, inputs)
        mask = None if mask is None else tf.convert_to_tensor(mask)
        batch = tf.nest.flatten(inputs)[0].shape[0]
        # Several of the output's values at once, each in a copy of the sequences.
        copies = 1 if self._has_fixed_batch_size() else max(1, min(MAX_ROWS // batch, self._guess_value_count()))
        repeated = tf.nest.map_structure(
            lambda value: None if value is None else tf.repeat(value, copies, axis=0), (inputs, mask)
        )
        squares: dict[str, np.ndarray] = {}
        layer_mask = np.empty((0, 0), bool)
        start, value_count = 0, 1
        while start < value_count:
            gradients, layer_mask, value_count = self._gradients(*repeated, tf.constant(start), tf.constant(copies))
            value_count = int(value_count)
            if value_count > MAX_VALUES:
                raise ValueError(
                    f"The output has {value_count} values, each of which needs a gradient of its own (at most "
                    f"{MAX_VALUES}); select some of them, or compute a scalar from them, with `target_fn`."
                )
            for name, gradient in gradients.items():
                square = np.square(gradient.numpy().astype(np.float64)).sum(axis=-1)
                square = square.reshape(batch, copies, -1).sum(axis=1)
                squares[name] = squares.get(name, 0) + square
            start += copies
        layer_mask = np.asarray(layer_mask)[::copies]
        late_step = self._find_late_step(layer_mask.shape[1])
        norms = {
            name: order_by_lag(np.sqrt(square / value_count), layer_mask, late_step) for name, square in squares.items()
        }
        return GradientFlow(norms, self.instrumented.layer.name)

    def _guess_value_count(self) -> int:
        """How many values the output has, as far as this is known before it is computed."""
        if self.target_fn is not None:
            return 1
        if self.instrumented.is_alone:
            return tf.nest.flatten(self.instrumented.layer.state_size)[0]
        shape = getattr(self.instrumented.target, "output_shape", None)
        return shape[-1] if isinstance(shape, tuple) and isinstance(shape[-1], int) else 1

    def _has_fixed_batch_size(self) -> bool:
        target = self.instrumented.target
        if self.instrumented.layer.stateful:
            return True
        return not self.instrumented.is_alone and any(
            tensor.shape[0] is not None for tensor in getattr(target, "inputs", ())
        )

    def _find_late_step(self, steps: int) -> int:
        """Which of the layer's steps, in the layer's order, is that of the late output."""
        step = self.step if self.step >= 0 else steps + self.step
        self._require_step(steps)
        in_layer_order = self.instrumented.is_alone or self.step == -1
        return steps - 1 - step if self.instrumented.layer.go_backwards and not in_layer_order else step

    def _require_step(self, steps: int | None) -> None:
        if steps is not None and not -steps <= self.step < steps:
            raise ValueError(f"step {self.step} is outside of the {steps} steps of {self.instrumented.layer.name}.")

    def _run(self, inputs: Any, mask: Any, tape: tf.GradientTape) -> tuple[Any, dict[str, Any]]:
        """The values to differentiate, `(batch, values)`, and the zeros added to the states and the inputs."""
        recorded = {}
        layer = self.instrumented.layer

        def run(sequences, initial_state, layer_mask):
            vectors = to_vectors(layer, sequences)
            rows, steps = tf.shape(vectors)[0], tf.shape(vectors)[1]
            sizes = tf.nest.flatten(layer.state_size)
            added = [tf.zeros((steps, rows, size), vectors.dtype) for size in sizes]
            added_to_inputs = tf.zeros_like(vectors)
            tape.watch([*added, added_to_inputs])
            result, states, mask = unroll(layer, vectors + added_to_inputs, initial_state, layer_mask, added)
            recorded.update(added=added, added_to_inputs=added_to_inputs, states=states, mask=mask)
            return result

        outputs = call_instrumented(self.instrumented, inputs, mask, run)
        if self.instrumented.is_alone:
            outputs = recorded["states"][0]
        return self._select_values(outputs), recorded

    def _select_values(self, outputs: Any) -> Any:
        """`(batch, values)` of the outputs of the model or layer."""
        values = outputs if self.target_fn is None else self.target_fn(outputs)
        if not tf.is_tensor(values):
            raise ValueError(
                "The model has several outputs; give `target_fn`, a function of them whose values are differentiated."
            )
        values: Any = tf.cast(values, tf.float32)
        if len(values.shape) == 3 and self.target_fn is None:
            self._require_step(values.shape[1])
            values = values[:, self.step]
        return tf.reshape(values, (-1, int(np.prod(values.shape[1:]))))

    def _differentiate(self, inputs: Any, mask: Any, start: Any, copies: Any) -> tuple[dict[str, Any], Any, Any]:
        """The gradients of one value of each row with respect to the added zeros, `(rows, time, ...)` by name.

        Each copy of an example has another value, from number `start` on. Also returns the layer's mask, and how many
        values there are.
        """
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            values, recorded = self._run(inputs, mask, tape)
            number = start + tf.range(tf.shape(values)[0]) % copies
            value = tf.reduce_sum(values * tf.one_hot(number, values.shape[1]))
        sources = [*recorded["added"], recorded["added_to_inputs"]]
        gradients: Any = tape.gradient(value, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        *of_states, of_inputs = gradients
        if self.instrumented.layer.go_backwards:
            of_inputs = tf.reverse(of_inputs, [1])
        names = self.instrumented.state_names
        by_name = {name: tf.transpose(gradient, (1, 0, 2)) for name, gradient in zip(names, of_states, strict=True)}
        return by_name | {"inputs": of_inputs}, recorded["mask"], tf.constant(values.shape[1])


def order_by_lag(norms: np.ndarray, mask: np.ndarray, late_step: int) -> np.ndarray:
    """Norms `(batch, time)` in the layer's order -> `(batch, lags)`, NaN where a sequence has no such step.

    Args:
        mask: `(batch, time)`; masked steps are left out, as if they were not there.
        late_step: the step of the output; its lag is 0, or that of the last step before it that is not masked.
    """
    rows = [row[: late_step + 1][keep[: late_step + 1]][::-1] for row, keep in zip(norms, mask, strict=True)]
    lags = max(map(len, rows))
    return np.stack([np.pad(row, (0, lags - len(row)), constant_values=np.nan) for row in rows])


def gradient_flow(
    model_or_layer: keras.layers.Layer,
    inputs: Any,
    *,
    layer: str | keras.layers.Layer | None = None,
    direction: str = "forward",
    step: int = -1,
    target_fn: Callable[[Any], Any] | None = None,
    mask: Any = None,
) -> GradientFlow:
    """The norm of the gradient of a late output with respect to the hidden state and the input k steps earlier.

    For every k, for any recurrent layer of Keras, ours or of keras.layers (SimpleRNN, LSTM, GRU, RNN with a cell), on
    its own or in any model. The layer's cell is run step by step, zeros are added to the state after each step and to
    each input, and the gradient with respect to these is computed; so it is the total one, along all paths from a state
    to the output. Nothing is trained, and a stateful layer keeps its state as it is.

    Source: Bengio, Simard & Frasconi, Learning long-term dependencies with gradient descent is difficult, IEEE
    Transactions on Neural Networks 5, 1994; Pascanu, Mikolov & Bengio, On the difficulty of training recurrent neural
    networks, ICML 2013.

    Args:
        model_or_layer: a recurrent layer, a Bidirectional, or a model with such layers inside.
        inputs: what it is called with: `(batch, time, features)` for a layer. A few examples suffice.
        layer: of a model, which recurrent layer (or its name); default: the last one.
        direction: of a Bidirectional: "forward" or "backward".
        step: the step of the late output: of a layer in the order in which it computes the steps, of a model with an
            output for each step in the order of the inputs; default: the last.
        target_fn: for a model: its outputs -> the values to differentiate, `(batch,)` or `(batch, values)`, such as a
            loss of each example; for a layer: the hidden states `(batch, time, units)` of all steps -> such values.
            Lags are still counted from `step`. Default: all values of the output at that step.
        mask: `(batch, time)`, for a call with a mask; masks that a model computes itself apply as well. Masked steps do
            not count as lags.

    Raises:
        ValueError: there is no such recurrent layer or step, or the output has too many values.

    Example:
        >>> flow = gradient_flow(model, inputs[:8])
        >>> flow.state.shape, flow.inputs.shape  # by lag
        ((20,), (20,))
        >>> "half-life" in flow.summary  # "vanishes at lag 12 (below a thousandth of lag 0); half-life 1.2 steps"
        True
    """
    probe = FlowProbe(model_or_layer, layer=layer, direction=direction, step=step, target_fn=target_fn)
    return probe(inputs, mask)
