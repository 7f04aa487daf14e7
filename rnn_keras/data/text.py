"""From raw text to token ids inside the graph, so that an exported model takes raw strings without this project."""

import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf

PADDING = 0
UNKNOWN = 1
UNKNOWN_TOKEN = "[UNK]"  # TextVectorization's own; the tokens are lower case, so no text can spell it
# The spaces outside ASCII, for a class of RE2; those inside are what tf.strings.split splits at.
WIDE_SPACES = r"\x{85}\x{A0}\x{1680}\x{2000}-\x{200B}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}"
_BLANK = rf"(?i)<br\s*/?>|[\x00{WIDE_SPACES}]"
# What becomes a token of its own: n't and the other contracted endings (do n't, it 's), dots in a row, any
# other punctuation mark or symbol, and each character of scripts that put no space between words.
_MARK = r"[\pP\pS\p{Han}\p{Hiragana}\p{Katakana}]"
_TOKEN = rf"(n't\b|'(?:s|re|ve|ll|d|m)\b|\.\.+|{_MARK})"
_APOSTROPHE = "[’‘ʼ]"
_CHARACTERS_A_TOKEN = 32
_TEXTS_AT_ONCE = 1024


@keras.saving.register_keras_serializable(package="rnn_keras")
class Tokenizer:
    """Splits texts into lower-case words and punctuation marks: the `split` of a TextVectorization layer.

    Invalid UTF-8 is made valid, HTML line breaks become spaces, `don't` becomes `do n't`. A text without any
    token becomes one unknown token, so that no sequence is empty. Only `tf.strings` operations are used.

    Args:
        maximum_length: the most tokens that a text keeps.
        keep: which ones a longer text keeps, the `"first"` or the `"last"`. Before it is split, a text is cut
            to 32 characters a token, so that one of a megabyte is no slower than others.
    """

    def __init__(self, maximum_length: int, keep: str = "first"):
        if maximum_length < 1:
            raise ValueError(f"maximum_length must be at least 1, not {maximum_length}")
        if keep not in ("first", "last"):
            raise ValueError(f"keep must be 'first' or 'last', not {keep!r}")
        self.maximum_length = maximum_length
        self.keep = keep

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """`(batch,)` strings to `(batch, tokens)` strings, at least one token each."""
        texts = self._cut(tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace"))
        texts = tf.strings.regex_replace(texts, _BLANK, " ")
        texts = tf.strings.lower(texts, encoding="utf-8")  # after that, since it would end a text at its first NUL
        texts = tf.strings.regex_replace(texts, _APOSTROPHE, "'")
        texts = tf.strings.strip(tf.strings.regex_replace(texts, _TOKEN, r" \1 "))
        tokens = tf.strings.split(tf.where(tf.equal(texts, ""), UNKNOWN_TOKEN, texts))
        return tokens[..., : self.maximum_length] if self.keep == "first" else tokens[..., -self.maximum_length :]

    @property
    def _most_characters(self) -> int:
        return min(self.maximum_length * _CHARACTERS_A_TOKEN, tf.int32.max)

    def _cut(self, texts):
        most = self._most_characters
        start = tf.zeros_like(texts, tf.int32)
        if self.keep == "last":
            start = tf.maximum(tf.strings.length(texts, unit="UTF8_CHAR") - most, 0)
        return tf.strings.substr(texts, start, tf.fill(tf.shape(texts), most), unit="UTF8_CHAR")

    def specification(self) -> dict:
        """What `rnn_keras.runtime.tokenizer.PlainTokenizer` needs to split texts in the same way without TensorFlow.

        TensorFlow is asked for every character which class it is of and what its small letter is, so that neither
        depends on the Unicode version of the Python that reads this.
        """
        points = [point for point in range(1, 0x110000) if not 0xD800 <= point < 0xE000]
        characters = [chr(point) for point in points]
        small = [text.decode() for text in tf.strings.lower(characters, encoding="utf-8").numpy()]
        marks = tf.strings.regex_full_match(characters, _MARK).numpy()
        edges = np.flatnonzero(np.diff(np.concatenate([[False], marks, [False]]).astype(np.int8)))
        ranges = (f"\\U{points[first]:08x}-\\U{points[last - 1]:08x}" for first, last in edges.reshape(-1, 2))
        blank = re.sub(r"\\x\{(\w+)\}", lambda point: chr(int(point[1], 16)), _BLANK)
        return {
            "maximum_length": self.maximum_length,
            "keep": self.keep,
            "most_characters": self._most_characters,
            "blank": blank.replace(r"\s", r"[\t\n\f\r ]"),  # Python's \s has the vertical tabulator too
            "lower": {a: b for a, b in zip(characters, small, strict=True) if a.lower() != b},
            "replacements": [
                [_APOSTROPHE, "'"],
                [_TOKEN.replace(_MARK, f"[{''.join(ranges)}]"), r" \1 "],
            ],
            "unknown": UNKNOWN_TOKEN,
        }

    def get_config(self) -> dict:
        return {"maximum_length": self.maximum_length, "keep": self.keep}

    @classmethod
    def from_config(cls, config: dict) -> "Tokenizer":
        return cls(**config)


def build_text_vectorization(
    texts: Sequence[str | bytes],
    vocabulary_size: int,
    maximum_length: int,
    keep: str = "first",
    minimum_count: int = 2,
) -> keras.layers.TextVectorization:
    """A layer from `(batch,)` strings to `(batch, time)` ids, with the vocabulary of these texts.

    Id 0 is padding, at the end; id 1 is any unknown word; then the words by falling count, equal counts in
    the alphabet's order.

    Args:
        texts: the training texts.
        vocabulary_size: the most ids, the two special ones included.
        maximum_length: the most tokens a text keeps, and `keep`, `"first"` or `"last"`: see `Tokenizer`.
        minimum_count: rarer words are unknown, so that the unknown word's embedding is trained; where that
            leaves no word at all, every word counts.
    """
    tokenizer = Tokenizer(maximum_length, keep)
    counts = Counter()
    for batch_counts in map_in_threads(lambda batch: Counter(tokenizer(batch).flat_values.numpy()), texts):
        counts.update(batch_counts)
    counts.pop(UNKNOWN_TOKEN.encode(), None)
    kept = {token: count for token, count in counts.items() if count >= minimum_count} or counts
    words = sorted(kept, key=lambda token: (-kept[token], token))[: max(vocabulary_size - 2, 0)]
    layer = keras.layers.TextVectorization(standardize=None, split=tokenizer, name="text_vectorization")
    layer.set_vocabulary([word.decode() for word in words])
    return layer


def encode_texts(layer: keras.layers.TextVectorization, texts: Sequence[str | bytes]) -> list[np.ndarray]:
    """The ids of every text, `(tokens,)` int32 each, as the layer gives them but without padding."""
    tokenizer = layer.get_config()["split"]
    lookup = keras.layers.StringLookup(vocabulary=layer.get_vocabulary(), mask_token="", output_mode="int")
    sequences = []
    for ids in map_in_threads(lambda batch: lookup(tokenizer(batch)), texts):
        values = ids.flat_values.numpy().astype(np.int32)
        sequences += np.split(values, ids.row_splits.numpy()[1:-1])
    return sequences


def map_in_threads(function, texts: Sequence[str | bytes]):
    """Calls the function on batches of the texts, several at a time, and yields the results in order."""
    batches = (texts[start : start + _TEXTS_AT_ONCE] for start in range(0, len(texts), _TEXTS_AT_ONCE))
    with ThreadPoolExecutor() as pool:  # TensorFlow's operations work outside Python's lock
        yield from pool.map(lambda batch: function(tf.constant(batch, tf.string)), batches)
