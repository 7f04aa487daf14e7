"""Files are either as they were or whole."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import atomic_write, lock_directory, read_json, require_unicode, write_json, write_text


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "metrics.json"
    write_json(path, {"accuracy": 0.5})

    with pytest.raises(ZeroDivisionError), atomic_write(path) as temporary:
        temporary.write_text('{"accuracy": 0.')
        raise ZeroDivisionError

    assert read_json(path) == {"accuracy": 0.5}
    assert os.listdir(tmp_path) == ["metrics.json"]


def test_a_folder_is_put_in_place_whole(tmp_path):
    with atomic_write(tmp_path / "1") as temporary:
        temporary.mkdir()
        (temporary / "part").write_text("x")
        assert not (tmp_path / "1").exists()

    assert (tmp_path / "1" / "part").read_text() == "x"


def test_content_is_on_the_disk_before_the_rename_and_the_name_after_it(tmp_path, monkeypatch):
    synced, fsync = [], os.fsync

    def recorded(file):
        synced.append((os.fstat(file).st_ino, (tmp_path / "1").exists()))
        fsync(file)

    monkeypatch.setattr(os, "fsync", recorded)
    write_text(tmp_path / "1", "x")
    assert synced == [((tmp_path / "1").stat().st_ino, False), (tmp_path.stat().st_ino, True)]

    (tmp_path / "1").unlink()
    synced.clear()
    with atomic_write(tmp_path / "1") as temporary:
        temporary.mkdir()
        (temporary / "part").write_text("x")
    places = [tmp_path / "1" / "part", tmp_path / "1", tmp_path]
    assert synced == [(place.stat().st_ino, place == tmp_path) for place in places]


def test_a_place_that_cannot_be_written_to_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(UserError, match=r"cannot write .*file/metrics\.json"):
        write_text(tmp_path / "file" / "metrics.json", "x")


def test_a_full_disk_is_a_sentence_and_loses_nothing(tmp_path):
    path = tmp_path / "history.csv"
    write_text(path, "before")

    with pytest.raises(UserError, match="No space left"), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise OSError(28, "No space left on device")

    assert path.read_text() == "before"


@pytest.mark.parametrize("content", ["", "{", "\xff"])
def test_damaged_json_is_a_sentence(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_bytes(content.encode("latin-1"))

    with pytest.raises(UserError, match=r"config\.json cannot be read as JSON"):
        read_json(path)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_not_a_file_is_a_sentence(kind, tmp_path):
    """A pipe without a writer would keep the reader waiting for ever."""
    path = {"device": Path(os.devnull)}.get(kind, tmp_path / kind)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(UserError, match=f"is a {kind}; expected a file"):
        read_json(path)


def test_json_keeps_a_path_that_is_not_utf8(tmp_path):
    name = os.fsdecode(b"caf\xe9.csv")
    write_json(tmp_path / "config.json", {"dataset": name, "text": "caf\u00e9"})
    assert read_json(tmp_path / "config.json") == {"dataset": name, "text": "caf\u00e9"}
    assert (tmp_path / "config.json").read_bytes().decode().isascii()
    with pytest.raises(UserError, match="is not a name in UTF-8, which TensorFlow needs; name another folder with --x"):
        require_unicode(name, "--x")


@pytest.mark.parametrize("error", [RuntimeError(f"h5: {os.strerror(errno.ENOSPC)}"), OSError(errno.ENOSPC, "full")])
def test_a_full_disk_is_a_sentence_whatever_a_library_makes_of_it(error, tmp_path):
    sentence = r"cannot write .*model\.keras: (full|No space left on device); free some"
    with pytest.raises(UserError, match=sentence), atomic_write(tmp_path / "model.keras"):
        raise error
    assert not list(tmp_path.iterdir())


def test_a_folder_is_locked_by_one_process_and_released_by_a_kill(tmp_path):
    holding = (
        "import sys, time, pathlib; from rnn_keras.utils.files import lock_directory\n"
        "with lock_directory(pathlib.Path(sys.argv[1])):\n"
    )
    line = [sys.executable, "-c", holding + " print('held', flush=True); time.sleep(60)", tmp_path / "run"]
    other = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "held\n"
    with pytest.raises(UserError, match=r"another process is writing in .*run; wait"), lock_directory(tmp_path / "run"):
        pass
    other.kill()
    other.wait()
    for _ in range(2):
        with lock_directory(tmp_path / "run"):
            pass
