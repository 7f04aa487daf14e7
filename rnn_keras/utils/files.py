"""Files that are either as they were or whole: written beside their place and moved there in one step."""

import contextlib
import errno
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnn_keras.utils.errors import UserError

UNFINISHED = ".writing-"


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
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
        to_disk(temporary / path.name)  # before it takes the place of what was there
        os.replace(temporary / path.name, path)
        to_disk(path.parent, deep=False)
    except OSError as error:
        raise cannot_write(path, error.strerror or str(error)) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def cannot_write(path: Path, why: str) -> UserError:
    return UserError(
        f"cannot write {path}: {why}; free some space, or name another folder that can be written to; what was there "
        "is unchanged"
    )


def to_disk(path: Path, deep: bool = True) -> None:
    """Waits until a file, or a folder with all that is in it, would outlast a loss of power.

    Args:
        path: a link is not followed.
        deep: False: of a folder only the names that are in it.
    """
    if path.is_symlink():
        return
    if deep and path.is_dir():
        for inside in path.iterdir():
            to_disk(inside)
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems know it for files alone
            raise
    finally:
        os.close(file)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def lock_directory(folder: Path) -> Iterator[None]:
    """Holds a folder, which is made where there is none, for this process alone; its end, even by a kill, lets it go.

    Raises:
        UserError: another process holds it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise cannot_write(folder, error.strerror or str(error)) from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"another process is writing in {folder}; wait until it has ended, or name another folder with "
                "--run-dir"
            ) from None
        except OSError:
            pass  # a file system of a network, say, that knows no locks
        yield
    finally:
        os.close(file)


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
