"""Your own videos in folders, their splits, and the sentences about files that are not as expected."""

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from apps.video_tagging import video_files
from apps.video_tagging.tagged_videos import check_source, load_tagged_videos
from apps.video_tagging.video_files import read_npz, read_tagged_npz, read_video
from rnn_keras.utils.errors import UserError


def write(path, length=6, seed=0, **arrays):
    generator = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    contents = {
        "features": generator.normal(size=(length, 3)).astype("float32"),
        "tags": np.arange(length) % 2,
    } | arrays
    np.savez(path, **{name: array for name, array in contents.items() if array is not None})
    return path


def test_named_splits_are_kept_and_validation_is_taken_from_train(tmp_path):
    for number in range(20):
        write(tmp_path / "train" / f"{number}.npz", seed=number)
    for number in range(4):  # the same names as in train: other videos all the same
        write(tmp_path / "test" / f"{number}.npz", seed=100 + number)
    videos = load_tagged_videos(str(tmp_path))

    assert sorted(videos.splits["test"].names) == ["0", "1", "2", "3"]
    assert len(videos.splits["train"]) + len(videos.splits["validation"]) == 20
    assert 1 <= len(videos.splits["validation"]) <= 5
    assert len(videos.examples("all")) == 24
    again = load_tagged_videos(str(tmp_path))
    assert again.splits["validation"].names == videos.splits["validation"].names


def test_without_splits_a_hash_divides_and_copies_stay_together(tmp_path):
    for number in range(30):
        write(tmp_path / f"{number}.npz", seed=number)
        write(tmp_path / f"copy of {number}.npz", seed=number)
    videos = load_tagged_videos(str(tmp_path))

    split_of = {name: split for split, selected in videos.splits.items() for name in selected.names}
    assert all(split_of[str(number)] == split_of[f"copy of {number}"] for number in range(30))
    assert set(split_of.values()) == {"train", "validation", "test"}


def test_tags_are_words_or_numbers_and_matched_by_their_names(tmp_path):
    write(tmp_path / "a.npz", seed=1, tags=np.array(["pour", "cut", "cut", "cut", "stir", "stir"]))
    write(tmp_path / "b.npz", seed=2, tags=np.array(["stir"] * 6))
    write(tmp_path / "c.npz", seed=3, tags=np.array([b"cut"] * 6))
    videos = load_tagged_videos(str(tmp_path))
    assert videos.class_names == ["cut", "pour", "stir"]
    tags = dict(zip(videos.everything.names, videos.everything.tags, strict=True))
    assert tags["a"].tolist() == [1, 0, 0, 0, 2, 2] and tags["a"].dtype == np.int32

    # By the names of a trained model, in its order.
    other = load_tagged_videos(str(tmp_path), class_names=["stir", "cut", "fry", "pour"])
    assert dict(zip(other.everything.names, other.everything.tags, strict=True))["a"].tolist() == [3, 1, 1, 1, 0, 0]
    # Without regard to case, as in training; exactly where two tags differ in case alone.
    for names in (["STIR", "Cut", "fry", "POUR"], ["stir", "cut", "CUT", "pour"]):
        other = load_tagged_videos(str(tmp_path), class_names=names)
        assert other.class_names == names
        assert dict(zip(other.everything.names, other.everything.tags, strict=True))["a"].tolist() == [3, 1, 1, 1, 0, 0]
    with pytest.raises(UserError, match="include pour, which the model does not know: its tags are stir, cut"):
        load_tagged_videos(str(tmp_path), class_names=["stir", "cut"])


def test_frames_are_resized_to_one_shape(tmp_path):
    generator = np.random.default_rng(0)
    sizes = {"a": (20, 30, 3), "b": (40, 60, 3), "c": (20, 30, 3)}
    for name, size in sizes.items():
        frames = generator.integers(256, size=(6, *size)).astype(np.uint8)
        write(tmp_path / f"{name}.npz", features=None, frames=frames)
    videos = load_tagged_videos(str(tmp_path))

    assert {steps.shape for steps in videos.everything.steps} == {(6, 20, 30, 3)}
    assert {steps.dtype for steps in videos.everything.steps} == {np.dtype(np.uint8)}
    resized = load_tagged_videos(str(tmp_path), class_names=["0", "1"], step_shape=(8, 8, 3))
    assert resized.everything.steps[0].shape == (6, 8, 8, 3)


