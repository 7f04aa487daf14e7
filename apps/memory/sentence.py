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

from apps.memory.model import RECURRENT_LAYER
from apps.memory.words import make_variants
from rnn_keras.diagnostics import GradientFlow, gate_traces, gradient_flow, open_gate_fraction, plot_gates
from rnn_keras.layers.by_name import RECURRENT_LAYERS
from rnn_keras.training.plots import save_figure
from rnn_keras.utils.files import write_json
from rnn_keras.utils.terminal import console

EMBEDDING_UNITS = 16


@dataclasses.dataclass(frozen=True)
class SentenceSettings:
    """What is read, and by which network; see the command `sentence` for the fields."""

    words: list[str]
    units: int
    epochs: int
    seed: int


def measure_cells(settings: SentenceSettings, folder: Path, show: Callable[[str], None]) -> dict[str, Any]:
    """Measures each cell before and after training; writes sentence.png, gates_<cell>.png and sentence.json.

    Args:
        settings: what is read, and by which network.
        folder: where the files are written.
        show: is called with lines for the user.

    Returns:
        The `words`; and for each of the `cells`, `untrained` and `trained`: `first_word_gradient`, the norm of the
        gradient of the loss with respect to the vector of the first word over that of the word before the last; `loss`,
        in nats; `gradient_flow`, a sentence, and `half_life`, in steps; and, with gates, `open_gate_fraction`, the
        share of units whose forget gate stays open.
    """
    examples = make_examples(settings.words)
    words, inputs, last = examples.words, examples.inputs, examples.last
    results, norms = {}, {}
    for cell in RECURRENT_LAYERS:
        show(f"{cell} ...")
        keras.utils.set_random_seed(settings.seed)
        network = build_word_network(cell, settings.units, examples.vocabulary_size)
        results[cell] = {}
        traces = {}
        for when in ("untrained", "trained"):
            if when == "trained":
                learn_sentence(network, examples, settings.epochs)
            flow = measure_reach(network, examples)
            norms[cell, when] = flow.inputs[::-1]
            traces = gate_traces(network, inputs[:1], layer=RECURRENT_LAYER)
            results[cell][when] = {
                "first_word_gradient": float(flow.inputs[-1] / flow.inputs[0]),
                "loss": float(cross_entropy(network(inputs), last).numpy().mean()),
                "gradient_flow": flow.summary,
                "half_life": flow.half_life if np.isfinite(flow.half_life) else None,  # JSON has no infinite numbers
                "open_gate_fraction": None if cell == "simple_rnn" else open_gate_fraction(traces, threshold=0.5),
            }
        title = f"{cell}, trained: the gates while {' '.join(words[:2])} ... is read"
        save_figure(plot_gates(traces, words[:-1], title), folder / f"gates_{cell}.png")
    show_results(results)
    save_figure(plot_gradients(words, norms), folder / "sentence.png")
    write_json(folder / "sentence.json", {"settings": dataclasses.asdict(settings), "cells": results})
    show(f"figures: {folder}")
    return {"words": words, "cells": results}


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


def measure_reach(network: Any, examples: Examples) -> GradientFlow:
    """How much of the loss at the last word of the sentence itself reaches each word before it."""
    last = examples.last[:1]
    return gradient_flow(network, examples.inputs[:1], target_fn=lambda outputs: cross_entropy(outputs, last))


def show_results(results: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Prints a row for each cell, untrained and trained."""
    table = Table("", "", "gradient at the first word", "loss", "gradient flow", "open gates", title_justify="left")
    for cell, by_state in results.items():
        for when, result in by_state.items():
            fraction = result["open_gate_fraction"]
            gates = "" if fraction is None else f"{fraction:.0%}"
            gradient = f"{result['first_word_gradient']:.2%}"
            table.add_row(cell, when, gradient, f"{result['loss']:.3f}", result["gradient_flow"], gates)
    console.print(table)


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


def plot_gradients(words: Sequence[str], norms: Mapping[tuple[str, str], np.ndarray]) -> Figure:
    """A panel per cell: the gradient of the loss at the last word with respect to each word before it.

    Args:
        words: the sentence, to its last word.
        norms: by cell and `untrained` or `trained`, the norms `(words - 1,)`.
    """
    cells = list(dict.fromkeys(cell for cell, _ in norms))
    figure, axes = plt.subplots(1, len(cells), figsize=(4.6 * len(cells), 4), sharey=True, layout="constrained")
    indices = np.arange(len(words) - 1)
    for axis, cell in zip(axes, cells, strict=True):
        for when, style in (("untrained", "o:"), ("trained", "o-")):
            values = norms[cell, when]
            axis.plot(indices, values / values[-1], style, label=when)
        axis.set(yscale="log", title=cell)
        axis.set_xticks(indices, words[:-1], rotation=60, ha="right")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel(f"gradient at the word, over that at {words[-2]!r}")
    axes[0].legend()
    figure.suptitle(f"How much of the loss at {words[-1]!r} reaches each word")
    return figure
