"""Arrays that would unpack to too much are refused by their headers."""

import numpy as np
import pytest

from apps.video_tagging.tagged_videos import load_tagged_videos
from apps.video_tagging.video_files import measure_npz, read_npz, read_tagged_npz
from rnn_keras.data import npz_files
from rnn_keras.data.npz_files import read_sizes
from rnn_keras.utils import memory
from rnn_keras.utils.errors import UserError


@pytest.fixture
def nothing_is_unpacked(monkeypatch):
    def refuse(self, name):
        raise AssertionError(f"{name} was unpacked")

    monkeypatch.setattr(np.lib.npyio.NpzFile, "__getitem__", refuse)


def save(path, compressed=False, **arrays):
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    return path


def test_sizes_are_those_of_the_headers(tmp_path):
    arrays = {"features": np.ones((3, 4), np.float64), "tags": np.arange(3, dtype=np.int16)}
    sizes = read_sizes(save(tmp_path / "a.npz", **arrays), ["features", "tags"], "video")
    assert sizes["features"] == ((3, 4), np.float64) and sizes["features"].bytes == 96 and sizes["tags"].bytes == 6
    assert measure_npz(tmp_path / "a.npz") == 48  # as float32
    frames = save(tmp_path / "b.npz", frames=np.zeros((5, 100, 32, 3), np.float32))
    assert measure_npz(frames) == 5 * 64 * 32 * 3  # as bytes, and shrunk
    assert measure_npz(save(tmp_path / "c.npz", x=np.zeros(3))) == 0


@pytest.mark.parametrize("name", ["features", "tags"])
def test_a_small_file_that_unpacks_to_a_large_array_is_refused(name, tmp_path, monkeypatch, nothing_is_unpacked):
    monkeypatch.setattr(npz_files, "SMALL", 100_000)
    arrays = {"features": np.zeros((2, 2), np.float32), "tags": np.zeros(2, np.int32)}
    arrays[name] = np.zeros((100_000, 8) if name == "features" else 800_000, np.float32)
    path = save(tmp_path / "a.npz", compressed=True, **arrays)
    with pytest.raises(
        UserError, match=rf"a\.npz: {name} of shape .* would unpack from 3 kB to 3 MB, as only constant"
    ):
        read_tagged_npz(path)


def test_a_video_that_needs_more_memory_than_there_is_is_refused(tmp_path, monkeypatch, nothing_is_unpacked):
    path = save(tmp_path / "a.npz", features=np.random.default_rng(1).normal(size=(100, 8)))
    monkeypatch.setattr(memory, "measure_free_memory", lambda: 12_000)
    with pytest.raises(UserError, match=r"a\.npz needs 13 kB of memory, and 12 kB are free; cut the video"):
        read_npz(path)


def test_a_folder_that_needs_more_memory_than_there_is_is_refused(tmp_path, monkeypatch, nothing_is_unpacked):
    for number in range(10):
        features = np.random.default_rng(number).normal(size=(100, 8)).astype("float32")
        save(tmp_path / f"{number}.npz", features=features, tags=np.arange(100) % 2)
    monkeypatch.setattr(memory, "measure_free_memory", lambda: 20_000)
    with pytest.raises(UserError, match=r"of 10 videos, needs 32 kB of memory, and 20 kB are free; leave some out"):
        load_tagged_videos(str(tmp_path))


def test_a_header_that_does_not_fit_its_array_is_damaged(tmp_path):
    path = save(tmp_path / "a.npz", features=np.ones((3000, 4), np.float32))
    path.write_bytes(path.read_bytes().replace(b"(3000, 4)", b"(9000, 4)"))
    with pytest.raises(UserError, match=r"cannot be read as an \.npz file of plain numbers \(the header of features"):
        read_npz(path)