def test_frames_of_floats_without_channels_or_too_large(tmp_path):
    floats = write(tmp_path / "floats.npz", features=None, frames=np.full((6, 4, 4), 0.5))
    steps = read_npz(floats)
    assert steps.shape == (6, 4, 4, 1) and steps.dtype == np.uint8 and (steps == 128).all()
    large = write(tmp_path / "large.npz", features=None, frames=np.zeros((6, 100, 70, 1), np.uint8))
    assert read_npz(large).shape == (6, 64, 64, 1)


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"features": None}, "expected features"),
        ({"frames": np.zeros((6, 4, 4, 3), np.uint8)}, "and not both"),
        ({"tags": None}, "has no tags: expected the array tags"),
        ({"tags": np.arange(5)}, r"tags has the shape \(5,\).*each of the 6 steps"),
        ({"tags": np.linspace(0, 1, 6)}, "the type float64; expected integers or words"),
        ({"features": np.zeros(6)}, r"features has the shape \(6,\)"),
        ({"features": np.zeros((0, 3)), "tags": np.zeros(0, int)}, "at least one step"),
        ({"features": np.full((6, 3), np.nan)}, "not a finite number at step 0"),
        ({"features": np.array([[{}]] * 6)}, "cannot be read as an .npz file of plain numbers"),
        ({"features": None, "frames": np.zeros((6, 4, 4, 2), np.uint8)}, "1 or 3 channels"),
        ({"features": None, "frames": np.full((6, 4, 4, 3), 300)}, "values from 300 to 300; expected uint8"),
    ],
)
def test_a_malformed_file_is_a_sentence(tmp_path, arrays, sentence):
    path = write(tmp_path / "bad.npz", **arrays)
    with pytest.raises(UserError, match=sentence) as caught:
        read_tagged_npz(path)
    assert str(path) in str(caught.value)


def test_damaged_files_and_odd_folders_are_sentences(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        check_source(str(tmp_path / "nowhere"))
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(UserError, match=r"holds no .npz files.*notes.txt"):
        check_source(str(tmp_path))
    with pytest.raises(UserError, match="is a file; expected a folder"):
        check_source(str(tmp_path / "notes.txt"))
    complete = write(tmp_path / "a.npz").read_bytes()
    for content in (complete[:200], b"", b"no archive"):
        (tmp_path / "a.npz").write_bytes(content)
        with pytest.raises(UserError, match="it is damaged"):
            load_tagged_videos(str(tmp_path))
    for field, value in ((0, 1), (2, 99)):  # encrypted; compressed in an unknown way
        content = bytearray(complete)
        for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # of the files in the archive, and of its directory
            start = content.find(signature)
            while start >= 0:
                content[start + offset + field] = value
                start = content.find(signature, start + 1)
        (tmp_path / "a.npz").write_bytes(content)
        with pytest.raises(UserError, match=r"a\.npz cannot be read as an \.npz file.*(encrypted|compression)"):
            load_tagged_videos(str(tmp_path))
    write(tmp_path / "a.npz")
    with pytest.raises(UserError, match="has 1 videos, too few"):
        load_tagged_videos(str(tmp_path))
    write(tmp_path / "b.npz", features=np.zeros((6, 4)))
    with pytest.raises(UserError, match=r"steps of b in .* have the shape \(4,\), those of a have \(3,\)"):
        load_tagged_videos(str(tmp_path))
    write(tmp_path / "b.npz", seed=7)
    with pytest.raises(UserError, match="the model takes"):
        load_tagged_videos(str(tmp_path), class_names=["0", "1"], step_shape=(9,))
    for name in ("a", "b", "c"):
        write(tmp_path / f"{name}.npz", tags=np.zeros(6, int))
    with pytest.raises(UserError, match=r"every step .* has the tag '0'"):
        load_tagged_videos(str(tmp_path))


def test_a_folder_of_pictures_a_gif_and_an_npz_are_one_video(tmp_path):
    frames = np.random.default_rng(0).integers(256, size=(12, 8, 6, 3)).astype(np.uint8)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"m² frame{number}.png")  # frame10 comes after frame9
    np.savez(tmp_path / "video.npz", frames=frames)
    for path in (folder, tmp_path / "video.npz"):
        np.testing.assert_array_equal(read_video(path, (8, 6, 3)), frames)
    grey = [Image.fromarray(frame[..., 0]) for frame in frames]
    grey[0].save(tmp_path / "video.gif", save_all=True, append_images=grey[1:])
    gif = read_video(tmp_path / "video.gif", (8, 6, 1))
    assert gif.shape == (12, 8, 6, 1)
    assert np.abs(gif[..., 0].astype(int) - frames[..., 0]).max() <= 2
    assert read_video(folder, (4, 3, 3)).shape == (12, 4, 3, 3)


