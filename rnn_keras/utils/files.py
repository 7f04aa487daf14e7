"""Atomic writes: a file is either as it was or complete. Also locks of folders, and JSON files."""

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
from rnn_keras.utils.faults import find_disk_fault

UNFINISHED = ".rnn_keras-writing-"  # the beginning of a temporary folder's name


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder, with the same name, which replaces `path` if the block succeeds.

    Works for a file, and for a folder that does not exist yet.

    Raises:
        UserError: the folder cannot be written to, or the disk is full; `path` is unchanged.

    Example:
        >>> with atomic_write(Path("model.keras")) as temporary:
        ...     model.save(temporary)
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=path.parent))
        with translate_disk_faults(path):
            yield temporary / path.name
        sync_to_disk(temporary / path.name)  # before it replaces anything
        os.replace(temporary / path.name, path)
        sync_to_disk(path.parent, deep=False)
    except OSError as error:
        raise make_write_error(path, error.strerror or str(error)) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def translate_disk_faults(path: Path) -> Iterator[None]:
    """Turns an exception of any library that says that a disk refused into a `UserError` about this path.

    Raises:
        UserError: the disk is full, for example.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        fault = find_disk_fault(error)
        if fault is None:
            raise
        raise make_write_error(path, fault) from error


def make_write_error(path: Path, why: str) -> UserError:
    """The exception for a path that cannot be written."""
    return UserError(
        f"cannot write {path}: {why}; free some space, or name another folder that can be written to; what was there "
        "is unchanged"
    )


def sync_to_disk(path: Path, deep: bool = True) -> None:
    """Waits until a file, or a folder with its content, would survive a loss of power.

    Args:
        path: the file or folder; a link is not followed.
        deep: whether the content of a folder is included; otherwise only the names of its entries.
    """
    if path.is_symlink():
        return
    if deep and path.is_dir():
        for entry in path.iterdir():
            sync_to_disk(entry)
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems support it for files alone
            raise
    finally:
        os.close(file)


def write_text(path: Path, text: str) -> None:
    """Writes a file in UTF-8; see `atomic_write`."""
    write_bytes(path, text.encode())


def require_unicode(path: Path | str, flag: str) -> None:
    """Refuses a name that is not in UTF-8 where TensorFlow is to write: it takes no other.

    Args:
        path: the folder.
        flag: of the command, that names another one.

    Raises:
        UserError: it has other bytes.
    """
    if not is_unicode(path):
        raise UserError(f"{path} is not a name in UTF-8, which TensorFlow needs; name another folder with {flag}")


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Writes a file; see `atomic_write`."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Writes a value as JSON; see `atomic_write`."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if not is_unicode(text):  # a path in other bytes; JSON's escapes bring it back as it was
        text = json.dumps(value, indent=2)
    write_text(path, text + "\n")


def is_unicode(text: str | Path) -> bool:
    """Whether UTF-8 can hold a text. A path in other bytes, or an argument, has surrogates instead of these."""
    try:
        str(text).encode()
    except UnicodeEncodeError:
        return False
    return True


@contextlib.contextmanager
def lock_directory(folder: Path, flag: str = "--run-dir") -> Iterator[None]:
    """Locks a folder, which is created if it does not exist. The lock ends with the block, or with the process.

    Args:
        folder: what is locked.
        flag: of the command, that names another folder.

    Raises:
        UserError: another process has locked it, or it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise make_write_error(folder, error.strerror or str(error)) from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"another process is writing in {folder}; wait until it has ended, or name another folder with {flag}"
            ) from None
        except OSError:
            pass  # a network file system, for example, that has no locks
        yield
    finally:
        os.close(file)


def remove_unfinished(folder: Path) -> None:
    """Removes what a killed process has left unfinished in a folder. No other process may be writing there."""
    for unfinished in folder.glob(UNFINISHED + "*"):
        shutil.rmtree(unfinished, ignore_errors=True)


def remove_empty_folders(folder: Path) -> None:
    """Removes a folder, and the folders in it, as far as no file is in them."""
    for place, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):  # it is not empty
            os.rmdir(place)


def require_file(path: Path) -> None:
    """Refuses a folder, a pipe or a device where a file is expected: whoever reads a pipe may wait for ever.

    Raises:
        UserError: there is something, and it is not a file.
    """
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is {describe_entry(path)}; expected a file")


def describe_entry(path: Path) -> str:
    """What a path that is not a file is: a folder, a pipe, a device or a socket."""
    if path.is_dir():
        return "a folder"
    return "a pipe" if path.is_fifo() else "a socket" if path.is_socket() else "a device"


def read_json(path: Path) -> Any:
    """The value in a JSON file.

    Raises:
        UserError: the file is missing or is not JSON.
    """
    require_file(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as JSON: {error}; it is damaged, remove it or name another") from error


def read_object(path: Path, *keys: str) -> dict[str, Any]:
    """The object in a JSON file.

    Args:
        path: the file.
        keys: that the object must have.

    Raises:
        UserError: the file cannot be read, or holds something else.
    """
    value = read_json(path)
    if not isinstance(value, dict) or not all(key in value for key in keys):
        expected = f"an object with {', '.join(keys)}" if keys else "an object"
        raise UserError(f"{path} does not hold {expected}; it is damaged, remove it or name another")
    return value
