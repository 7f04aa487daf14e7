"""Files that are either as they were or whole: written beside their place and moved there in one step."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnn_keras.errors import UserError

UNFINISHED = ".writing-"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, with the same ending, that takes its place when the block ends well.

    Works for a file and for a folder that does not exist yet.

    Raises:
        UserError: the folder cannot be written to, or the disk is full; what was at `path` is still there.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=path.parent))
        yield temporary / path.name
        os.replace(temporary / path.name, path)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; free some space, or name another folder that can be "
            "written to; what was there is unchanged"
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def remove_unfinished(folder: Path) -> None:
    """Removes what a killed process was writing into the folder. Nothing else may be writing there."""
    for left in folder.glob(UNFINISHED + "*"):
        shutil.rmtree(left, ignore_errors=True)


def read_json(path: Path) -> Any:
    """The file's value.

    Raises:
        UserError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as JSON: {error}; it is damaged, remove it or take another") from error


def read_object(path: Path, *keys: str) -> dict:
    """`read_json` of a file that holds an object with at least these keys.

    Raises:
        UserError: it holds something else.
    """
    value = read_json(path)
    if not isinstance(value, dict) or not all(key in value for key in keys):
        expected = f"an object with {', '.join(keys)}" if keys else "an object"
        raise UserError(f"{path} does not hold {expected}; it is damaged, remove it or take another")
    return value
