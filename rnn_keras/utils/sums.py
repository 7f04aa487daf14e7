"""The SHA-256 of every file in a folder, as `sha256sum` writes and checks it, to notice what was damaged later."""

import hashlib
import re
from pathlib import Path

from rnn_keras.utils.errors import UserError

SUMS = "SHA256SUMS"


def write_sums(folder: Path) -> None:
    """Writes `SHA256SUMS` into a folder that is complete; `sha256sum --check SHA256SUMS` there reads it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    lines = [f"{_hash_file(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def require_sums(folder: Path) -> None:
    """Refuses a folder of which a file is missing or was changed; one without `SHA256SUMS` is accepted.

    Args:
        folder: as `write_sums` left it.

    Raises:
        UserError: it is damaged.
    """
    if not (folder / SUMS).exists():
        return
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        found = [re.fullmatch(r"([0-9a-f]{64})  (.+)", line) for line in lines]
        damaged = [SUMS] if not all(found) else []
        damaged += [match[2] for match in found if match and _hash_file(folder / match[2]) != match[1]]
    except (OSError, ValueError) as error:
        raise UserError(f"{folder} is not as `export` wrote it ({error}); export it again") from error
    if damaged:
        raise UserError(
            f"{folder} is not as `export` wrote it: {', '.join(damaged)} is damaged or was changed; export it again"
        )


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
