"""Frequent words as they are, rare ones letter by letter, so that no word is unknown; inside the graph."""

from collections import Counter
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.data.text import PADDING, UNKNOWN, UNKNOWN_TOKEN, WIDE_SPACES, map_in_threads

START, END = 2, 3  # the tokens around a sentence that is written
_RESERVED = [UNKNOWN_TOKEN, "[START]", "[END]"]  # after padding; tokenizers cut brackets off, so no text spells these
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
# A character that is a token of its own: marks, symbols, and scripts that put no space between words.
_ALONE = r"\pP\pS\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_TOKEN = rf"( ?(?:[^\s{_ALONE}]+|[{_ALONE}]))"
_CUT = "\x01"


@keras.saving.register_keras_serializable(package="rnn_keras")
class ReversibleTokenizer:
    """Splits texts into words, marks and, in scripts without spaces, characters, from which they can be joined again.

    A space goes with the token that it precedes, as SPACE (SentencePiece's way, Kudo & Richardson 2018), and letters
    keep their case, so that a text is its tokens, one after the other. Runs of white space count as one space.

    Args:
        maximum_length: the most tokens that a text keeps.
        prefix: whether a word at the beginning is one behind a space too, and so the same token as elsewhere. For texts
            that all begin alike, such as those in small letters.
    """

    def __init__(self, maximum_length: int, prefix: bool = False):
        self.maximum_length = maximum_length
        self.prefix = prefix

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """`(batch,)` strings to `(batch, tokens)` strings."""
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace", replace_control_characters=True)
        texts = tf.strings.regex_replace(texts, rf"[\s\x{{FFFD}}{WIDE_SPACES}]+", " ")
        texts = tf.strings.strip(texts)
        if self.prefix:
            texts = tf.strings.regex_replace(texts, rf"^([^\s{_ALONE}])", r" \1")
        texts = tf.strings.regex_replace(texts, _TOKEN, rf"{_CUT}\1")
        tokens = tf.strings.split(tf.strings.regex_replace(texts, " ", SPACE), _CUT)
        return tokens[:, 1 : self.maximum_length + 1]  # what is before the first cut is empty

    def get_config(self) -> dict:
        return {"maximum_length": self.maximum_length, "prefix": self.prefix}

    @classmethod
    def from_config(cls, config: dict) -> "ReversibleTokenizer":
        return cls(**config)


