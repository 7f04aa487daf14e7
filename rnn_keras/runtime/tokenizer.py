"""Texts to tokens without TensorFlow, exactly as `rnn_keras.data.text.Tokenizer` does it in the graph."""

import re
from collections.abc import Mapping


class PlainTokenizer:
    """Splits a text into tokens by a `Tokenizer`'s `specification()`, with the standard library alone.

    Args:
        specification: `maximum_length`, `keep`, `most_characters`, `blank` (a regular expression of what is a
            space), `lower` (the small letters of characters of which another version of Unicode thinks otherwise),
            `replacements` (regular expressions and what takes their place, in order) and `unknown` (the one token of
            a text that has none).
    """

    def __init__(self, specification: Mapping):
        self.maximum_length = specification["maximum_length"]
        self.keep = specification["keep"]
        self.most_characters = specification["most_characters"]
        self.blank = re.compile(specification["blank"], re.ASCII)
        self.small = specification["lower"]
        self.known = re.compile(f"([{re.escape(''.join(self.small))}])") if self.small else re.compile("(?!)")
        self.replacements = [(re.compile(pattern, re.ASCII), new) for pattern, new in specification["replacements"]]
        self.unknown = specification["unknown"]

    def __call__(self, text: str | bytes) -> list[str]:
        if isinstance(text, str):  # a lone surrogate is no character
            text = text.encode("utf-8", "surrogatepass")
        text = text.decode("utf-8", "replace")
        text = text[: self.most_characters] if self.keep == "first" else text[-self.most_characters :]
        parts = self.known.split(self.blank.sub(" ", text))
        text = "".join(self.small.get(part) or part.lower() for part in parts)
        for pattern, new in self.replacements:
            text = pattern.sub(new, text)
        tokens = re.findall(r"\S+", text, re.ASCII) or [self.unknown]
        return tokens[: self.maximum_length] if self.keep == "first" else tokens[-self.maximum_length :]
