"""Classified texts as word ids, ready to train on."""

from collections.abc import Mapping

import keras

from rnn_keras.data.classification_data import ClassificationData
from rnn_keras.data.text import build_text_vectorization, encode_texts
from rnn_keras.data.text_classification import COLUMNS, TextDataset, load_text_dataset

ONE_WORD = 0.9  # the share of texts of one word from which on this is said


class TextData(ClassificationData):
    """Texts as word ids `(words,)`, with the vocabulary.

    Args:
        texts: the texts and their classes.
        vectorization: raw texts -> word ids.
    """

    def __init__(self, texts: TextDataset, vectorization: keras.layers.TextVectorization):
        details = f"{vectorization.vocabulary_size()} words"
        super().__init__(texts, lambda raw: encode_texts(vectorization, raw), "texts", details)
        self.vectorization = vectorization

    def count_words(self) -> None:
        """Adds a note where nearly every training text is one word, from which a network learns no order."""
        lengths = [len(ids) for ids in self.inputs("train")]
        share = sum(length == 1 for length in lengths) / len(lengths)
        if share >= ONE_WORD:
            self.notes.append(
                f"{share:.0%} of the training texts are one word: if that is not what they are, put spaces between "
                "their words, since this script is not known to have none"
            )


def load_text_data(
    dataset: str,
    data_dir: str | None,
    vocabulary_size: int,
    maximum_length: int,
    keep: str = "first",
    columns: Mapping[str, str] = COLUMNS,
) -> TextData:
    """Texts to train on, and the vocabulary of the training texts.

    Args:
        dataset, data_dir, columns: see `load_text_dataset`.
        vocabulary_size, maximum_length, keep: see `build_text_vectorization`.

    Raises:
        UserError: see `load_text_dataset`.
    """
    texts = load_text_dataset(dataset, data_dir, columns=columns)
    vectorization = build_text_vectorization(texts.splits["train"].texts, vocabulary_size, maximum_length, keep)
    data = TextData(texts, vectorization)
    data.count_words()
    return data


def load_text_data_for(
    model: keras.Model, dataset: str, data_dir: str | None, columns: Mapping[str, str] = COLUMNS
) -> TextData:
    """Texts to score a trained model on, with its vocabulary and its classes.

    Args:
        model: with the layers `text_vectorization` and `label`.
        dataset, data_dir, columns: see `load_text_dataset`.

    Raises:
        UserError: see `load_text_dataset`.
    """
    class_names = model.get_layer("label").get_vocabulary()  # pyright: ignore[reportAttributeAccessIssue]
    texts = load_text_dataset(dataset, data_dir, class_names=class_names, columns=columns)
    return TextData(texts, model.get_layer("text_vectorization"))  # pyright: ignore[reportArgumentType]