@keras.saving.register_keras_serializable(package="rnn_keras")
class OpenVocabulary(keras.layers.Layer):
    """Texts `(batch,)` to ids `(batch, time)` int32, 0 for padding: a known word has an id, others that of each letter.

    Id 1 is a letter that is not known, or a word where none is spelled; 2 and 3 are the start and the end of a sentence
    that is written; then words and letters follow.

    Args:
        tokenizer: texts `(batch,)` to `(batch, tokens)`, such as a `Tokenizer` or `ReversibleTokenizer`.
        vocabulary: words and spelled letters, from id 4 on; see `learn`.
        mark: what stands before a spelled letter, so that it is not taken for the word of one letter.
        maximum_length: the most ids that a text keeps.
        spell: False: a word that is not known is not spelled, but unknown.
    """

    def __init__(
        self, tokenizer, vocabulary: Sequence[str], mark: str, maximum_length: int, spell: bool = True, **kwargs
    ):
        super().__init__(**kwargs)
        self.tokenizer = keras.saving.deserialize_keras_object(tokenizer) if isinstance(tokenizer, dict) else tokenizer
        self.vocabulary = list(vocabulary)
        self.mark = mark
        self.maximum_length = maximum_length
        self.spell = spell
        self.lookup = keras.layers.StringLookup(
            vocabulary=[*_RESERVED[1:], *self.vocabulary], oov_token=UNKNOWN_TOKEN, mask_token="", name="lookup"
        )

    @classmethod
    def learn(
        cls,
        texts: Sequence[str],
        tokenizer,
        *,
        size: int,
        minimum_count: int,
        mark: str,
        maximum_length: int,
        name: str,
        spell: bool = True,
    ) -> "OpenVocabulary":
        """The vocabulary of these texts: the words that come up often enough, and every letter that spells a rarer one.

        Args:
            size: the most ids; the rarest words give way.
            minimum_count: words that come up less often are spelled. Letters of no rare word are spelled once they
                have come up in any.
            spell: False: rarer words are unknown, and no letter is known by itself.
        """
        counts = Counter()
        for batch_counts in map_in_threads(lambda batch: Counter(tokenizer(batch).flat_values.numpy()), texts):
            counts.update(batch_counts)
        counts = {word.decode(): count for word, count in counts.items() if word.decode() != UNKNOWN_TOKEN}
        letters = {mark + letter for word in counts for letter in word} if spell else set()
        words = [word for word, count in counts.items() if count >= minimum_count and word not in letters]
        words.sort(key=lambda word: (-counts[word], word))
        kept = words[: max(size - len(_RESERVED) - 1 - len(letters), 0)]
        # With the words before the letters, frequent ids are small ones.
        return cls(tokenizer, [*kept, *sorted(letters)], mark, maximum_length, spell, name=name)

    @property
    def size(self) -> int:
        return len(self.vocabulary) + len(_RESERVED) + 1

    @property
    def tokens(self) -> list[str]:
        """The token of every id, `""` of padding."""
        return ["", *_RESERVED, *self.vocabulary]

    def ragged(self, texts) -> tf.RaggedTensor:
        """`(batch,)` strings to `(batch, ids)` int32, at least one id each."""
        words = self.tokenizer(texts)
        flat = words.flat_values
        whole = tf.logical_or(self.lookup(flat) != UNKNOWN, flat == UNKNOWN_TOKEN)
        if not self.spell:
            whole = tf.ones_like(whole)
        letters = tf.strings.unicode_split(flat, "UTF-8")
        spelled = tf.ragged.map_flat_values(lambda values: tf.strings.join([self.mark, values]), letters)
        # Row n is word n as it is, row n + number of words is the same word spelled.
        rows = tf.concat([tf.RaggedTensor.from_tensor(flat[:, None]), spelled], axis=0)
        number = tf.range(tf.size(flat))
        pieces = tf.gather(rows, tf.where(whole, number, number + tf.size(flat)))
        ids = tf.ragged.map_flat_values(lambda values: tf.cast(self.lookup(values), tf.int32), pieces)
        ids = words.with_flat_values(ids).merge_dims(1, 2)
        missing = tf.cast(tf.equal(ids.row_lengths(), 0), tf.int64)
        filling = tf.RaggedTensor.from_row_lengths(tf.fill([tf.reduce_sum(missing)], UNKNOWN), missing)
        return tf.concat([ids, filling], axis=1)[:, : self.maximum_length]

    def build(self, texts_shape):
        self.built = True  # the lookup has its vocabulary already

    def call(self, texts):
        return self.ragged(texts).to_tensor(PADDING)

    def compute_output_spec(self, texts):
        return keras.KerasTensor((texts.shape[0], None), dtype="int32")

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The ids of every text, `(time,)` int32 each, without padding."""
        sequences = []
        for ids in map_in_threads(self.ragged, texts):
            sequences += np.split(ids.flat_values.numpy(), ids.row_splits.numpy()[1:-1])
        return sequences

    def get_config(self):
        return super().get_config() | {
            "tokenizer": keras.saving.serialize_keras_object(self.tokenizer),
            "vocabulary": self.vocabulary,
            "mark": self.mark,
            "maximum_length": self.maximum_length,
            "spell": self.spell,
        }


@keras.saving.register_keras_serializable(package="rnn_keras")
class Detokenizer(keras.layers.Layer):
    """Ids `(batch, time)` of texts that a `ReversibleTokenizer` had cut, unmarked letters among them, to `(batch,)`.

    Reserved ids are left out.

    Args:
        tokens: the token of every id, as in `OpenVocabulary.tokens`.
    """

    def __init__(self, tokens: Sequence[str], **kwargs):
        super().__init__(**kwargs)
        self.tokens = list(tokens)
        written = [*[""] * (len(_RESERVED) + 1), *self.tokens[len(_RESERVED) + 1 :]]
        self.written = tf.constant([token.replace(SPACE, " ") for token in written])

    def call(self, ids):
        return tf.strings.strip(tf.strings.reduce_join(tf.gather(self.written, ids), axis=-1))

    def compute_output_spec(self, ids):
        return keras.KerasTensor(ids.shape[:-1], dtype="string")

    def get_config(self):
        return super().get_config() | {"tokens": self.tokens}


def add_start_end(sequences: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The ids of texts that are to be written, with the start token before and the end token behind."""
    return [np.concatenate([[START], ids, [END]]).astype(np.int32) for ids in sequences]
