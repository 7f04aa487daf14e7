"""What the hidden state holds, and how long the numbers may be."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from apps.addition.digit_columns import add_columns, to_columns
from apps.addition.generate import generate_hard_sums, generate_test_sums
from apps.addition.model import AdditionModel, ColumnAdder
from apps.addition.sums import Sums

LENGTHS = (8, 16, 32, 64, 128, 256, 512)
SUMS_PER_LENGTH = 100
MAXIMUM_COLUMNS = 40  # of a sum that a figure shows
EXAMPLE = ("2051999643", "4367000361")  # with a carry that passes over four columns


def make_plots(model: AdditionModel, seed: int) -> dict[str, Figure]:
    """`exact_by_digits`; `state`, of one sum; and `carry_by_age`, of many.

    Args:
        model: of `build_sum_model`.
        seed: of the sums that are generated for the figures.
    """
    generator = np.random.default_rng(seed)
    exact = plot_exact_by_digits(model.column_adder, generator)
    outputs: Any = model({"text": tf.constant(["+".join(EXAMPLE)])}, training=False)
    state = plot_state(*EXAMPLE, outputs["state"][0].numpy(), outputs["carry"][0].numpy())
    ages = plot_carry_by_age(model.column_adder, generate_hard_sums(generator, 200, 199))
    return {"exact_by_digits": exact, "state": state, "carry_by_age": ages}


def plot_exact_by_digits(adder: ColumnAdder, generator: np.random.Generator) -> Figure:
    """The share of 100 random and 100 hard sums of each length that are right to the last digit."""
    figure, axis = plt.subplots(figsize=(6.5, 3.8))
    for name, label, style in (("", "random digits", "o-"), ("_carries", "many carries", "s--")):
        shares = []
        for digits in LENGTHS:
            sums = generate_test_sums(generator, SUMS_PER_LENGTH, (digits,))[f"{digits}{name}"]
            shares.append((adder(sums.columns)[0] == add_columns(sums.columns)[0]).all(axis=1).mean())
        axis.plot(LENGTHS, shares, style, label=label)
    axis.set_xscale("log", base=2)
    axis.set_xticks(LENGTHS, [str(digits) for digits in LENGTHS])
    axis.set(xlabel="digits of the numbers", ylabel="share of correct sums", ylim=(-0.03, 1.05))
    axis.set_title("Right to the last digit")
    axis.grid(alpha=0.3)
    axis.legend()
    return figure


def plot_state(first: str, second: str, state: np.ndarray, carry: np.ndarray) -> Figure:
    """The hidden state after each column as a heat map, and the probe's prediction from it; time runs to the left.

    Args:
        first, second: the numbers that were added.
        state: `(time, units)`, after the rightmost column first.
        carry: `(time,)`, the probability of a carry by the probe.
    """
    columns = to_columns([(first, second)])
    digits, truth = (row[0] for row in add_columns(columns))
    total = len(digits)
    shown = min(total, MAXIMUM_COLUMNS)
    # Units that are larger with a carry at the top, those that are smaller at the bottom.
    has_carry, order = carry > 0.5, np.arange(state.shape[1])
    if 0 < has_carry.sum() < len(has_carry):
        order = np.argsort(state[~has_carry].mean(axis=0) - state[has_carry].mean(axis=0))
    pairs = columns[0, :shown][::-1]
    labels = [f"{a}\n{b}\n{digit}" for (a, b), digit in zip(pairs, digits[:shown][::-1], strict=True)]
    figure, (upper, lower) = plt.subplots(
        2, 1, figsize=(2.4 + 0.34 * shown, 6), height_ratios=(4, 1), sharex=True, layout="constrained"
    )
    image = upper.imshow(state[:shown][::-1, order].T, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    upper.set(ylabel="units, by how a carry changes them")
    upper.tick_params(labelbottom=False)
    figure.colorbar(image, ax=upper, label="hidden state", pad=0.01)
    ticks = np.arange(shown)
    lower.bar(ticks, carry[:shown][::-1], color="steelblue", label="linear probe of the state")
    lower.plot(ticks, truth[:shown][::-1], "kx", label="true carry")
    lower.set_xticks(ticks, labels)
    lower.set(ylabel="carry", ylim=(-0.1, 1.15), xlabel="first number, second number, sum; added from the right")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    left_out = f" ({total - shown} more to the left)" if total > shown else ""
    upper.set_title(f"The hidden state after each column{left_out}")
    return figure


def plot_carry_by_age(adder: ColumnAdder, sums: Sums) -> Figure:
    """The probe's log odds of a carry over the columns since it was determined.

    A column that adds up to nine passes on the carry, or the lack of one, that comes into it; any other column
    determines it, which is age 0.
    """
    _, carry = adder(sums.columns)
    truth = add_columns(sums.columns)[1]
    age = np.zeros_like(truth)
    is_nine = sums.columns.sum(axis=2) == 9
    for column in range(1, is_nine.shape[1]):
        age[:, column] = np.where(is_nine[:, column], age[:, column - 1] + 1, 0)
    carry = np.clip(carry.astype(float), 1e-7, 1 - 1e-7)
    log_odds = np.log(carry / (1 - carry))
    figure, axis = plt.subplots(figsize=(6.5, 3.8))
    for value, label, color in ((1, "carry", "darkorange"), (0, "no carry", "steelblue")):
        selected = truth == value
        axis.scatter(age[selected], log_odds[selected], s=6, alpha=0.4, color=color, label=label)
    axis.axhline(0, color="black", linewidth=1)
    axis.set_xscale("symlog", linthresh=1)
    axis.set_xticks([0, 1, 10, 100], ["0", "1", "10", "100"])
    axis.set(xlabel="columns that have passed it on", ylabel="log odds of a carry, by the probe")
    axis.set_title("The state keeps a carry over any number of columns")
    axis.set_xlim(-0.3, None)
    axis.legend(loc="upper right")
    return figure
