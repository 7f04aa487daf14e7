"""How far back a gradient reaches: its norm at the hidden state, and at the input, so and so many steps earlier."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.diagnostics.instrumentation import as_vectors, called, require_built, unrolled, watched

VANISHED = 1e-3  # of the norm at lag 0
EXPLODED = 1e3
MOST_ROWS = 64  # sequences at once, so that the states of all steps fit into memory
MOST_OUTPUTS = 512


@dataclasses.dataclass(frozen=True)
class GradientFlow:
    """Norms of the gradient of a late output by lag, in steps: lag 0 is the step of that output, lag k the k-th before.

    Where the output is a vector, the norm is the root mean square over its values of the norms of their gradients (the
    Frobenius norm of the Jacobian, over the square root of its rows): 1 at lag 0 of a layer whose output is its hidden
    state.

    Attributes:
        of_examples: for each state of the layer by name (`hidden_state`, an LSTM's `cell_state`), and for `inputs`,
            the norms `(batch, lags)`; NaN where a sequence has no such step.
        name: of the layer.
    """

    of_examples: dict[str, np.ndarray]
    name: str = ""

    @property
    def lags(self) -> np.ndarray:
        """0, 1, 2, ... `(lags,)`."""
        return np.arange(next(iter(self.of_examples.values())).shape[1])

    def norms(self, name: str) -> np.ndarray:
        """`(lags,)`: the root mean square over the examples; see `of_examples` for the names."""
        squares = np.square(self.of_examples[name])
        there = ~np.isnan(self.of_examples[name]) | (self._lengths[:, np.newaxis] > self.lags)
        with np.errstate(all="ignore"):  # an overflow is told in words
            return np.sqrt(np.where(there, squares, 0).sum(axis=0) / there.sum(axis=0))

    @property
    def _lengths(self) -> np.ndarray:
        """`(batch,)`: how many steps each example has; a NaN before its last number is an overflow, not an absence."""
        known = ~np.isnan(next(iter(self.of_examples.values())))
        return known.shape[1] - known[:, ::-1].argmax(axis=1)

    @property
    def hidden_state(self) -> np.ndarray:
        """`(lags,)`: with respect to the first state, which is the hidden state."""
        return self.norms(next(iter(self.of_examples)))

    @property
    def state(self) -> np.ndarray:
        """`(lags,)`: with respect to all states together: an LSTM's memory is its cell state, not what it shows."""
        with np.errstate(all="ignore"):  # an overflow is told in words
            squares = [np.square(self.norms(name)) for name in self.of_examples if name != "inputs"]
            return np.sqrt(np.sum(squares, axis=0))

    @property
    def inputs(self) -> np.ndarray:
        """`(lags,)`: with respect to the layer's input."""
        return self.norms("inputs")

    @property
    def relative(self) -> np.ndarray:
        """`(lags,)`: `state` over its value at lag 0, or at the first lag where it is not zero."""
        norms = self.state
        nonzero = norms[norms != 0]
        with np.errstate(all="ignore"):
            return norms / nonzero[0] if len(nonzero) else norms

    @property
    def vanishes_at(self) -> int | None:
        """The first lag from which on the norm stays below a thousandth of that at lag 0; None: there is none."""
        above = np.flatnonzero(~(self.relative < VANISHED))  # what is no number has not vanished
        first = above[-1] + 1 if len(above) else 0
        return int(first) if first < len(self.lags) else None

    @property
    def explodes_at(self) -> int | None:
        """The first lag at which the norm is a thousand times that at lag 0, or no number; None: there is none."""
        above = np.flatnonzero(~(self.relative <= EXPLODED))
        return int(above[0]) if len(above) else None

    @property
    def half_life(self) -> float:
        """In how many steps the norm halves: by a line through its logarithms, up to the lag where it vanishes.

        Infinite where it does not fall.
        """
        relative = self.relative[: self.vanishes_at]
        fits = np.isfinite(relative) & (relative > 0)
        if fits.sum() < 2:
            return 0.0 if self.vanishes_at else float("inf")
        slope = np.polyfit(self.lags[: len(relative)][fits], np.log2(relative[fits]), 1)[0]
        return float(-1 / slope) if slope < -1e-12 else float("inf")

    @property
    def words(self) -> str:
        """In one sentence: whether the gradient vanishes, explodes or lasts."""
        if self.explodes_at is not None:
            size = self.relative[self.explodes_at]
            grown = (
                f"{size:,.0f} times" if size < 1e9 else f"{size:.0e} times" if np.isfinite(size) else "beyond number"
            )
            return f"explodes: {grown} that at lag 0 at lag {self.explodes_at}"
        if self.vanishes_at is not None:
            return (
                f"vanishes at lag {self.vanishes_at} (below a thousandth of lag 0); {half_life_words(self.half_life)}"
            )
        left = f"{self.relative[-1]:.2g} of lag 0 is left at lag {self.lags[-1]}"
        return f"lasts: {left}; {half_life_words(self.half_life)}"


def half_life_words(steps: float) -> str:
    if np.isinf(steps):
        return "it does not halve"
    return f"half-life {steps:.1f} steps" if steps < 100 else f"half-life {steps:,.0f} steps"


class FlowProbe:
    """`gradient_flow` for one model or layer, compiled once and called as often as wanted.

    Args: see `gradient_flow`.
    """

    def __init__(self, model_or_layer, *, layer=None, direction="forward", step=-1, of: Callable | None = None):
        self.watched = watched(model_or_layer, layer, direction)
        self.step, self.of = step, of
        self._gradients = tf.function(self._differentiated, autograph=False, reduce_retracing=True)

    def __call__(self, inputs, mask=None) -> GradientFlow:
        inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
        require_built(self.watched, inputs)
        mask = None if mask is None else tf.convert_to_tensor(mask)
        batch = tf.nest.flatten(inputs)[0].shape[0]
        # Several of the output's values at once, each in a copy of the sequences.
        copies = 1 if self._has_fixed_batch() else max(1, min(MOST_ROWS // batch, self._outputs_expected()))
        repeated = tf.nest.map_structure(
            lambda value: None if value is None else tf.repeat(value, copies, axis=0), (inputs, mask)
        )
        squares: dict[str, np.ndarray] = {}
        start, outputs = 0, 1
        while start < outputs:
            gradients, kept, outputs = self._gradients(*repeated, tf.constant(start), tf.constant(copies))
            outputs = int(outputs)
            if outputs > MOST_OUTPUTS:
                raise ValueError(
                    f"The output has {outputs} values, each of which needs a gradient of its own; say by `of` which of "
                    f"them, or what scalar of them, is meant (at most {MOST_OUTPUTS})."
                )
            for name, gradient in gradients.items():
                square = np.square(gradient.numpy().astype(np.float64)).sum(axis=-1)
                square = square.reshape(batch, copies, -1).sum(axis=1)
                squares[name] = squares.get(name, 0) + square
            start += copies
        kept = kept.numpy()[::copies]
        norms = {name: by_lag(np.sqrt(square / outputs), kept, self._late(kept)) for name, square in squares.items()}
        return GradientFlow(norms, self.watched.layer.name)

    def _outputs_expected(self) -> int:
        """A guess, to begin with, of how many values the output has."""
        if self.of is not None:
            return 1
        if self.watched.is_layer:
            return tf.nest.flatten(self.watched.layer.state_size)[0]
        shape = getattr(self.watched.target, "output_shape", None)
        return shape[-1] if isinstance(shape, tuple) and isinstance(shape[-1], int) else 1

    def _has_fixed_batch(self) -> bool:
        target = self.watched.target
        if self.watched.layer.stateful:
            return True
        return not self.watched.is_layer and any(
            tensor.shape[0] is not None for tensor in getattr(target, "inputs", ())
        )

    def _late(self, kept: np.ndarray) -> int:
        """Which of the layer's steps, in its own order, is that of the late output."""
        steps = kept.shape[1]
        step = self.step if self.step >= 0 else steps + self.step
        self._require_step(steps)
        in_own_order = self.watched.is_layer or self.step == -1
        return steps - 1 - step if self.watched.layer.go_backwards and not in_own_order else step

    def _require_step(self, steps: int | None) -> None:
        if steps is not None and not -steps <= self.step < steps:
            raise ValueError(f"step {self.step} is outside of the {steps} steps that {self.watched.layer.name} takes.")

    def _run(self, inputs, mask, tape: tf.GradientTape):
        """The values to differentiate, `(batch, values)`, and what was added to the states and the inputs."""
        seen = {}
        layer = self.watched.layer

        def run(sequences, initial_state, layer_mask):
            vectors = as_vectors(layer, sequences)
            rows, steps = tf.shape(vectors)[0], tf.shape(vectors)[1]
            sizes = tf.nest.flatten(layer.state_size)
            added = [tf.zeros((steps, rows, size), vectors.dtype) for size in sizes]
            to_inputs = tf.zeros_like(vectors)
            tape.watch([*added, to_inputs])
            result, states, kept = unrolled(layer, vectors + to_inputs, initial_state, layer_mask, added)
            seen.update(added=added, to_inputs=to_inputs, states=states, kept=kept)
            return result

        outputs = called(self.watched, inputs, mask, run)
        if self.watched.is_layer:
            outputs = seen["states"][0]
        return self._late_values(outputs), seen

    def _late_values(self, outputs):
        """`(batch, values)` of what the model or layer gives."""
        values = outputs if self.of is None else self.of(outputs)
        if not tf.is_tensor(values):
            raise ValueError("The model has several outputs; say by `of`, a function of them, what is differentiated.")
        values = tf.cast(values, tf.float32)
        if len(values.shape) == 3 and self.of is None:
            self._require_step(values.shape[1])
            values = values[:, self.step]
        return tf.reshape(values, (-1, int(np.prod(values.shape[1:]))))

    def _differentiated(self, inputs, mask, start, copies):
        """The gradients of one value of each row with respect to what was added, `(rows, time, ...)` by name.

        Of the copies of an example each has its own value, from `start` on. Also gives which steps count, and how many
        values there are.
        """
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            values, seen = self._run(inputs, mask, tape)
            number = start + tf.range(tf.shape(values)[0]) % copies
            value = tf.reduce_sum(values * tf.one_hot(number, values.shape[1]))
        found = tape.gradient(
            value, [*seen["added"], seen["to_inputs"]], unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        *of_states, of_inputs = found
        if self.watched.layer.go_backwards:
            of_inputs = tf.reverse(of_inputs, [1])
        names = self.watched.state_names
        gradients = {name: tf.transpose(gradient, (1, 0, 2)) for name, gradient in zip(names, of_states, strict=True)}
        return gradients | {"inputs": of_inputs}, seen["kept"], tf.constant(values.shape[1])


def by_lag(norms: np.ndarray, kept: np.ndarray, late: int) -> np.ndarray:
    """Norms `(batch, time)` in the steps' order -> `(batch, lags)`, NaN where a sequence has no such step.

    Args:
        kept: `(batch, time)`: which steps count; those that are masked are left out, as if they were not there.
        late: the step of the output; its lag is 0, or the lag of the last step before it that counts.
    """
    found = [row[: late + 1][keep[: late + 1]][::-1] for row, keep in zip(norms, kept, strict=True)]
    lags = max(map(len, found))
    return np.stack([np.pad(row, (0, lags - len(row)), constant_values=np.nan) for row in found])


def gradient_flow(
    model_or_layer: keras.Layer,
    inputs,
    *,
    layer: str | keras.Layer | None = None,
    direction: str = "forward",
    step: int = -1,
    of: Callable | None = None,
    mask=None,
) -> GradientFlow:
    """The norm of the gradient of a late output with respect to the hidden state and the input k steps earlier.

    For every k, for any recurrent layer of Keras, ours or of keras.layers (SimpleRNN, LSTM, GRU, RNN with a cell), on
    its own or in any model. The layer's cell is run step by step, zeros are added to the state after each step and to
    each input, and the gradient with respect to these is taken; so it is the total one, by all ways on which a state
    acts on the output. Nothing is trained, and a stateful layer keeps its state as it is.

    The idea: Bengio, Simard & Frasconi, Learning long-term dependencies with gradient descent is difficult, IEEE
    Transactions on Neural Networks 5, 1994; Pascanu, Mikolov & Bengio, On the difficulty of training recurrent neural
    networks, ICML 2013.

    Args:
        model_or_layer: a recurrent layer, a Bidirectional, or a model with such layers inside.
        inputs: what it is called with: `(batch, time, features)` for a layer. Few examples do.
        layer: of a model, which recurrent layer (or its name); default: the last one.
        direction: of a Bidirectional: "forward" or "backward".
        step: the step of the late output: of a layer in the order in which it takes the steps, of a model with an
            output for each step in the order of the inputs; default: the last.
        of: for a model: its outputs -> the values to differentiate, `(batch,)` or `(batch, values)`, such as a loss of
            each example; for a layer: the hidden states `(batch, time, units)` of all steps -> such values. Lags are
            still counted from `step`. Default: all values of the output at that step.
        mask: `(batch, time)`, for a call with a mask; masks that a model makes itself are heeded. Masked steps do not
            count as lags.

    Raises:
        ValueError: there is no such recurrent layer or step, or the output has too many values.
    """
    return FlowProbe(model_or_layer, layer=layer, direction=direction, step=step, of=of)(inputs, mask)
