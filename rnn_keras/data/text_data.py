"""Classified texts as word ids, ready to train on."""

import keras

from rnn_keras.data.classification_data import ClassificationData
from rnn_keras.data.text import build_text_vectorization, encode_texts
from rnn_keras.data.text_classification import TextDataset, load_text_dataset


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


def load_text_data(
    dataset: str, data_dir: str | None, vocabulary_size: int, maximum_length: int, keep: str = "first"
) -> TextData:
    """Texts to train on, and the vocabulary of the training texts.

    Args:
        dataset, data_dir: see `load_text_dataset`.
        vocabulary_size, maximum_length, keep: see `build_text_vectorization`.

    Raises:
        UserError: see `load_text_dataset`.
    """
    texts = load_text_dataset(dataset, data_dir)
    return TextData(texts, build_text_vectorization(texts.splits["train"].texts, vocabulary_size, maximum_length, keep))


def load_text_data_for(model: keras.Model, dataset: str, data_dir: str | None) -> TextData:
    """Texts to score a trained model on, with its vocabulary and its classes.

    Args:
        model: with the layers `text_vectorization` and `label`.
        dataset, data_dir: see `load_text_dataset`.

    Raises:
        UserError: see `load_text_dataset`.
    """
    class_names = model.get_layer("label").get_vocabulary()  # pyright: ignore[reportAttributeAccessIssue]
    texts = load_text_dataset(dataset, data_dir, class_names=class_names)
    return TextData(texts, model.get_layer("text_vectorization"))  # pyright: ignore[reportArgumentType]
