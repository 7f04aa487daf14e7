"""The score of a text after each of its words, and which words have become similar."""

import keras
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from rnn_keras.data.text_data import TextData
from rnn_keras.diagnostics import plot_word_vectors
from rnn_keras.training.plots import plot_lengths
from rnn_keras.training.train import TrainedNetwork
from rnn_keras.utils.fonts import choose_fonts

# Words that a person would call similar; animals are the usual example, and say nothing about a film.
SIMILAR_WORDS = {
    "animals": ("dog", "cat", "pig", "horse", "bird", "lion", "animal"),
    "praise": ("good", "great", "wonderful", "brilliant", "moving", "delightful", "beautiful"),
    "blame": ("bad", "boring", "dull", "awful", "stupid", "tedious", "worst"),
}


def make_plots(trained: TrainedNetwork, data: TextData) -> dict[str, Figure]:
    """`lengths` of the training texts, `running_score` of a few test sentences, and `word_vectors`."""
    sequences, labels = data.inputs("test"), data.labels("test")
    figures = {"lengths": plot_lengths([len(ids) for ids in data.inputs("train")])}
    # Texts that a line of words below the curve has room for.
    readable = [index for index, ids in enumerate(sequences) if 8 <= len(ids) <= 30][:4]
    if readable:
        figures["running_score"] = plot_running_scores(
            trained.network,
            data.vectorization,
            [sequences[index] for index in readable],
            [data.class_names[labels[index]] for index in readable],
            data.class_names,
        )
    names = [layer.name for layer in trained.network.layers]
    if "embedding" in names:
        weight = trained.network.get_layer("embedding").weights[0]
        vectors = plot_vectors_of_words(data, trained.initial_weights[weight.path], weight.numpy())
        if vectors is not None:
            figures["word_vectors"] = vectors
    return figures


def plot_vectors_of_words(data: TextData, before: np.ndarray, after: np.ndarray) -> Figure | None:
    """`plot_word_vectors` of the words in `SIMILAR_WORDS`; None where the texts have too few of them.

    Args:
        data: the texts.
        before, after: all word vectors before and after training, `(vocabulary, units)`.
    """
    index = {word: number for number, word in enumerate(data.vectorization.get_vocabulary())}
    known = {name: [word for word in words if word in index] for name, words in SIMILAR_WORDS.items()}
    known = {name: words for name, words in known.items() if len(words) > 1}
    if len(known) < 2:
        return None
    chosen = [index[word] for words in known.values() for word in words]
    return plot_word_vectors(known, before[chosen], after[chosen], len(index))


def running_scores(classifier: keras.Model, ids: np.ndarray) -> np.ndarray:
    """The classifier's probabilities after 1, 2, ... words: ids `(words,)` -> `(words, outputs)`."""
    # The prefixes as one batch: row k holds the first k + 1 words, the rest is padding.
    prefixes = np.tril(np.broadcast_to(ids, (len(ids), len(ids))))
    return classifier(prefixes, training=False).numpy()


def plot_running_scores(
    classifier: keras.Model,
    vectorization: keras.layers.TextVectorization,
    sequences: list[np.ndarray],
    truths: list[str],
    class_names: list[str],
) -> Figure:
    """A panel a text: the probability of the last class after each word, the words below.

    Args:
        sequences: word ids `(words,)` of each text, at least one text.
        truths: the true class of each.
    """
    vocabulary = np.array(vectorization.get_vocabulary())
    figure, axes = plt.subplots(len(sequences), 1, figsize=(11, 2.3 * len(sequences)), squeeze=False)
    for axis, ids, truth in zip(axes[:, 0], sequences, truths, strict=True):
        scores = running_scores(classifier, ids)[:, -1]
        places = np.arange(len(ids))
        axis.plot(places, scores, color="black", linewidth=1)
        axis.scatter(places, scores, c=scores, cmap="RdYlGn", vmin=0, vmax=1, edgecolor="black", zorder=3)
        axis.axhline(0.5, color="grey", linestyle=":")
        axis.set_xticks(places, vocabulary[ids], rotation=45, ha="right", fontsize=8)
        axis.set(ylim=(-0.05, 1.05), ylabel=f"score of {class_names[-1]}", xlim=(-0.5, len(ids) - 0.5))
        axis.set_title(f"true class: {truth}", fontsize=9, loc="left")
    figure.suptitle("What the memory holds so far: the score after each word")
    choose_fonts(figure)
    figure.tight_layout()
    return figure
