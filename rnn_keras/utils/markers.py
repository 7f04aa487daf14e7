"""A marker in each folder that this toolkit fills, since only what it wrote itself may be replaced or removed.

A `config.json` or a folder `logs` is no proof: many programs write such files.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import read_object, write_json

MARKER = ".rnn_keras.json"


def write_marker(folder: Path, kind: str, **details: Any) -> None:
    """Marks a folder.

    Args:
        folder: it need not exist yet.
        kind: of what is kept there, such as `"run"`.
        details: what the marker says besides.
    """
    write_json(folder / MARKER, {"kind": kind, **details})


def read_marker(folder: Path, kind: str) -> dict[str, Any] | None:
    """What the marker of a folder says; None: there is none, or one of another kind.

    Raises:
        UserError: it is damaged.
    """
    if not (folder / MARKER).exists():
        return None
    marker = read_object(folder / MARKER, "kind")
    return marker if marker["kind"] == kind else None


def require_own_files(folder: Path, kind: str, names: Iterable[str]) -> None:
    """Refuses a folder that has some of these files without a marker: somebody else wrote them.

    Args:
        folder: it need not exist yet.
        kind: of what is to be written there.
        names: of the files and folders that would be replaced, or written into.

    Raises:
        UserError: there are such files; nothing was touched.
    """
    if (folder / MARKER).exists():
        found = read_object(folder / MARKER, "kind")["kind"]
        if found != kind:
            raise UserError(f"{folder} holds a {found}, not a {kind}; name another directory with --run-dir")
        return
    foreign = [name for name in names if (folder / name).exists() or (folder / name).is_symlink()]
    if foreign:
        raise UserError(
            f"{folder} has {', '.join(foreign)} but no {MARKER} of a {kind}: these were not written by this version of "
            f"rnn_keras, and the {kind} would replace them; move them away, or name another directory with --run-dir"
        )


def remove_marker(folder: Path) -> None:
    """Removes the marker of a folder, the last of what was written there."""
    (folder / MARKER).unlink(missing_ok=True)
