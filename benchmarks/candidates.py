"""The candidates: the same recurrent layer in this project, in keras.layers and in torch."""

import importlib.util
import random
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

FAMILIES = ("LSTM", "GRU", "SimpleRNN")
GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}
OURS, OURS_XLA, KERAS_GRAPH, KERAS_XLA, TORCH = "rnn_keras", "rnn_keras XLA", "keras graph", "keras XLA", "torch"
NAMES = (OURS, OURS_XLA, KERAS_GRAPH, KERAS_XLA, TORCH)


class Size(NamedTuple):
    """A workload: `(batch, time, features)` -> `(batch, time, units)`."""

    batch: int
    time: int
    features: int
    units: int

    def gigaflops(self, family: str, task: str) -> float:
        """10^9 floating-point operations of the matrix products, a multiplication and an addition being two.

        The training step has three times those of the forward pass: each product has two gradients.
        """
        forward = 2 * self.batch * self.time * (self.features + self.units) * GATES[family] * self.units
        return (3 if task == "training" else 1) * forward / 1e9


def has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None


Tasks = dict[str, Callable[[], Any]]


def time_call(function: Callable[[], Any]) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def time_in_turns(
    functions: Tasks, repeats: int, warm_ups: int, time_turn: Callable[[Callable[[], Any]], float] = time_call
) -> dict[str, list[float]]:
    """Seconds of each function, `repeats` of them, in rounds whose order changes.

    So other load on the machine, and threads of the one before that still spin, affect all alike.

    Args:
        functions: by their names.
        repeats: how often each is timed.
        warm_ups: how many rounds come before that are not counted, in which functions are traced and compiled.
        time_turn: what times one of them.
    """
    order, turns = random.Random(1), list(functions.items())
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(repeats + warm_ups):
        order.shuffle(turns)
        for name, function in turns:
            duration = time_turn(function)
            if number >= warm_ups:
                seconds[name].append(duration)
    return seconds


def time_medians(
    functions: Tasks, repeats: int, warm_ups: int, time_turn: Callable[[Callable[[], Any]], float] = time_call
) -> dict[str, float]:
    """The median seconds of each function; the arguments are those of `time_in_turns`."""
    seconds = time_in_turns(functions, repeats, warm_ups, time_turn)
    return {name: statistics.median(values) for name, values in seconds.items()}


def make_candidates(
    family: str,
    size: Size,
    masked: bool,
    threads: int,
    names: tuple[str, ...] | None = None,
    any_shape: bool = False,
) -> dict[str, Tasks]:
    """Functions without arguments, `{name: {"forward": f, "training": f}}`, one call of which is one measurement.

    The forward pass computes all outputs; the training step the gradients of their mean square with respect to the
    input and the weights. XLA in a name: the whole function is compiled (jit_compile=True). The mask is that of padding
    on the right, with lengths between half and all of the steps.

    Args:
        family: "LSTM", "GRU" or "SimpleRNN".
        threads: of torch.
        names: which candidates; None: all of `NAMES`, torch where it is installed.
        any_shape: whether TensorFlow's graphs are for any batch size and length, not for this size.
    """
    import numpy as np

    rng = np.random.default_rng(1)
    x = rng.standard_normal(size[:3]).astype("float32")
    lengths = rng.integers(size.time // 2, size.time + 1, size.batch) if masked else None
    candidates = {}
    for name in names or NAMES:
        if name == TORCH:
            if has_torch():
                candidates[name] = make_torch(family, size, x, lengths, threads)
        else:
            candidates[name] = make_keras(family, size, x, lengths, name, any_shape=any_shape)
    return candidates


def make_keras(
    family: str,
    size: Size,
    x: Any,
    lengths: Any,
    name: str,
    dtype: str = "float32",
    any_shape: bool = False,
) -> Tasks:
    import keras
    import numpy as np
    import tensorflow as tf

    import rnn_keras.layers

    module = rnn_keras.layers if name in (OURS, OURS_XLA) else keras.layers
    keras.utils.set_random_seed(1)
    layer = getattr(module, family)(size.units, return_sequences=True, dtype=dtype)
    layer.build(x.shape)
    weights = [weight.value for weight in layer.weights]
    arguments = [tf.constant(x)] + ([] if lengths is None else [tf.constant(np.arange(size.time) < lengths[:, None])])
    signature = [tf.TensorSpec((None, None, *value.shape[2:]), value.dtype) for value in arguments]

    def forward(x, mask=None):
        return layer(x, mask=mask)

    def training(x, mask=None):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_mean(tf.square(tf.cast(layer(x, mask=mask), tf.float32)))
        return tape.gradient(loss, [x, *weights])

    def as_graph(function):
        graph = tf.function(
            function,
            input_signature=signature if any_shape else None,
            jit_compile=name in (OURS_XLA, KERAS_XLA),
            autograph=False,
        )
        return lambda: graph(*arguments)

    return {"forward": as_graph(forward), "training": as_graph(training)}


def make_torch(family: str, size: Size, x: Any, lengths: Any, threads: int, device: str = "cpu") -> Tasks:
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    layer = getattr(torch.nn, {"SimpleRNN": "RNN"}.get(family, family))(size.features, size.units, batch_first=True)
    layer.to(device)
    x = torch.tensor(x, requires_grad=True, device=device)

    def outputs():
        if lengths is None:
            return layer(x)[0]
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            x, torch.tensor(lengths), batch_first=True, enforce_sorted=False
        )
        return torch.nn.utils.rnn.pad_packed_sequence(layer(packed)[0], batch_first=True)[0]

    def forward():
        with torch.no_grad():
            return outputs()

    def training():
        x.grad = None
        layer.zero_grad()
        outputs().square().mean().backward()

    return {"forward": forward, "training": training}
