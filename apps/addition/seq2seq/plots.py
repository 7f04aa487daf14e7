"""How the errors depend on the carries."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure


def plot_exact_by_carries(correct: np.ndarray, carries: np.ndarray) -> Figure:
    """The share of correct sums, by the number of carries in a sum.

    Args:
        correct: `(n,)` booleans.
        carries: `(n,)` how many carries each of these sums has.
    """
    numbers = np.unique(carries)
    figure, axis = plt.subplots(figsize=(6, 3.5))
    shares = [correct[carries == number].mean() for number in numbers]
    bars = axis.bar([str(number) for number in numbers], shares, color="steelblue")
    axis.bar_label(bars, [f"{(carries == number).sum()} sums" for number in numbers], fontsize=8)
    axis.set(
        xlabel="carries in the sum", ylabel="share of correct sums", ylim=(0, 1.1), title="Right to the last digit"
    )
    return figure
