"""Puts all files of an export into place at once: one folder for each version, and beside it links to the latest.

    <directory>/1/            the SavedModel, <name>.tflite, <name>.onnx, report.json, SHA256SUMS
    <directory>/2-files/      an export without a SavedModel, which TF Serving must not take for a version
    <directory>/latest        a link to the newest of these
    <directory>/<name>.tflite, <name>.onnx, report.json   links to the files in `latest`

A folder is complete when it appears. Since `latest` is replaced in one step, the files beside it are of one export.
"""

import contextlib
import os
import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import sync_to_disk
from rnn_keras.utils.sums import write_sums

LATEST = "latest"
WITHOUT_SAVED_MODEL = "-files"  # the end of a folder's name


def require_places(directory: Path, names: Iterable[str]) -> None:
    """Refuses a folder where something that no export wrote is in the place of a link.

    Args:
        directory: of the versions; it need not exist yet.
        names: of the files that will have links.

    Raises:
        UserError: there is such a file; nothing was touched.
    """
    for path in (directory / LATEST, *(directory / name for name in names)):
        if os.path.lexists(path) and not _is_own_link(path):
            raise UserError(
                f"{path} is in the way: this version of `export` writes links to the latest version there, and no "
                "export of it wrote this; move it away, or name another folder with --saved-models"
            )


def publish(
    prepared: Path,
    directory: Path,
    names: Collection[str],
    *,
    has_saved_model: bool,
    log: Callable[[str], None] = lambda line: None,
) -> Path:
    """Moves a prepared folder to its place as the next version, and links to its files.

    The caller has locked the directory; see `require_places`.

    Args:
        prepared: a folder with all files of the version, on the file system of the directory. Links are made in it.
        directory: of the versions.
        names: of the files in it that get links.
        has_saved_model: whether the folder is a SavedModel.
        log: is called with a line about the links that this version has no file for.

    Returns:
        The folder of the version.

    Raises:
        OSError: the directory cannot be written to; it is as it was, or the version is complete.
    """
    number = 1 + max(_list_numbers(directory), default=0)
    version = directory / (str(number) if has_saved_model else f"{number}{WITHOUT_SAVED_MODEL}")
    links = prepared.parent / "links"
    links.mkdir()
    for name, target in {LATEST: version.name, **{name: f"{LATEST}/{name}" for name in names}}.items():
        (links / name).symlink_to(target)  # before anything is moved: a file system may have no links
    write_sums(prepared)
    sync_to_disk(prepared)
    prepared.rename(version)
    for name in (LATEST, *names):
        os.replace(links / name, directory / name)
    gone = [path for path in sorted(directory.iterdir()) if _is_own_link(path) and not path.exists()]
    for path in gone:
        path.unlink()
    if gone:
        listed = ", ".join(path.name for path in gone)
        log(f"no longer in {directory}: {listed}, which this version does not have; earlier versions keep theirs")
    with contextlib.suppress(OSError):
        sync_to_disk(directory, deep=False)
    return version


def _is_own_link(path: Path) -> bool:
    if not path.is_symlink():
        return False
    target = os.readlink(path)
    return bool(_match_number(target)) if path.name == LATEST else target == f"{LATEST}/{path.name}"


def _match_number(name: str) -> re.Match[str] | None:
    return re.fullmatch(rf"([0-9]+)({WITHOUT_SAVED_MODEL})?", name)


def _list_numbers(directory: Path) -> list[int]:
    return [int(match[1]) for path in directory.iterdir() if (match := _match_number(path.name))]
