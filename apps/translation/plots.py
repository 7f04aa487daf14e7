"""Figures of a translation run: BLEU by length, and attention weights."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from apps.translation.attention import AttentionWeights, compute_attention
from apps.translation.metrics import compute_bleu_by_length
from apps.translation.model import TranslationModel
from apps.translation.sentence_pairs import Pairs
from rnn_keras.utils.fonts import find_font

PANELS = 3  # the most sentences in a figure of attention weights
READABLE_WORDS = range(6, 13)  # of a source whose tokens a panel has room for


def make_plots(model: TranslationModel, pairs: Pairs) -> dict[str, Figure]:
    """`bleu_by_length` of the pairs, and `attention` of a few of them where the model has attention."""
    sources, _ = pairs.references()
    rows = compute_bleu_by_length(model.translator, pairs, model.translator.generate(sources).texts)
    figures = {"bleu_by_length": plot_bleu_by_length(rows)}
    readable = [text for text in sources if len(text.split()) in READABLE_WORDS][:PANELS] or sources[:1]
    examples = compute_attention(model, readable)
    if examples:
        figures["attention"] = plot_attention(examples)
    return figures


def plot_bleu_by_length(rows: Sequence[dict[str, Any]]) -> Figure:
    """A bar for each group of sentences.

    Args:
        rows: of `compute_bleu_by_length`.
    """
    figure, axis = plt.subplots(figsize=(6, 3.5))
    bars = axis.bar([row["tokens"] for row in rows], [row["bleu"] for row in rows], color="steelblue")
    axis.bar_label(bars, [f"{row['sentences']} sentences" for row in rows], fontsize=8)
    axis.set(xlabel="tokens of the source", ylabel="BLEU", title="BLEU by length of the source")
    return figure


def plot_attention(examples: Sequence[AttentionWeights]) -> Figure:
    """A panel for each translation: source tokens along the bottom, written tokens on the left; dark is a large weight.

    Where no installed font has all characters, the tokens of that side are numbered; see `format_legend`.

    Args:
        examples: of `compute_attention`, at least one.
    """
    font = find_token_font(examples)
    figure, axes = plt.subplots(1, len(examples), figsize=(5.5 * len(examples), 5), squeeze=False)
    for axis, example in zip(axes[0], examples, strict=True):
        axis.imshow(example.weights, cmap="Greys", vmin=0, vmax=1, aspect="auto")
        style: dict[str, Any] = {"fontfamily": font, "parse_math": False}
        axis.set_xticks(
            range(len(example.source)), label_tokens(example.source, font), rotation=60, ha="right", **style
        )
        axis.set_yticks(range(len(example.target)), label_tokens(example.target, font), **style)
        axis.set(xlabel="source", ylabel="translation")
    figure.tight_layout()
    return figure


def find_token_font(examples: Sequence[AttentionWeights]) -> str | None:
    """An installed font that has all characters of the tokens, or None."""
    tokens = [token for example in examples for token in (*example.source, *example.target)]
    return find_font(set("".join(tokens)))


def label_tokens(tokens: Sequence[str], font: str | None) -> list[str]:
    """The tokens themselves, or their numbers from 1 on where there is no font for them.

    >>> label_tokens(["猫", "。"], font=None)
    ['1', '2']
    """
    if font or all(map(str.isascii, tokens)):
        return list(tokens)
    return [str(number) for number in range(1, len(tokens) + 1)]


def format_legend(example: AttentionWeights) -> str:
    """Which number of `label_tokens` stands for which token."""
    sides = {"source": example.source, "translation": example.target}
    return "\n".join(
        f"{side}: " + "  ".join(f"{number} {token}" for number, token in enumerate(tokens, 1))
        for side, tokens in sides.items()
    )
