"""Entries of the user's own folders, without those that systems leave there, and paths that come as bytes."""

import os
from pathlib import Path

from rnn_keras.utils.errors import UserError

# What macOS puts into archives, and Windows into folders. Names that begin with a point are hidden, such as .DS_Store
# and ._photo.jpg, in which macOS keeps what other file systems have no place for.
_OF_SYSTEMS = ("__MACOSX", "Thumbs.db", "desktop.ini")


def list_visible(folder: Path) -> list[Path]:
    """The entries of a folder that are not hidden, in the order of their names."""
    return sorted(entry for entry in folder.iterdir() if is_visible(entry, folder))


def is_visible(path: Path, folder: Path) -> bool:
    """Whether neither a path inside a folder nor a folder between them is hidden."""
    return not any(part.startswith(".") or part in _OF_SYSTEMS for part in path.relative_to(folder).parts)


def decode_path(name: bytes | str | Path) -> Path:
    """The path of a file that the user named, as an argument or on a line of standard input.

    Raises:
        UserError: it holds a NUL byte, which no path can.
    """
    text = os.fsdecode(name)
    if "\0" in text:
        raise UserError(f"{text!r} holds a NUL byte; expected the path of a file")
    return Path(text).expanduser()
