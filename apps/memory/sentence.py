"""How much of the loss at the last word of a sentence reaches the words before it."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from rich.table import Table

from apps.memory.config import ForgetBias
from apps.memory.model import RECURRENT_LAYER, initialize_forget_bias
from apps.memory.words import make_variants
from rnn_keras.diagnostics import FlowProbe, GradientFlow, gate_traces, open_gate_fraction, plot_gates
from rnn_keras.layers.by_name import RECURRENT_LAYERS
from rnn_keras.training.plots import save_figure
from rnn_keras.utils.files import write_json
from rnn_keras.utils.terminal import console

EMBEDDING_UNITS = 16
SMALLEST_SHARE = 1e-12  # that the figure shows


@dataclasses.dataclass(frozen=True)
class SentenceSettings:
    """What is read, and by which networks; see the command `sentence` for the fields."""

    words: list[str]
    units: int
    epochs: int
    forget_bias: ForgetBias
    seeds: int
    seed: int


class Measurement(NamedTuple):
    """What a network does with the sentence.

    Attributes:
        flow: of the probe, see `make_probe`.
        loss: over the sentence and its variants, in nats.
        traces: every gate while the sentence is read, see `gate_traces`.
        open_gates: the share of units whose forget gate stays open (None: there is no such gate).
    """

    flow: GradientFlow
    loss: float
    traces: Mapping[str, np.ndarray]
    open_gates: float | None

    @property
    def relative_gradients(self) -> np.ndarray:
        """`(words - 1,)`: the gradient at each word over that at the word before the last."""
        return self.flow.inputs[::-1] / self.flow.inputs[0]


def measure_cells(settings: SentenceSettings, folder: Path, show: Callable[[str], None]) -> dict[str, Any]:
    """Measures each cell before and after training; writes sentence.png, gates_<cell>.png and sentence.json.

    Args:
        settings: what is read, and by which networks.
        folder: where the files are written.
        show: is called with lines for the user.

    Returns:
        The `words`; and for each of the `cells`, `untrained` and `trained`, see `summarize_seeds`.
    """
    examples = make_examples(settings.words)
    results: dict[str, dict[str, dict[str, Any]]] = {}
    relative_gradients: dict[str, dict[str, np.ndarray]] = {}
    for cell in RECURRENT_LAYERS:
        of_seeds = measure_seeds(cell, settings, examples, show)
        by_state = {when: [one[when] for one in of_seeds] for when in of_seeds[0]}
        results[cell] = {when: summarize_seeds(measured) for when, measured in by_state.items()}
        relative_gradients[cell] = {
            when: np.stack([one.relative_gradients for one in measured]) for when, measured in by_state.items()
        }
        title = f"{cell}, seed {settings.seed}, trained: the gates while {' '.join(examples.words[:2])} ... is read"
        traces = of_seeds[0]["trained"].traces
        save_figure(plot_gates(traces, examples.words[:-1], title), folder / f"gates_{cell}.png")
    show_results(results)
    save_figure(plot_gradients(examples.words, relative_gradients), folder / "sentence.png")
    write_json(folder / "sentence.json", {"settings": dataclasses.asdict(settings), "cells": results})
    show(f"figures: {folder}")
    return {"words": examples.words, "cells": results}


def measure_seeds(
    cell: str, settings: SentenceSettings, examples: "Examples", show: Callable[[str], None]
) -> list[dict[str, Measurement]]:
    """Measures a network of this cell for each seed, `untrained` and `trained`."""
    network = build_word_network(cell, settings.units, examples.vocabulary_size)
    network.optimizer.build(network.trainable_variables)
    state_before = [variable.numpy() for variable in network.optimizer.variables]
    probe = make_probe(network, examples)
    measurements = []
    for seed in range(settings.seed, settings.seed + settings.seeds):
        show(f"{cell}, seed {seed} ...")
        keras.utils.set_random_seed(seed)
        # One compiled network with the weights of one network after another: compiling takes longer than training.
        network.set_weights(build_word_network(cell, settings.units, examples.vocabulary_size).get_weights())
        layer = network.get_layer(RECURRENT_LAYER)
        initialize_forget_bias(layer, cell, settings.forget_bias, examples.inputs.shape[1], seed)
        for variable, value in zip(network.optimizer.variables, state_before, strict=True):
            variable.assign(value)
        untrained = measure_network(network, probe, examples)
        learn_sentence(network, examples, settings.epochs)
        measurements.append({"untrained": untrained, "trained": measure_network(network, probe, examples)})
    return measurements


def measure_network(network: Any, probe: FlowProbe, examples: "Examples") -> Measurement:
    """Measures a network as it is."""
    inputs = examples.inputs
    loss = cross_entropy(network(inputs), examples.last).numpy().mean()
    traces = gate_traces(network, inputs[:1], layer=RECURRENT_LAYER)
    open_gates = None if network.name == "simple_rnn" else open_gate_fraction(traces, threshold=0.5)
    return Measurement(probe(inputs[:1]), float(loss), traces, open_gates)


class Examples(NamedTuple):
    """A sentence and its variants as ids.

    Attributes:
        words: of the sentence, to its last word.
        vocabulary_size: the number of different words.
        inputs: all words but the last, `(variants, words - 1)`; the sentence itself is the first row.
        last: the last words `(variants,)`.
    """

    words: list[str]
    vocabulary_size: int
    inputs: np.ndarray
    last: np.ndarray


def make_examples(words: list[str]) -> Examples:
    """The sentence and its variants, see `make_variants`."""
    sentences = make_variants(words)
    vocabulary = sorted({word for sentence in sentences for word in sentence})
    ids = np.array([[vocabulary.index(word) for word in sentence] for sentence in sentences], np.int32)
    return Examples(sentences[0], len(vocabulary), ids[:, :-1], ids[:, -1])


def learn_sentence(network: Any, examples: Examples, epochs: int) -> None:
    """Trains on all variants, so many times."""
    # In one epoch: so few examples would make many epochs of mostly overhead.
    passes: Any = tf.data.Dataset.from_tensors((examples.inputs, examples.last)).repeat(epochs)
    network.fit(passes, verbose=0, shuffle=False)


def make_probe(network: Any, examples: Examples) -> FlowProbe:
    """Measures how much of the loss at the last word of the sentence itself reaches each word before it."""
    last = examples.last[:1]
    return FlowProbe(network, target_fn=lambda outputs: cross_entropy(outputs, last))


def measure_reach(network: Any, examples: Examples) -> GradientFlow:
    """What `make_probe` measures, once."""
    return make_probe(network, examples)(examples.inputs[:1])


def summarize_seeds(measured: Sequence[Measurement]) -> dict[str, Any]:
    """Medians over the seeds.

    Returns:
        `first_word_gradient`, the gradient of the loss with respect to the vector of the first word over that of the
        word before the last; `first_word_gradients`, that of each seed; `loss`, in nats; `half_life` of the gradient
        with respect to the state, in steps (None: it does not halve); and `open_gate_fraction`, see `Measurement`.
    """
    gradients = [float(one.relative_gradients[0]) for one in measured]
    half_life = float(np.median([one.flow.half_life for one in measured]))
    open_gates = [one.open_gates for one in measured if one.open_gates is not None]
    return {
        "first_word_gradient": float(np.median(gradients)),
        "first_word_gradients": gradients,
        "loss": float(np.median([one.loss for one in measured])),
        "half_life": half_life if np.isfinite(half_life) else None,  # JSON has no infinite numbers
        "open_gate_fraction": float(np.median(open_gates)) if open_gates else None,
    }


def show_results(results: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Prints a row for each cell, untrained and trained: medians, and the range of the gradient over the seeds."""
    table = Table(
        "", "", "first word", "range", "loss", "half-life", "open gates", title="gradients", title_justify="left"
    )
    for cell, by_state in results.items():
        for when, result in by_state.items():
            gates, half_life = result["open_gate_fraction"], result["half_life"]
            table.add_row(
                cell,
                when,
                format_share(result["first_word_gradient"]),
                " ... ".join(format_share(edge(result["first_word_gradients"])) for edge in (min, max)),
                f"{result['loss']:.3f}",
                "-" if half_life is None else f"{half_life:.1f}",
                "" if gates is None else f"{gates:.0%}",
            )
    console.print(table)


