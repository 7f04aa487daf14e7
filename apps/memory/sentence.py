"""How much of the loss at the last word of a sentence reaches the words before it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from rich.table import Table

from apps.memory.model import CELLS, MEMORY
from apps.memory.words import variants
from rnn_keras.diagnostics import gate_traces, gradient_flow, open_gate_fraction, plot_gates
from rnn_keras.training.plots import plt, save_figure
from rnn_keras.utils.files import write_json
from rnn_keras.utils.terminal import console

EMBEDDING = 16


@dataclasses.dataclass(frozen=True)
class Reading:
    """What is read, and by what; see the command `sentence` for the fields."""

    words: list[str]
    units: int
    epochs: int
    seed: int


def read_sentence(reading: Reading, folder: Path, tell: Callable[[str], None]) -> dict:
    """Measures every cell before and after training; writes sentence.png, gates_<cell>.png and sentence.json.

    Returns:
        For each cell `untrained` and `trained`: `reaches_first`, the norm of the gradient of the loss with respect to
        the first word's vector over that with respect to the word before the last; `loss`, in nats; `words`, the
        gradient flow in words; and, with gates, `open_share`, of the units whose keeping gate stays open.
    """
    sentences = variants(reading.words)
    vocabulary = sorted({word for sentence in sentences for word in sentence})
    ids = np.array([[vocabulary.index(word) for word in sentence] for sentence in sentences], np.int32)
    given, last = ids[:, :-1], ids[:, -1]
    asked = sentences[0]
    results, norms = {}, {}
    for cell in CELLS:
        tell(f"{cell} ...")
        keras.utils.set_random_seed(reading.seed)
        network = build(cell, reading.units, len(vocabulary))
        results[cell] = {}
        for when in ("untrained", "trained"):
            if when == "trained":
                # In one epoch: those of so few examples would mostly begin and end.
                passes = tf.data.Dataset.from_tensors((given, last)).repeat(reading.epochs)
                network.fit(passes, verbose=0, shuffle=False)
            flow = gradient_flow(network, given[:1], target_fn=lambda outputs: losses(outputs, last[:1]))
            norms[cell, when] = flow.inputs[::-1]
            traces = gate_traces(network, given[:1], layer=MEMORY)
            results[cell][when] = {
                "reaches_first": float(flow.inputs[-1] / flow.inputs[0]),
                "loss": float(losses(network(given), last).numpy().mean()),
                "words": flow.summary,
                "half_life": flow.half_life if np.isfinite(flow.half_life) else None,  # JSON knows no infinite numbers
                "open_share": None if cell == "simple_rnn" else open_gate_fraction(traces, threshold=0.5),
            }
        title = f"{cell}, trained: what each gate lets through while {' '.join(asked[:2])} ... is read"
        save_figure(plot_gates(traces, asked[:-1], title), folder / f"gates_{cell}.png")
    table = Table("", "", "reaches the first word", "loss", "gradient flow", "stay open", title_justify="left")
    for cell, of_cell in results.items():
        for when, result in of_cell.items():
            share = "" if result["open_share"] is None else f"{result['open_share']:.0%}"
            table.add_row(cell, when, f"{result['reaches_first']:.2%}", f"{result['loss']:.3f}", result["words"], share)
    console.print(table)
    plot_reach(asked, norms, folder / "sentence.png")
    write_json(folder / "sentence.json", {"reading": dataclasses.asdict(reading), "cells": results})
    tell(f"pictures: {folder}")
    return {"words": asked, "cells": results}


def build(cell: str, units: int, vocabulary: int) -> keras.Model:
    """Ids `(batch, words)` -> logits of the next word `(batch, vocabulary)`."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    # Vectors of a length at which words move the state, as those of a trained network do.
    spread = keras.initializers.RandomNormal(stddev=0.5)
    x = keras.layers.Embedding(vocabulary, EMBEDDING, embeddings_initializer=spread, name="embedding")(ids)
    x = CELLS[cell](units, name=MEMORY)(x)
    network = keras.Model(ids, keras.layers.Dense(vocabulary, name="next_word")(x), name=cell)
    network.compile(keras.optimizers.Adam(1e-2, global_clipnorm=1.0), losses_of_batch)
    return network


def losses(logits, words):
    """Cross-entropy of each example, `(batch,)`, in nats."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(words, tf.int32), logits)


def losses_of_batch(words, logits):
    return losses(logits, tf.reshape(words, (-1,)))


def plot_reach(words: list[str], norms: dict[tuple[str, str], np.ndarray], path: Path) -> None:
    """A panel a cell: the gradient of the loss at the last word with respect to each word before it."""
    cells = list(dict.fromkeys(cell for cell, _ in norms))
    figure, axes = plt.subplots(1, len(cells), figsize=(4.6 * len(cells), 4), sharey=True, layout="constrained")
    places = np.arange(len(words) - 1)
    for axis, cell in zip(axes, cells, strict=True):
        for when, style in (("untrained", "o:"), ("trained", "o-")):
            values = norms[cell, when]
            axis.plot(places, values / values[-1], style, label=when)
        axis.set(yscale="log", title=cell)
        axis.set_xticks(places, words[:-1], rotation=60, ha="right")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel(f"gradient at the word, over that at {words[-2]!r}")
    axes[0].legend()
    figure.suptitle(f"How much of the loss at {words[-1]!r} reaches each word")
    save_figure(figure, path)
