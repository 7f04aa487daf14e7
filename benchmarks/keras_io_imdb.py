"""How long one epoch of a common baseline takes on this machine: `python -m benchmarks.keras_io_imdb --help`.

The model of keras.io's example "Bidirectional LSTM on IMDB": Embedding(20000, 128), two Bidirectional(LSTM(64)) of
keras.layers, the last 200 words of a review, batches of 32, Adam. The words are those of this
project's tokenizer, which counts punctuation marks.
"""

import time

import tyro
from rich.console import Console

from rnn_keras.utils.tf_logging import import_tensorflow, quiet_tensorflow


def main(dataset: str = "imdb_reviews", data_dir: str | None = None, seed: int = 1) -> None:
    """Train the baseline for one epoch and print its seconds and its accuracy on the test split.

    Args:
        dataset: A TFDS name or a path, as for the sentiment app.
        data_dir: TFDS's data directory.
        seed: Seed of weights and shuffling.
    """
    quiet_tensorflow()
    import_tensorflow()
    import keras
    import numpy as np

    from rnn_keras.data.text import build_text_vectorization, encode_texts
    from rnn_keras.data.text_classification import load_text_dataset

    keras.utils.set_random_seed(seed)
    texts = load_text_dataset(dataset, data_dir)
    vectorization = build_text_vectorization(
        texts.splits["train"].texts, vocabulary_size=20_000, maximum_length=200, keep="last"
    )

    def arrays(*splits):
        sequences = [ids for split in splits for ids in encode_texts(vectorization, texts.splits[split].texts)]
        # Cut and padded in front, as the example's pad_sequences does.
        padded = np.stack([np.pad(ids, (200 - len(ids), 0)) for ids in sequences])
        return padded, np.concatenate([texts.splits[split].labels for split in splits])

    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(20_000, 128),
            keras.layers.Bidirectional(keras.layers.LSTM(64, return_sequences=True)),
            keras.layers.Bidirectional(keras.layers.LSTM(64)),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    x, y = arrays("train", "validation")  # the example trains on the whole train set
    started = time.perf_counter()
    model.fit(x, y, batch_size=32, epochs=1, verbose=2)
    seconds = time.perf_counter() - started
    accuracy = model.evaluate(*arrays("test"), batch_size=256, verbose=0)[1]
    Console().print(f"one epoch of {len(x)} texts: {seconds:.0f} s; test accuracy {accuracy:.3f}")


if __name__ == "__main__":
    tyro.cli(main, prog="python -m benchmarks.keras_io_imdb")
