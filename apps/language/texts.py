"""A text as ids of its characters: its first part to train on, what follows to validate and to test."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.memory import require_memory

PACKAGED = "movie_snippets"
SHARES = {"train": 0.9, "validation": 0.05, "test": 0.05}
FEWEST_CHARACTERS = 2000  # that can be divided like this
LARGEST_VOCABULARY = 1000  # characters with an id; Chinese has some thousand, most of them rare
UNKNOWN = 1  # as in TextVectorization, where 0 is padding
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"  # for an unknown character


@dataclasses.dataclass(frozen=True)
class Text:
    """A text as ids of its characters.

    Attributes:
        name: what the user called it.
        characters: those that have an id, from 2 on, the most frequent first.
        splits: `(characters,)` int32 for train, validation and test, which follow one another in the text.
        unknown_characters: how many different characters of the text have no id.
    """

    name: str
    characters: list[str]
    splits: dict[str, np.ndarray]
    unknown_characters: int = 0

    @property
    def number_of_ids(self) -> int:
        """The ids of the characters, of padding and of unknown characters."""
        return len(self.characters) + UNKNOWN + 1

    def ids(self, split: str) -> np.ndarray:
        """`(characters,)` of a split, or of `all` of the text.

        Raises:
            UserError: there are not two characters, of which the first could predict the second.
        """
        ids = np.concatenate(list(self.splits.values())) if split == "all" else self.splits[split]
        if len(ids) < 2:
            raise UserError(
                f"the {split} split of {self.name} has {len(ids)} characters, expected at least 2: choose another, or "
                "--split all for all of it"
            )
        return ids


def encode_text(characters: Sequence[str], text: str) -> np.ndarray:
    """The ids `(len(text),)` int32 of the characters of a text, by the characters that have one."""
    ids = {character: number for number, character in enumerate(characters, UNKNOWN + 1)}
    return np.fromiter((ids.get(character, UNKNOWN) for character in text), np.int32, len(text))


def decode_ids(characters: Sequence[str], ids: Sequence[int] | np.ndarray) -> str:
    """The text of ids `(n,)`, with U+FFFD for unknown characters."""
    return "".join(characters[number - UNKNOWN - 1] if number > UNKNOWN else REPLACEMENT for number in ids)


def check_text(name: str) -> None:
    """Refuses what is neither the packaged text nor a file.

    Raises:
        UserError: there is no such file.
    """
    if name != PACKAGED and not Path(name).expanduser().is_file():
        raise UserError(f"--dataset {name}: no such file; name a text file in UTF-8, or {PACKAGED}")


def load_text(name: str, data_dir: str | None, characters: Sequence[str] | None = None) -> Text:
    """Reads and divides a text.

    Args:
        name: a text file, or `movie_snippets`.
        data_dir: TFDS's data directory, for `movie_snippets`.
        characters: those of a trained model, to score it on the text, however short. Default: the most frequent ones of
            the text.

    Raises:
        UserError: the file cannot be read, is not UTF-8, or is too short to train on.
    """
    check_text(name)
    content = read_packaged_text(data_dir) if name == PACKAGED else read_text_file(Path(name).expanduser())
    if characters is None and len(content) < FEWEST_CHARACTERS:
        raise UserError(
            f"{name} has {len(content)} characters: expected at least {FEWEST_CHARACTERS}, and some hundred thousand "
            "for a model that writes words"
        )
    return divide_text(name, content, characters)


def read_packaged_text(data_dir: str | None) -> str:
    """The packaged sentences, one per line."""
    from rnn_keras.data.text_classification import load_text_dataset

    sentences = load_text_dataset(PACKAGED, data_dir).everything.texts
    return "\n".join(text.decode() if isinstance(text, bytes) else text for text in sentences)


def read_text_file(path: Path) -> str:
    """The text of a file, with line feeds alone at the ends of lines.

    Raises:
        UserError: the file cannot be read, or is not UTF-8.
    """
    try:
        # The bytes, the text, a copy with other ends of lines, and four bytes for each character.
        require_memory(7 * path.stat().st_size, str(path), "give a part of it")
        content = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    return content.replace("\r\n", "\n").replace("\x00", "")


def divide_text(name: str, content: str, characters: Sequence[str] | None = None) -> Text:
    """The text in three splits, one after another; see `load_text`."""
    ends = np.cumsum([round(share * len(content)) for share in SHARES.values()])
    ends[-1] = len(content)
    parts = [content[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    if characters is None:
        counts = Counter(parts[0])
        characters = sorted(counts, key=lambda character: (-counts[character], character))[:LARGEST_VOCABULARY]
    splits = {split: encode_text(characters, part) for split, part in zip(SHARES, parts, strict=True)}
    return Text(name, list(characters), splits, len(set(content) - set(characters)))
