"""Texts without labels, of the user's own: from a text file, a table, or a folder of text files."""

import os
import re
from collections.abc import Collection
from pathlib import Path

from rnn_keras.data.characters import is_blank
from rnn_keras.data.delimited_files import decode_file
from rnn_keras.data.folders import list_visible
from rnn_keras.data.splits import normalise_text
from rnn_keras.data.tables import TABLES, check_columns, read_table
from rnn_keras.utils.errors import UserError

TEXT = ".txt"


def check_unlabelled_texts(source: str, column: str = "text") -> None:
    """Refuses a source that is not there or of another form, within milliseconds; see `load_unlabelled_texts`.

    Raises:
        UserError: there is no such file or folder, it is of another kind, or its first line does not name the column.
    """
    path = Path(os.path.expanduser(source))
    expected = "expected a .txt file with a text on each line, a .csv or .tsv file, or a folder of .txt files"
    if not path.exists():
        raise UserError(f"no such file or folder: {path}; {expected}")
    if path.is_dir():
        if not _list_files(path):
            raise UserError(f"{path} holds no {TEXT} file; {expected}")
    elif path.suffix.lower() in TABLES:
        check_columns(path, {"text": column})
    elif path.suffix.lower() != TEXT:
        raise UserError(f"{path} is of an unknown kind; {expected}")


def load_unlabelled_texts(
    source: str, column: str = "text", without: Collection[str] = frozenset()
) -> tuple[list[str], list[str]]:
    """Reads texts, each once.

    Args:
        source: a `.txt` file with a text on each line; a `.csv` or `.tsv` file whose first line names the column of the
            texts, others are ignored; or a folder of `.txt` files, each of which is one text.
        column: the name of the column.
        without: texts that are left out, as `normalise_text` returns them, such as those of a test split.

    Returns:
        The texts, and notes for the user.

    Raises:
        UserError: see `check_unlabelled_texts`; or a file cannot be read, is not UTF-8, or there is no text.
    """
    check_unlabelled_texts(source, column)
    path = Path(os.path.expanduser(source))
    if path.is_dir():
        texts = [decode_file(file) for file in _list_files(path)]
    elif path.suffix.lower() in TABLES:
        texts = [row["text"] for _, row in read_table(path, {"text": column})]
    else:
        texts = re.split(r"\r\n|\r|\n", decode_file(path))  # what str.splitlines splits at besides occurs in texts
    by_key: dict[str, str] = {}
    for text in texts:
        if not is_blank(text):
            by_key.setdefault(normalise_text(text), text)
    kept = [text for key, text in by_key.items() if key not in without]
    if not kept:
        raise UserError(f"{source} holds no text that is not in the validation or test split; name another")
    held_out = len(by_key) - len(kept)
    notes = [f"{held_out} texts of {source} are left out: they are in the validation or test split"] if held_out else []
    return kept, notes


def _list_files(folder: Path) -> list[Path]:
    return [path for path in list_visible(folder) if path.suffix.lower() == TEXT and path.is_file()]
