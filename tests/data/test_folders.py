"""Folders as people have them: what systems leave there is not data."""

import pytest

from rnn_keras.data.folders import decode_path, is_visible, list_visible
from rnn_keras.utils.errors import UserError


def test_what_systems_leave_in_folders_is_hidden(tmp_path):
    for name in ("b.png", "a.png", "._a.png", ".DS_Store", "Thumbs.db", "desktop.ini"):
        (tmp_path / name).write_bytes(b"")
    for name in ("__MACOSX", ".ipynb_checkpoints", "cats"):
        (tmp_path / name).mkdir()

    assert [entry.name for entry in list_visible(tmp_path)] == ["a.png", "b.png", "cats"]
    assert not is_visible(tmp_path / ".ipynb_checkpoints" / "a.png", tmp_path)
    assert is_visible(tmp_path / "cats" / "a.png", tmp_path)


def test_a_folder_inside_a_hidden_one_is_visible(tmp_path):
    folder = tmp_path / ".cache" / "data"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(b"")
    assert [entry.name for entry in list_visible(folder)] == ["a.png"]


def test_paths_are_of_bytes_without_nul():
    assert decode_path(b"caf\xe9.png").name == "caf\udce9.png"
    with pytest.raises(UserError, match="holds a NUL byte; expected the path of a file"):
        decode_path(b"a\0b.png")
