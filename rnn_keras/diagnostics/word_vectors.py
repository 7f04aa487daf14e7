"""One-hot vectors compared with learnt word vectors: how similar related words are, and what a word costs."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from rnn_keras.utils.fonts import choose_fonts

BYTES = 4  # of a float32


def cosine_similarities(vectors: np.ndarray) -> np.ndarray:
    """Vectors `(words, units)` -> similarities `(words, words)`, from -1 to 1.

    Args:
        vectors: `(words, units)`. Of one-hot vectors the similarity is 0 for any two different words. A vector of zeros
            has the similarity 0 with every vector, itself included.

    Example:
        >>> cosine_similarities(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]])).tolist()
        [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = np.divide(vectors, lengths, out=np.zeros_like(vectors, float), where=lengths > 0)
    return directions @ directions.T


def group_similarities(vectors: np.ndarray, groups: Sequence[Sequence[int]]) -> tuple[float, float]:
    """The mean cosine similarity of two different words of one group, and of two words of different groups.

    Args:
        vectors: `(words, units)`.
        groups: rows of the vectors, at least two groups of at least two each.
    """
    similar = cosine_similarities(vectors)
    group = {row: number for number, rows in enumerate(groups) for row in rows}
    within, between = [], []
    for one in group:
        for other in group:
            if one < other:
                (within if group[one] == group[other] else between).append(similar[one, other])
    return float(np.mean(within)), float(np.mean(between))


class VectorCost(TypedDict):
    """What a word costs in one representation.

    Keys:
        vector: the representation's name.
        width: numbers per word.
        zeros: the fraction of them that are zero.
        bytes: per word, in float32.
    """

    vector: str
    width: int
    zeros: float
    bytes: int


def vector_costs(vocabulary_size: int, units: int) -> list[VectorCost]:
    """The cost of a word as a one-hot vector and as a row of an embedding `(vocabulary_size, units)`."""
    zeros = 1 - 1 / vocabulary_size
    return [
        {"vector": "one-hot", "width": vocabulary_size, "zeros": zeros, "bytes": BYTES * vocabulary_size},
        {"vector": "embedding", "width": units, "zeros": 0.0, "bytes": BYTES * units},
    ]


def plot_word_vectors(
    groups: Mapping[str, Sequence[str]], before: np.ndarray, after: np.ndarray, vocabulary_size: int
) -> Figure:
    """The cosine similarities of some words as one-hot vectors, before and after training, and what a word costs.

    Args:
        groups: the words by topic, so that related words are in one group.
        before, after: their vectors `(words, units)`, in the order of the groups.
        vocabulary_size: the width of a one-hot vector.

    Example:
        >>> groups = {"animals": ["cat", "dog"], "numbers": ["one", "two"]}
        >>> before, after = np.random.normal(size=(2, 4, 8))
        >>> figure = plot_word_vectors(groups, before, after, vocabulary_size=1000)
    """
    words = [word for group in groups.values() for word in group]
    ends = np.cumsum([len(group) for group in groups.values()])
    rows = [range(end - len(group), end) for end, group in zip(ends, groups.values(), strict=True)]
    panels = {"one-hot": np.eye(len(words)), "embedding before training": before, "embedding after training": after}
    size = 1.6 + 0.2 * len(words)
    figure, axes = plt.subplots(1, 3, figsize=(3 * size, size + 1.1), layout="constrained")
    for axis, (name, vectors) in zip(axes, panels.items(), strict=True):
        axis.imshow(cosine_similarities(vectors), cmap="RdBu", vmin=-1, vmax=1)
        within, between = group_similarities(vectors, rows)
        axis.set_title(f"{name}\nin a group {within:.2f}, between groups {between:.2f}", fontsize=9)
        axis.set_xticks(range(len(words)), words, rotation=90, fontsize=8)
        axis.set_yticks(range(len(words)), words, fontsize=8)
        for end in ends[:-1]:
            axis.axhline(end - 0.5, color="black", linewidth=0.8)
            axis.axvline(end - 0.5, color="black", linewidth=0.8)
    figure.colorbar(
        ScalarMappable(Normalize(-1, 1), "RdBu"), ax=axes, fraction=0.02, pad=0.01, label="cosine similarity"
    )
    costs = (
        f"{cost['vector']}: {cost['width']:,} wide, {cost['zeros']:.2%} zeros, {cost['bytes']:,} bytes a word"
        for cost in vector_costs(vocabulary_size, before.shape[1])
    )
    figure.suptitle("Are related words similar?  " + ";  ".join(costs), fontsize=10)
    choose_fonts(figure)
    return figure