def format_share(share: float) -> str:
    """As a percentage, however small: `12.3%`, `0.0042%`, `3e-09%`."""
    return f"{share:.1%}" if share >= 0.01 else f"{100 * share:.2g}%"


def build_word_network(cell: str, units: int, vocabulary_size: int) -> Any:
    """Ids `(batch, words)` -> logits of the next word `(batch, vocabulary_size)`."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    # Vectors long enough to change the state, as those of a trained network are.
    initializer: Any = keras.initializers.RandomNormal(stddev=0.5)
    embedding = keras.layers.Embedding(
        vocabulary_size, EMBEDDING_UNITS, embeddings_initializer=initializer, name="embedding"
    )
    make_layer: Any = RECURRENT_LAYERS[cell]
    x = make_layer(units, name=RECURRENT_LAYER)(embedding(ids))
    network: Any = keras.Model(ids, keras.layers.Dense(vocabulary_size, name="next_word")(x), name=cell)
    network.compile(keras.optimizers.Adam(1e-2, global_clipnorm=1.0), word_loss)
    return network


def cross_entropy(logits: Any, words: Any) -> Any:
    """Of each example, `(batch,)`, in nats."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(words, tf.int32), logits)


def word_loss(words: Any, logits: Any) -> Any:
    """The loss for `compile`: words `(batch, 1)` and logits `(batch, words)`."""
    return cross_entropy(logits, tf.reshape(words, (-1,)))


def plot_gradients(words: Sequence[str], relative_gradients: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """The gradient of the loss at the last word with respect to each word before it: a panel untrained, one trained.

    Args:
        words: the sentence, to its last word.
        relative_gradients: by cell, and `untrained` or `trained`, `(seeds, words - 1)`, see `Measurement`.
    """
    states = list(next(iter(relative_gradients.values())))
    indices = np.arange(len(words) - 1)
    width = max(6.0, 0.24 * len(words))
    figure, axes = plt.subplots(len(states), 1, figsize=(width, 6.5), sharex=True, sharey=True, layout="constrained")
    for axis, when in zip(axes, states, strict=True):
        for number, (cell, by_state) in enumerate(relative_gradients.items()):
            values = np.maximum(by_state[when], SMALLEST_SHARE)
            axis.plot(indices, np.median(values, axis=0), "o-", ms=3, color=f"C{number}", label=cell)
            axis.fill_between(indices, values.min(axis=0), values.max(axis=0), color=f"C{number}", alpha=0.2)
        axis.set(yscale="log", title=when)
        axis.grid(alpha=0.3)
    axes[-1].set_xticks(indices, words[:-1], rotation=90, fontsize=8)
    axes[0].legend(loc="lower right")
    figure.supylabel(f"gradient at the word, over that at {words[-2]!r}")
    seeds = len(next(iter(relative_gradients.values()))[states[0]])
    figure.suptitle(f"How much of the loss at {words[-1]!r} reaches each word: median and range of {seeds} seed(s)")
    return figure
