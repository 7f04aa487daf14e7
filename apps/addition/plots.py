"""Pictures of what the state holds, and of how long the numbers may be."""

from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np

from apps.addition.data import AdditionData, Groups, Sums, hard, together, unseen
from apps.addition.digit_columns import added, columns_of
from apps.addition.model import Adder
from rnn_keras.seq2seq.text_to_text import TextWriter
from rnn_keras.training.plots import save

LENGTHS = (8, 16, 32, 64, 128, 256, 512)
MOST_COLUMNS = 40  # of a sum that a picture shows
EXAMPLE = ("2051999643", "4367000361")  # with a carry that is handed on over four columns


def draw(folder: Path, data: AdditionData, model: keras.Model) -> None:
    """By columns `exact_by_digits.png`, `state.png` of one sum, and `carry_by_age.png` of many.

    In reading order `exact_by_carries.png`.
    """
    if data.config.order == "reading":
        plot_carries(model, data.splits["test"], folder / "exact_by_carries.png")
        return
    generator = np.random.default_rng(data.config.seed)
    adder = Adder(model)
    plot_exact(adder, generator, folder / "exact_by_digits.png")
    outputs = model({"text": keras.ops.convert_to_tensor(["+".join(EXAMPLE)])}, training=False)
    plot_state(*EXAMPLE, outputs["state"][0].numpy(), outputs["carry"][0].numpy(), folder / "state.png")
    plot_age(adder, hard(generator, 200, 199), folder / "carry_by_age.png")


def plot_carries(model: keras.Model, groups: Groups, path: Path) -> None:
    """The share of the sums that are right, by how many carries there are in them."""
    sums = together(groups)
    right = np.array(TextWriter(model).write(sums.questions, "greedy").texts) == np.array(sums.answers)
    carries = added(sums.columns)[1].sum(axis=1)
    numbers = np.unique(carries)
    figure, axis = plt.subplots(figsize=(6, 3.5))
    bars = axis.bar(numbers.astype(str), [right[carries == number].mean() for number in numbers], color="steelblue")
    axis.bar_label(bars, [f"{(carries == number).sum()} sums" for number in numbers], fontsize=8)
    axis.set(xlabel="carries in the sum", ylabel="sums that are right", ylim=(0, 1.1), title="Right to the last digit")
    save(figure, path)


def plot_exact(adder: Adder, generator: np.random.Generator, path: Path) -> None:
    """The share of 100 random and 100 hard sums of each length that are right to the last digit."""
    figure, axis = plt.subplots(figsize=(6.5, 3.8))
    for name, label, style in (("", "random digits", "o-"), ("_carries", "many carries", "s--")):
        shares = []
        for digits in LENGTHS:
            sums = unseen(generator, 100, (digits,))[f"{digits}{name}"]
            shares.append((adder(sums.columns)[0] == added(sums.columns)[0]).all(axis=1).mean())
        axis.plot(LENGTHS, shares, style, label=label)
    axis.set_xscale("log", base=2)
    axis.set_xticks(LENGTHS, LENGTHS)
    axis.set(xlabel="digits of the numbers", ylabel="sums that are right", ylim=(-0.03, 1.05))
    axis.set_title("Right to the last digit")
    axis.grid(alpha=0.3)
    axis.legend()
    save(figure, path)


def plot_state(first: str, second: str, state: np.ndarray, carry: np.ndarray, path: Path) -> None:
    """The hidden state behind each column as a heat map, and what the probe reads off it; time runs to the left.

    Args:
        state: `(time, units)`, the rightmost column first.
        carry: `(time,)`, how likely the state holds one.
    """
    shown = min(max(len(first), len(second)) + 1, MOST_COLUMNS)
    digits, truth = (row[0] for row in added(columns_of([(first, second)])))
    pairs = columns_of([(first, second)])[0]
    # Units that speak for a carry above, those against it below.
    held, moved = carry > 0.5, np.arange(state.shape[1])
    if 0 < held.sum() < len(held):
        moved = np.argsort(state[~held].mean(axis=0) - state[held].mean(axis=0))
    labels = [f"{a}\n{b}\n{digit}" for (a, b), digit in zip(pairs[:shown][::-1], digits[:shown][::-1], strict=True)]
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(2.4 + 0.34 * shown, 6), height_ratios=(4, 1), sharex=True, layout="constrained"
    )
    image = above.imshow(state[:shown][::-1, moved].T, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    above.set(ylabel="units, by how much a carry moves them")
    above.tick_params(labelbottom=False)
    figure.colorbar(image, ax=above, label="hidden state", pad=0.01)
    places = np.arange(shown)
    below.bar(places, carry[:shown][::-1], color="steelblue", label="read off the state")
    below.plot(places, truth[:shown][::-1], "kx", label="true carry")
    below.set_xticks(places, labels)
    below.set(ylabel="carry", ylim=(-0.1, 1.15), xlabel="first number, second number, sum; read from the right")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    left_out = max(len(first), len(second)) + 1 - shown
    above.set_title("What the network holds behind each column" + (f" ({left_out} more to the left)" * bool(left_out)))
    save(figure, path)


def plot_age(adder: Adder, sums: Sums, path: Path) -> None:
    """How far the states are from the border between a carry and none, by how long ago it was decided.

    Over columns that add up to nine the carry, or that there is none, is handed on: age 0 is a column that adds up to
    something else.
    """
    _, carry = adder(sums.columns)
    truth = added(sums.columns)[1]
    age = np.zeros_like(truth)
    nine = sums.columns.sum(axis=2) == 9
    for place in range(1, nine.shape[1]):
        age[:, place] = np.where(nine[:, place], age[:, place - 1] + 1, 0)
    carry = np.clip(carry.astype(float), 1e-7, 1 - 1e-7)
    distance = np.log(carry / (1 - carry))
    figure, axis = plt.subplots(figsize=(6.5, 3.8))
    for value, label, color in ((1, "there is a carry", "darkorange"), (0, "there is none", "steelblue")):
        of = truth == value
        axis.scatter(age[of], distance[of], s=6, alpha=0.4, color=color, label=label)
    axis.axhline(0, color="black", linewidth=1)
    axis.set_xscale("symlog", linthresh=1)
    axis.set_xticks([0, 1, 10, 100], ["0", "1", "10", "100"])
    axis.set(xlabel="columns that have handed it on", ylabel="log odds of a carry, read off the state")
    axis.set_title("A carry does not wear out")
    axis.set_xlim(-0.3, None)
    axis.legend(loc="upper right")
    save(figure, path)
