"""Raw texts to token ids inside the graph, so that an exported model takes raw strings without this project."""

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.data.characters import INVISIBLE, describe_ranges, kept_class
from rnn_keras.data.normalisation import normalise_texts

T = TypeVar("T")

PADDING = 0
UNKNOWN = 1
UNKNOWN_TOKEN = "[UNK]"  # TextVectorization's own; the tokens are lower case, so no text can spell it
# The spaces outside ASCII, for a character class of RE2; those inside are what tf.strings.split splits at.
WIDE_SPACES = r"\x{85}\x{A0}\x{1680}\x{2000}-\x{200B}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}"
_BLANK = rf"(?i)<br\s*/?>|[\x00{WIDE_SPACES}]"
# Scripts without spaces between words, for a character class of RE2. Korean has spaces, Tibetan has marks.
UNSPACED = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Yi}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
    r"\p{Tai_Tham}\p{New_Tai_Lue}\p{Tai_Le}\p{Tai_Viet}\p{Javanese}\p{Balinese}"
)
# What becomes a separate token: n't and the other contracted endings (do n't, it 's), dots in a row, any other
# punctuation mark or symbol, and each character of scripts without spaces, with the vowels and accents that combine.
_MARK, _CHARACTER, _COMBINING = r"[\pP\pS]", f"[{UNSPACED}]", r"[\pM]"
_TOKEN = rf"(n't\b|'(?:s|re|ve|ll|d|m)\b|\.\.+|{_MARK}|{_CHARACTER}{_COMBINING}*)"
_APOSTROPHE = "[’‘‛ʼ´]"
_CHARACTERS_PER_TOKEN = 32
_BATCH = 1024


@keras.saving.register_keras_serializable(package="rnn_keras")
class Tokenizer:
    """Splits texts into lower-case words and punctuation marks: the `split` of a TextVectorization layer.

    Invalid UTF-8 is made valid, HTML line breaks become spaces, `don't` becomes `do n't`. Texts that look the same have
    the same tokens: composed and decomposed accents, full-width letters, soft hyphens and other characters that nobody
    sees make no difference (see `rnn_keras.data.characters`, also for Persian, Indic scripts and emoji). In scripts
    without spaces between words, such as Chinese and Thai, each character is a token. A text without any token becomes
    one unknown token, so that no sequence is empty. Only operations of TensorFlow itself are used.

    Args:
        maximum_length: the most tokens that a text keeps.
        keep: which ones a longer text keeps, the `"first"` or the `"last"`. Before it is split, a text is truncated to
            32 characters per token, so that one of a megabyte is not slower than others.

    Raises:
        ValueError: the maximum length is below 1, or `keep` is something else.
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
        texts = self._truncate(tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace"))
        texts = normalise_texts(tf.strings.regex_replace(texts, _BLANK, " "))
        texts = tf.strings.lower(texts, encoding="utf-8")  # not before, since it ends a text at its first NUL
        texts = tf.strings.regex_replace(texts, _APOSTROPHE, "'")
        texts = tf.strings.strip(tf.strings.regex_replace(texts, _TOKEN, r" \1 "))
        tokens: Any = tf.strings.split(tf.where(tf.equal(texts, ""), UNKNOWN_TOKEN, texts))
        return tokens[..., : self.maximum_length] if self.keep == "first" else tokens[..., -self.maximum_length :]

    @property
    def _most_characters(self) -> int:
        return min(self.maximum_length * _CHARACTERS_PER_TOKEN, tf.int32.max)

    def _truncate(self, texts: Any) -> Any:
        most = self._most_characters
        start = tf.zeros_like(texts, tf.int32)
        if self.keep == "last":
            start = tf.maximum(tf.strings.length(texts, unit="UTF8_CHAR") - most, 0)
        return tf.strings.substr(texts, start, tf.fill(tf.shape(texts), most), unit="UTF8_CHAR")

    def specification(self) -> dict[str, Any]:
        """What `rnn_keras.runtime.tokenizer.PlainTokenizer` needs to split texts in the same way without TensorFlow.

        The class and the lower case of every character are those of TensorFlow, and what has no normal form here has
        none there, so that nothing depends on the Unicode version of a later Python that reads this.
        """
        lower, token = _describe_characters()
        blank = re.sub(r"\\x\{(\w+)\}", lambda point: chr(int(point[1], 16)), _BLANK)
        return {
            "maximum_length": self.maximum_length,
            "keep": self.keep,
            "most_characters": self._most_characters,
            "blank": blank.replace(r"\s", r"[\t\n\f\r ]"),  # Python's \s also matches the vertical tab
            "lower": lower,
            "invisible": INVISIBLE,
            "kept": kept_class(),
            "replacements": [[_APOSTROPHE, "'"], [token, r" \1 "]],
            "unknown": UNKNOWN_TOKEN,
        }

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {"maximum_length": self.maximum_length, "keep": self.keep}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Tokenizer":
        """The tokenizer of a `get_config`."""
        return cls(**config)


@functools.cache
def _describe_characters() -> tuple[dict[str, str], str]:
    """What TensorFlow makes lower than Python does, and `_TOKEN` for Python's regular expressions. It takes seconds."""
    characters: Any = [chr(point) for point in range(1, 0x110000) if not 0xD800 <= point < 0xE000]
    lower = [text.decode() for text in tf.strings.lower(characters, encoding="utf-8").numpy()]
    token = _TOKEN
    for pattern in (_MARK, _CHARACTER, _COMBINING):
        matches = tf.strings.regex_full_match(characters, pattern).numpy()
        ranges = describe_ranges(ord(characters[index]) for index in np.flatnonzero(matches))
        token = token.replace(pattern, f"[{ranges}]")
    return {a: b for a, b in zip(characters, lower, strict=True) if a.lower() != b}, token


