"""A sentence as words and marks, and variants of it whose last word only the first one tells."""

import re

from rnn_keras.utils.errors import UserError

FIRST = ("Or", "How", "When", "Why", "If", "Who", "Where")
LAST = ("answer", "reason", "story", "ending", "secret", "promise", "riddle")


def words_of(text: str) -> list[str]:
    """Words and punctuation marks, each on its own.

    Raises:
        UserError: there are fewer than three words.
    """
    words = re.findall(r"\w+(?:['’]\w+)*|[^\w\s]", text)
    if sum(word[0].isalnum() for word in words) < 3:
        raise UserError(f"--text {text!r}: expected a sentence of at least three words")
    return words


def last_word(words: list[str]) -> int:
    """The place of the last word; what follows are marks."""
    return max(place for place, word in enumerate(words) if word[0].isalnum())


def variants(words: list[str]) -> list[list[str]]:
    """The sentence up to its last word, and the same with other pairs of a first and a last word, each of them once."""
    words = words[: last_word(words) + 1]
    pairs = [(first, last) for first, last in zip(FIRST, LAST, strict=True) if not {first, last} & set(words)]
    return [words, *([first, *words[1:-1], last] for first, last in pairs)]
