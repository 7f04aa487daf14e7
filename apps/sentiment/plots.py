"""What the memory holds so far, as the score of a text after each of its words; and which words have become alike."""

from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np

from apps.sentiment.data import SentimentData
from rnn_keras.diagnostics import plot_word_vectors
from rnn_keras.training.plots import length_distribution, save

# Words that a person would call alike; animals are the usual example, and say nothing of a film.
ALIKE = {
    "animals": ("dog", "cat", "pig", "horse", "bird", "lion", "animal"),
    "praise": ("good", "great", "wonderful", "brilliant", "moving", "delightful", "beautiful"),
    "blame": ("bad", "boring", "dull", "awful", "stupid", "tedious", "worst"),
}


def draw(folder: Path, data: SentimentData, scorer: keras.Model, first_vectors: np.ndarray | None = None) -> None:
    """`lengths.png` of the training texts, `running_score.png` of a few test sentences, and `word_vectors.png`.

    Args:
        first_vectors: the word vectors before training, `(vocabulary, units)`; None: the words had none.
    """
    lengths = [len(ids) for ids in data.sequences["train"]]
    length_distribution(lengths, folder / "lengths.png")
    test = data.texts.splits["test"]
    # Texts that a line of words below the curve has room for.
    readable = [index for index, ids in enumerate(data.sequences["test"]) if 8 <= len(ids) <= 30][:4]
    if readable:
        plot_running_scores(
            scorer,
            data.vectorization,
            [data.sequences["test"][index] for index in readable],
            [data.texts.class_names[test.labels[index]] for index in readable],
            data.texts.class_names,
            folder / "running_score.png",
        )

    if first_vectors is not None:
        draw_word_vectors(folder, data, first_vectors, scorer.get_layer("embedding").get_weights()[0])


def draw_word_vectors(folder: Path, data: SentimentData, before: np.ndarray, after: np.ndarray) -> None:
    """`word_vectors.png`, where the texts have at least two words each of two groups of like words."""
    place = {word: number for number, word in enumerate(data.vectorization.get_vocabulary())}
    known = {name: [word for word in words if word in place] for name, words in ALIKE.items()}
    known = {name: words for name, words in known.items() if len(words) > 1}
    if len(known) > 1:
        chosen = [place[word] for words in known.values() for word in words]
        plot_word_vectors(known, before[chosen], after[chosen], len(place), folder / "word_vectors.png")


def running_scores(scorer: keras.Model, ids: np.ndarray) -> np.ndarray:
    """The scorer's probabilities after 1, 2, ... words: ids `(words,)` -> `(words, outputs)`."""
    # The prefixes as one batch: row k holds the first k + 1 words, the rest is padding.
    prefixes = np.tril(np.broadcast_to(ids, (len(ids), len(ids))))
    return scorer(prefixes, training=False).numpy()


def plot_running_scores(
    scorer: keras.Model,
    vectorization: keras.layers.TextVectorization,
    sequences: list[np.ndarray],
    truths: list[str],
    class_names: list[str],
    path: Path,
) -> None:
    """A panel a text: the probability of the last class after each word, the words below.

    Args:
        sequences: word ids `(words,)` of each text, at least one text.
        truths: the true class of each.
    """
    vocabulary = np.array(vectorization.get_vocabulary())
    figure, axes = plt.subplots(len(sequences), 1, figsize=(11, 2.3 * len(sequences)), squeeze=False)
    for axis, ids, truth in zip(axes[:, 0], sequences, truths, strict=True):
        scores = running_scores(scorer, ids)[:, -1]
        places = np.arange(len(ids))
        axis.plot(places, scores, color="black", linewidth=1)
        axis.scatter(places, scores, c=scores, cmap="RdYlGn", vmin=0, vmax=1, edgecolor="black", zorder=3)
        axis.axhline(0.5, color="grey", linestyle=":")
        axis.set_xticks(places, vocabulary[ids], rotation=45, ha="right", fontsize=8)
        axis.set(ylim=(-0.05, 1.05), ylabel=f"score of {class_names[-1]}", xlim=(-0.5, len(ids) - 0.5))
        axis.set_title(f"truly {truth}", fontsize=9, loc="left")
    figure.suptitle("What the memory holds so far: the score after each word")
    figure.tight_layout()
    save(figure, path)