def build_text_vectorization(
    texts: Sequence[str | bytes],
    vocabulary_size: int,
    maximum_length: int,
    keep: str = "first",
    minimum_count: int = 2,
) -> keras.layers.TextVectorization:
    """A layer from `(batch,)` strings to `(batch, time)` ids, with the vocabulary of these texts.

    Id 0 is padding, at the end; id 1 is any unknown word; then the words by decreasing count, and equally
    frequent ones by the alphabet.

    Args:
        texts: the training texts.
        vocabulary_size: the most ids, the two special ones included.
        maximum_length, keep: see `Tokenizer`.
        minimum_count: rarer words are unknown, so that the unknown word's embedding is trained; if that leaves no word,
            all words are known.
    """
    tokenizer = Tokenizer(maximum_length, keep)
    counts: Counter[bytes] = Counter()
    for batch_counts in map_in_threads(lambda batch: Counter(tokenizer(batch).flat_values.numpy()), texts):
        counts.update(batch_counts)
    counts.pop(UNKNOWN_TOKEN.encode(), None)
    kept = {token: count for token, count in counts.items() if count >= minimum_count} or counts
    words = sorted(kept, key=lambda token: (-kept[token], token))[: max(vocabulary_size - 2, 0)]
    options: Any = {"standardize": None, "split": tokenizer}  # Keras annotates both as strings
    layer = keras.layers.TextVectorization(**options, name="text_vectorization")
    layer.set_vocabulary([word.decode() for word in words])
    return layer


def encode_texts(layer: keras.layers.TextVectorization, texts: Sequence[str | bytes]) -> list[np.ndarray]:
    """The ids of every text, `(tokens,)` int32 each, as the layer computes them but without padding."""
    tokenizer: Any = layer.get_config()["split"]
    lookup: Any = keras.layers.StringLookup(vocabulary=layer.get_vocabulary(), mask_token="", output_mode="int")
    sequences = []
    for ids in map_in_threads(lambda batch: lookup(tokenizer(batch)), texts):
        values = ids.flat_values.numpy().astype(np.int32)
        sequences += np.split(values, ids.row_splits.numpy()[1:-1])
    return sequences


def map_in_threads(function: Callable[[Any], T], texts: Sequence[str | bytes]) -> Iterator[T]:
    """Yields what the function returns for batches of the texts, `(batch,)` string tensors, in order."""
    batches = (texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH))
    with ThreadPoolExecutor() as pool:  # TensorFlow's operations run outside Python's lock
        yield from pool.map(lambda batch: function(tf.constant(batch, tf.string)), batches)
