"""A vocabulary of frequent words that spells rare ones letter by letter, so that no word is unknown; in the graph."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.data.text import PADDING, UNKNOWN, UNKNOWN_TOKEN, UNSPACED, WIDE_SPACES, map_in_threads

START, END = 2, 3  # the tokens around a target sentence
_RESERVED = [
    UNKNOWN_TOKEN,
    "[START]",
    "[END]",
]  # after padding; no text has these tokens
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
# A character that is a separate token: marks, symbols, and scripts without spaces between words.
_ALONE = rf"\pP\pS{UNSPACED}"
_TOKEN = rf"( ?(?:[^\s{_ALONE}]+|[{_ALONE}]))"
_SEPARATOR = "\x01"


@keras.saving.register_keras_serializable(package="rnn_keras")
class ReversibleTokenizer:
    """Splits texts into words, marks and, in scripts without spaces, characters, from which they can be restored.

    A space belongs to the token after it, as SPACE (as in SentencePiece, Kudo & Richardson 2018), and letters keep
    their case, so that a text is the concatenation of its tokens. Runs of white space count as one space.

    Args:
        maximum_length: the most tokens that a text keeps.
        prefix: whether a word at the beginning of a text also gets a space, which makes it the same token as elsewhere.
            For texts in lower case.
    """

    def __init__(self, maximum_length: int, prefix: bool = False):
        self.maximum_length = maximum_length
        self.prefix = prefix

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """`(batch,)` strings to `(batch, tokens)` strings."""
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace", replace_control_characters=True)
        texts = tf.strings.regex_replace(texts, rf"[\s\x{{FFFD}}\x{{FEFF}}{WIDE_SPACES}]+", " ")
        texts = tf.strings.strip(texts)
        if self.prefix:
            texts = tf.strings.regex_replace(texts, rf"^([^\s{_ALONE}])", r" \1")
        texts = tf.strings.regex_replace(texts, _TOKEN, rf"{_SEPARATOR}\1")
        tokens: Any = tf.strings.split(tf.strings.regex_replace(texts, " ", SPACE), _SEPARATOR)
        return tokens[:, 1 : self.maximum_length + 1]  # what is before the first separator is empty

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {"maximum_length": self.maximum_length, "prefix": self.prefix}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ReversibleTokenizer":
        """The tokenizer of a `get_config`."""
        return cls(**config)


@keras.saving.register_keras_serializable(package="rnn_keras")
class OpenVocabulary(keras.layers.Layer):
    """Texts `(batch,)` -> ids `(batch, time)` int32, 0 for padding. A known word has one id, others one per letter.

    Id 1 is an unknown letter, or an unknown word if words are not spelled; 2 and 3 are the start and the end of a
    target sentence; then follow words and letters.

    Args:
        tokenizer: texts `(batch,)` to `(batch, tokens)`, such as a `Tokenizer` or `ReversibleTokenizer`.
        vocabulary: words and spelled letters, from id 4 on; see `learn`.
        mark: precedes a spelled letter, to distinguish it from a word of one letter.
        maximum_length: the most ids that a text keeps.
        spell: whether unknown words are spelled; otherwise they are unknown.
    """

    def __init__(
        self,
        tokenizer: Any,
        vocabulary: Sequence[str],
        mark: str,
        maximum_length: int,
        spell: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.tokenizer: Any = (
            keras.saving.deserialize_keras_object(tokenizer) if isinstance(tokenizer, dict) else tokenizer
        )
        self.vocabulary = list(vocabulary)
        self.mark = mark
        self.maximum_length = maximum_length
        self.spell = spell
        self.lookup: Any = keras.layers.StringLookup(
            vocabulary=[*_RESERVED[1:], *self.vocabulary], oov_token=UNKNOWN_TOKEN, mask_token="", name="lookup"
        )

    @classmethod
    def learn(
        cls,
        texts: Sequence[str],
        tokenizer: Any,
        *,
        size: int,
        minimum_count: int,
        mark: str,
        maximum_length: int,
        name: str,
        spell: bool = True,
    ) -> "OpenVocabulary":
        """The vocabulary of texts: the words that are frequent enough, and the letters of all words.

        Args:
            texts: the training texts.
            tokenizer, mark, maximum_length: see the class.
            size: the most ids; the rarest words are left out.
            minimum_count: words that are less frequent are spelled.
            name: of the layer.
            spell: whether there are letters; otherwise rarer words are unknown.
        """
        occurrences: Counter[bytes] = Counter()
        for batch_counts in map_in_threads(lambda batch: Counter(tokenizer(batch).flat_values.numpy()), texts):
            occurrences.update(batch_counts)
        counts = {word.decode(): count for word, count in occurrences.items() if word.decode() != UNKNOWN_TOKEN}
        letters = {mark + letter for word in counts for letter in word} if spell else set()
        words = [word for word, count in counts.items() if count >= minimum_count and word not in letters]
        words.sort(key=lambda word: (-counts[word], word))
        kept = words[: max(size - len(_RESERVED) - 1 - len(letters), 0)]
        # Words come before letters, so that frequent ids are small.
        return cls(tokenizer, [*kept, *sorted(letters)], mark, maximum_length, spell, name=name)

    @property
    def size(self) -> int:
        """The number of ids, padding included."""
        return len(self.vocabulary) + len(_RESERVED) + 1

    @property
    def tokens(self) -> list[str]:
        """The token of every id, `""` of padding."""
        return ["", *_RESERVED, *self.vocabulary]

    def ragged(self, texts: Any) -> tf.RaggedTensor:
        """`(batch,)` strings to `(batch, ids)` int32, at least one id each."""
        ragged_tensor: Any = tf.RaggedTensor
        words: Any = self.tokenizer(texts)
        flat = words.flat_values
        whole = tf.logical_or(self.lookup(flat) != UNKNOWN, flat == UNKNOWN_TOKEN)
        if not self.spell:
            whole = tf.ones_like(whole)
        letters: Any = tf.strings.unicode_split(flat, "UTF-8")
        spelled = tf.ragged.map_flat_values(lambda values: tf.strings.join([self.mark, values]), letters)
        # Row n is word n; row n + number of words is the same word, spelled.
        rows = tf.concat([ragged_tensor.from_tensor(flat[:, None]), spelled], axis=0)
        number = tf.range(tf.size(flat))
        tokens = tf.gather(rows, tf.where(whole, number, number + tf.size(flat)))
        ids = tf.ragged.map_flat_values(lambda values: tf.cast(self.lookup(values), tf.int32), tokens)
        ids = words.with_flat_values(ids).merge_dims(1, 2)
        missing = tf.cast(tf.equal(ids.row_lengths(), 0), tf.int64)
        unknown = ragged_tensor.from_row_lengths(tf.fill([tf.reduce_sum(missing)], UNKNOWN), missing)
        complete: Any = tf.concat([ids, unknown], axis=1)
        return complete[:, : self.maximum_length]

    def build(self, texts_shape: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Does nothing: the lookup has its vocabulary already."""
        self.built = True

    def call(self, texts: Any) -> Any:
        """The ids, padded."""
        ids: Any = self.ragged(texts)
        return ids.to_tensor(PADDING)

    def compute_output_spec(self, texts: Any) -> keras.KerasTensor:
        """The shape of the ids."""
        return keras.KerasTensor((texts.shape[0], None), dtype="int32")

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The ids of every text, `(time,)` int32 each, without padding."""
        sequences = []
        ids: Any
        for ids in map_in_threads(self.ragged, texts):
            sequences += np.split(ids.flat_values.numpy(), ids.row_splits.numpy()[1:-1])
        return sequences

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return super().get_config() | {
            "tokenizer": keras.saving.serialize_keras_object(self.tokenizer),
            "vocabulary": self.vocabulary,
            "mark": self.mark,
            "maximum_length": self.maximum_length,
            "spell": self.spell,
        }


@keras.saving.register_keras_serializable(package="rnn_keras")
class Detokenizer(keras.layers.Layer):
    """Ids `(batch, time)` of the tokens of a `ReversibleTokenizer`, or of unmarked letters -> texts `(batch,)`.

    Reserved ids are left out.

    Args:
        tokens: the token of every id, as in `OpenVocabulary.tokens`.
    """

    def __init__(self, tokens: Sequence[str], **kwargs: Any):
        super().__init__(**kwargs)
        self.tokens = list(tokens)
        texts = [*[""] * (len(_RESERVED) + 1), *self.tokens[len(_RESERVED) + 1 :]]
        self._texts = tf.constant([token.replace(SPACE, " ") for token in texts])

    def call(self, ids: Any) -> Any:
        """The texts."""
        return tf.strings.strip(tf.strings.reduce_join(tf.gather(self._texts, ids), axis=-1))

    def compute_output_spec(self, ids: Any) -> keras.KerasTensor:
        """The shape of the texts."""
        return keras.KerasTensor(ids.shape[:-1], dtype="string")

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return super().get_config() | {"tokens": self.tokens}


def add_start_end(sequences: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The ids of target texts, `(time,)` each, with the start token before them and the end token after them."""
    return [np.concatenate([[START], ids, [END]]).astype(np.int32) for ids in sequences]
