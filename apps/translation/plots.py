"""Pictures of a translation run."""

from pathlib import Path

import keras
import matplotlib.pyplot as plt

from apps.translation.attention import attention_map, plot_attention
from apps.translation.data import TranslationData
from apps.translation.metrics import bleu_by_length
from rnn_keras.seq2seq.text_to_text import TextWriter
from rnn_keras.training.plots import save


def draw(folder: Path, data: TranslationData, model: keras.Model) -> None:
    """`bleu_by_length.png` of the test sentences, and `attention.png` of a few of them."""
    test, translator = data.pairs.splits["test"], TextWriter(model)
    sources, _ = test.references()
    plot_bleu_by_length(
        bleu_by_length(translator, test, translator.write(sources).texts), folder / "bleu_by_length.png"
    )
    # Sentences whose tokens a panel has room for.
    readable = [text for text in sources if 6 <= len(text.split()) <= 12][:3] or sources[:1]
    maps = [attention_map(model, text) for text in readable]
    if maps[0] is not None:
        plot_attention(maps, folder / "attention.png")


def plot_bleu_by_length(rows: list[dict], path: Path) -> None:
    """A bar for each group of sentences, as `metric.bleu_by_length` makes them."""
    figure, axis = plt.subplots(figsize=(6, 3.5))
    bars = axis.bar([row["tokens"] for row in rows], [row["bleu"] for row in rows], color="steelblue")
    axis.bar_label(bars, [f"{row['sentences']} sentences" for row in rows], fontsize=8)
    axis.set(xlabel="tokens of the source", ylabel="BLEU", title="BLEU by length of the source")
    save(figure, path)
