"""A sentence as words and punctuation, and variants of it whose last word depends on the first one alone."""

import re

from rnn_keras.utils.errors import UserError

# Shakespeare, Hamlet, act 3, scene 1.
SOLILOQUY = (
    "To be, or not to be, that is the question: Whether 'tis nobler in the mind to suffer the slings and arrows of "
    "outrageous fortune, or to take arms against a sea of troubles, and by opposing end them."
)
UNITS, EPOCHS, SEED = 32, 300, 1  # of the networks that learn a sentence
FIRST_WORDS = ("Or", "How", "When", "Why", "If", "Who", "Where")
LAST_WORDS = ("answer", "reason", "story", "ending", "secret", "promise", "riddle")


def split_words(text: str) -> list[str]:
    """Words and punctuation marks, each on its own.

    Raises:
        UserError: there are fewer than three words.
    """
    words = re.findall(r"\w+(?:['’]\w+)*|[^\w\s]", text)
    if sum(word[0].isalnum() for word in words) < 3:
        raise UserError(f"--text {text!r}: expected a sentence of at least three words")
    return words


def find_last_word(words: list[str]) -> int:
    """The index of the last word; what follows is punctuation."""
    return max(index for index, word in enumerate(words) if word[0].isalnum())


def make_variants(words: list[str]) -> list[list[str]]:
    """The sentence up to its last word, and the same with other pairs of a first and a last word, each pair once."""
    words = words[: find_last_word(words) + 1]
    pairs = zip(FIRST_WORDS, LAST_WORDS, strict=True)
    new_pairs = [(first, last) for first, last in pairs if not {first, last} & set(words)]
    return [words, *([first, *words[1:-1], last] for first, last in new_pairs)]
