"""Texts to tokens without TensorFlow, exactly as this package's Tokenizer or Keras's TextVectorization splits them."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any


class PlainTokenizer:
    """Splits a text into tokens by a `Tokenizer`'s `specification()`, with the standard library alone.

    Args:
        specification: `maximum_length`, `keep`, `most_characters`, `blank` (a regular expression of what is a
            space), `invisible` and `kept` (regular expressions of the characters that are removed, and of those that
            are left as they are where the others get Unicode's form NFKC; files of earlier versions have neither),
            `lower` (the lower case of characters for which other versions of Unicode have another one),
            `replacements` (regular expressions and what replaces them, in order) and `unknown` (the one token of a
            text that has none).
    """

    def __init__(self, specification: Mapping[str, Any]):
        self.maximum_length: int = specification["maximum_length"]
        self.keep: str = specification["keep"]
        self.most_characters: int = specification["most_characters"]
        self.unknown: str = specification["unknown"]
        self._blank = re.compile(specification["blank"], re.ASCII)
        self._invisible = re.compile(specification["invisible"]) if "invisible" in specification else None
        self._kept = re.compile(f"({specification.get('kept', '(?!)')})")
        self._lower: dict[str, str] = specification["lower"]
        exceptions = re.escape("".join(self._lower))
        self._exceptions = re.compile(f"([{exceptions}])") if exceptions else re.compile("(?!)")
        self._replacements = [(re.compile(pattern, re.ASCII), new) for pattern, new in specification["replacements"]]

    def __call__(self, text: str | bytes) -> list[str]:
        """The tokens of a text, at least one."""
        if isinstance(text, str):  # a lone surrogate is not a character
            text = text.encode("utf-8", "surrogatepass")
        text = text.decode("utf-8", "replace")
        text = text[: self.most_characters] if self.keep == "first" else text[-self.most_characters :]
        parts = self._exceptions.split(self._normalise(self._blank.sub(" ", text)))
        text = "".join(self._lower.get(part) or part.lower() for part in parts)
        for pattern, new in self._replacements:
            text = pattern.sub(new, text)
        tokens = re.findall(r"\S+", text, re.ASCII) or [self.unknown]
        return tokens[: self.maximum_length] if self.keep == "first" else tokens[-self.maximum_length :]

    def _normalise(self, text: str) -> str:
        """As `rnn_keras.data.characters.normalise_characters`."""
        if self._invisible is None:
            return text
        text = self._invisible.sub("", text)
        if text.isascii():
            return text
        parts = self._kept.split(text)
        return "".join(part if number % 2 else unicodedata.normalize("NFKC", part) for number, part in enumerate(parts))


class KerasTokenizer:
    """Splits a text as a keras.layers.TextVectorization does.

    Args:
        specification: its arguments `standardize` (None, `lower`, `strip_punctuation` or
            `lower_and_strip_punctuation`), `split` (`whitespace` or `character`) and `output_sequence_length`.
    """

    punctuation = b"!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"

    def __init__(self, specification: Mapping[str, Any]):
        self.standardize: str = specification["standardize"] or ""
        self.split: str = specification["split"]
        self.length: int | None = specification["output_sequence_length"]

    def __call__(self, text: str | bytes) -> list[str]:
        """The tokens of a text."""
        if isinstance(text, str):
            text = text.encode("utf-8", "surrogatepass")
        if "lower" in self.standardize:
            text = text.lower()  # of ASCII alone, as TensorFlow does it
        if "strip_punctuation" in self.standardize:
            text = text.translate(None, self.punctuation)
        if self.split == "character":
            return list(text.decode("utf-8", "replace"))
        return [token.decode("utf-8", "replace") for token in text.split()]


def make_tokenizer(specification: Mapping[str, Any]) -> PlainTokenizer | KerasTokenizer:
    """The tokenizer of a specification."""
    return KerasTokenizer(specification) if "standardize" in specification else PlainTokenizer(specification)