def test_what_is_not_a_video_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "film.mp4").write_bytes(b"no film")
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.gif").write_bytes(b"GIF89a no")
    np.savez(tmp_path / "features.npz", features=np.zeros((3, 5)))
    monkeypatch.setattr(video_files.shutil, "which", lambda name: None)
    for name, shape, sentence in (
        ("nowhere.npz", (5,), "no such file or folder"),
        ("film.mp4", (8, 8, 3), "needs the program ffmpeg, which is not installed"),
        ("film.mp4", (5,), "this model takes features"),
        ("notes.txt", (8, 8, 3), "is not a video"),
        ("empty", (8, 8, 3), "holds no pictures"),
        ("bad.gif", (8, 8, 3), "cannot be decoded"),
        ("features.npz", (4,), r"has steps of shape \(5,\); this model takes \(4,\)"),
        ("features.npz", (8, 8, 3), "this model takes"),
    ):
        with pytest.raises(UserError, match=sentence):
            read_video(tmp_path / name, shape)


FFMPEG = """#!/usr/bin/env python3
import sys
if "-fps_mode" in sys.argv and OLD:
    sys.exit("Unrecognized option 'fps_mode'.")
rate = sys.argv.index("-vsync" if OLD else "-fps_mode")
assert sys.argv[rate + 1] == "passthrough" and "scale=6:8" in sys.argv and "rgb24" in sys.argv
assert sys.argv[sys.argv.index("-i") + 1].startswith("file:")
sys.stdout.buffer.write(b"".join(bytes([n]) * 144 for n in (1, 2, 3)))
"""


@pytest.mark.parametrize("is_old", [False, True])
def test_ffmpeg_reads_each_frame_of_a_film_once(tmp_path, monkeypatch, is_old):
    """A program in place of ffmpeg that writes three frames of one value each, of the requested size."""
    program = tmp_path / "ffmpeg"
    program.write_text(FFMPEG.replace("OLD", str(is_old)))
    program.chmod(0o755)
    monkeypatch.setattr(video_files.shutil, "which", lambda name: str(program))
    film = tmp_path / "10:30:00.mp4"
    film.write_bytes(b"")

    frames = read_video(film, (8, 6, 3))
    assert frames.shape == (3, 8, 6, 3) and frames[:, 0, 0, 0].tolist() == [1, 2, 3]
    with pytest.raises(UserError, match="ffmpeg could not read"):
        read_video(film, (8, 5, 3))


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_a_film_of_variable_frame_rate_keeps_its_frames(tmp_path):
    film = tmp_path / "10:30:00.mkv"
    source = "testsrc=size=16x16:rate=10:duration=1,setpts=N*N*0.05/TB"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-fps_mode", "vfr", f"file:{film}"]
    subprocess.run(command, check=True)
    assert len(read_video(film, (16, 16, 3))) == 10


def test_frames_from_phones_and_macs(tmp_path):
    """A picture that EXIF turns, ink on a transparent canvas, and what macOS leaves in folders."""
    upright = np.zeros((16, 16), np.uint8)
    upright[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(upright).rotate(90).save(tmp_path / "1.jpg", quality=100, exif=exif)
    black_ink = np.stack([np.zeros_like(upright), upright], -1)
    Image.fromarray(black_ink, "LA").save(tmp_path / "2.png")
    (tmp_path / "._1.jpg").write_bytes(b"\0\5\x16\7")
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    frames = read_video(tmp_path, (16, 16, 1))[..., 0].astype(int)

    assert frames.shape == (2, 16, 16)
    assert np.abs(frames[0] - upright).max() <= 8
    np.testing.assert_array_equal(frames[1], upright)  # light on black, as the moving digits are
    for number in range(3):
        np.savez(tmp_path / f"{number}.npz", features=np.eye(4) + number, tags=np.arange(4) % 2)
    (tmp_path / "._0.npz").write_bytes(b"\0\5\x16\7")
    assert len(load_tagged_videos(str(tmp_path)).everything) == 3
