"""A text as a stream of characters: its first part to learn from, what follows to check and to test with."""

import dataclasses
from pathlib import Path

import numpy as np

from rnn_keras.utils.errors import UserError

PACKAGED = "movie_snippets"
SHARES = {"train": 0.9, "validation": 0.05, "test": 0.05}
FEWEST = 2000  # characters that can be divided so
MOST_CHARACTERS = 1000  # that have an id of their own; Chinese needs some thousand for all, most of them rare
BEGINNING = 4  # characters that a text is begun with where no others are given
UNKNOWN = 1  # as TextVectorization has it, whose 0 is padding


@dataclasses.dataclass(frozen=True)
class Text:
    """The characters of a text as ids.

    Attributes:
        characters: those that have an id, from 2 on, by falling count in the train part.
        parts: `(characters,)` int32 for train, validation and test, one after another in the text.
        rare: how many different characters of the text have none.
    """

    characters: list[str]
    parts: dict[str, np.ndarray]
    rare: int = 0

    @property
    def size(self) -> int:
        """The number of ids."""
        return len(self.characters) + UNKNOWN + 1

    @property
    def beginning(self) -> str:
        """The first characters of the text that have an id."""
        ids = self.parts["train"]
        return self.decode(ids[ids > UNKNOWN][:BEGINNING])

    def require_known(self, prompt: str) -> None:
        """Refuses what a model of this text could make nothing of.

        Raises:
            UserError: no character of it has an id.
        """
        if not (self.encode(prompt) > UNKNOWN).any():
            raise UserError(f"--prompt {prompt!r}: no character of it is in the text that the model reads")

    def naming_bits(self, ids: np.ndarray) -> float:
        """Bits a character that say which one each unknown character is, the rare ones being equally likely."""
        return float((ids == UNKNOWN).mean() * np.log2(max(self.rare, 1)))

    def encode(self, text: str) -> np.ndarray:
        index = {character: number for number, character in enumerate(self.characters, UNKNOWN + 1)}
        return np.array([index.get(character, UNKNOWN) for character in text], np.int32)

    def decode(self, ids) -> str:
        return "".join(
            self.characters[number - UNKNOWN - 1] if number > UNKNOWN else "\N{REPLACEMENT CHARACTER}" for number in ids
        )


def require_text(name: str) -> None:
    """Refuses what is neither the packaged text nor a file, before anything slow.

    Raises:
        UserError: there is no such file.
    """
    if name != PACKAGED and not Path(name).expanduser().is_file():
        raise UserError(f"--text {name}: no such file; name a text file in UTF-8, or {PACKAGED}")


def read_text(name: str, data_dir: str | None) -> Text:
    """Reads and divides a text.

    Raises:
        UserError: the file cannot be read, is not UTF-8, or is too short.
    """
    require_text(name)
    if name == PACKAGED:
        from rnn_keras.data.text_classification import load_text_dataset

        sentences = load_text_dataset(name, data_dir).everything.texts
        content = "\n".join(text.decode() if isinstance(text, bytes) else text for text in sentences)
    else:
        try:
            content = Path(name).expanduser().read_bytes().decode("utf-8-sig")
        except OSError as error:
            raise UserError(f"--text {name} cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise UserError(f"--text {name} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
        content = content.replace("\r\n", "\n").replace("\x00", "")
    if len(content) < FEWEST:
        raise UserError(
            f"--text {name} has {len(content)} characters: expected at least {FEWEST}, and some hundred thousand for a "
            "model that writes words"
        )
    return divided(content)


def divided(content: str) -> Text:
    ends = np.cumsum([round(share * len(content)) for share in SHARES.values()])
    ends[-1] = len(content)
    pieces = [content[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    found, counts = np.unique(list(pieces[0]), return_counts=True)
    order = np.lexsort([found, -counts])[:MOST_CHARACTERS]
    text = Text([str(character) for character in found[order]], {})
    parts = {part: text.encode(piece) for part, piece in zip(SHARES, pieces, strict=True)}
    return Text(text.characters, parts, rare=len(set(content) - set(text.characters)))


def bits_without_memory(text: Text, part: str) -> float:
    """Bits a character of the best guess by counts alone: the cross-entropy with the train part's frequencies.

    With what it takes to name the characters that have no id.
    """
    counts, ids = np.bincount(text.parts["train"], minlength=text.size) + 1.0, text.parts[part]
    return float(-np.log2(counts / counts.sum())[ids].mean()) + text.naming_bits(ids)
