"""Damage in a folder is noticed."""

import subprocess

import pytest

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.sums import SUMS, require_sums, write_sums


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "variables").mkdir()
    (tmp_path / "variables" / "data").write_bytes(bytes(range(256)))
    (tmp_path / "model.pb").write_bytes(b"graph")
    require_sums(tmp_path)  # without the file nothing is known
    write_sums(tmp_path)
    return tmp_path


def test_a_folder_as_it_was_written_is_accepted_by_sha256sum_too(folder):
    require_sums(folder)
    subprocess.run(["sha256sum", "--check", "--quiet", SUMS], cwd=folder, check=True)
    (folder / "more.txt").touch()  # a file of the user's own
    require_sums(folder)


@pytest.mark.parametrize("place", range(0, 256, 15))
def test_a_bit_that_flips_is_noticed(place, folder):
    for name in ("variables/data", "model.pb", SUMS):
        file = folder / name
        content = file.read_bytes()
        file.write_bytes(
            content[: place % len(content)]
            + bytes([content[place % len(content)] ^ 1])
            + content[place % len(content) + 1 :]
        )
        with pytest.raises(UserError, match=r"is not as `export` wrote it.*export it again"):
            require_sums(folder)
        file.write_bytes(content)


def test_a_missing_file_is_noticed(folder):
    (folder / "variables" / "data").unlink()
    with pytest.raises(UserError, match=r"is not as `export` wrote it \(.*No such file"):
        require_sums(folder)
