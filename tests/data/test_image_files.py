"""Image files of every kind, prepared for the model or refused in one sentence."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from rnn_keras.data import image_files
from rnn_keras.data.image_files import encode_kinds, read_image_file
from rnn_keras.data.images import decode_image, decode_pixels
from rnn_keras.utils.errors import UserError


def decode(content):
    return decode_pixels(tf.constant(content), 3, 255).numpy().astype(int)


def save(path, image, **options):
    image.save(path, **options)
    return path


@pytest.fixture
def red():
    """Red on the left, blue on the right."""
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:, :15, 0] = pixels[:, 15:, 2] = 255
    return Image.fromarray(pixels)


PLAIN = {"a.png": ("RGB", "L", "P", "1", "RGBA"), "a.jpg": ("RGB", "L", "CMYK")}


@pytest.mark.parametrize(("name", "mode"), [(name, mode) for name, modes in PLAIN.items() for mode in modes])
def test_a_plain_file_stays_as_it_is(tmp_path, red, name, mode):
    path = save(tmp_path / name, red.convert(mode))
    assert read_image_file(path) == path.read_bytes()


def test_the_name_does_not_matter(tmp_path, red):
    path = save(tmp_path / "a.txt", red, format="PNG")
    assert read_image_file(path) == path.read_bytes()


def test_transparent_is_white(tmp_path, red):
    clear = red.convert("RGBA")
    clear.putalpha(Image.fromarray(np.tile(np.repeat(np.uint8([255, 0]), 15), (20, 1))))
    pixels = decode(read_image_file(save(tmp_path / "a.png", clear)))

    assert pixels[5, 5].tolist() == [255, 0, 0] and pixels[5, 25].tolist() == [255, 255, 255]
    palette = save(tmp_path / "b.png", red.convert("P"), transparency=0)
    assert decode(read_image_file(palette)).shape == (20, 30, 3)


def test_the_first_frame_of_a_moving_image_is_used(tmp_path, red):
    path = save(tmp_path / "a.gif", red, save_all=True, append_images=[Image.new("RGB", red.size, "green")])
    pixels = decode(read_image_file(path))

    assert pixels[5, 5, 0] > 200 and pixels[5, 5, 1] < 60


@pytest.mark.parametrize("kind", ["WEBP", "BMP", "TIFF"])
def test_other_kinds_become_png(tmp_path, red, kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    content = read_image_file(save(tmp_path / "a", red, format=kind, **options))

    assert content.startswith(b"\x89PNG")
    np.testing.assert_array_equal(decode(content), np.asarray(red))


def test_other_depths_become_eight_bits(tmp_path):
    values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    pixels = decode(read_image_file(save(tmp_path / "a.png", Image.fromarray(values))))
    assert np.abs(pixels[..., 0] - np.arange(256).reshape(16, 16)).max() <= 1

    inks = Image.fromarray(np.zeros((4, 4, 4), np.uint8), "CMYK")
    assert decode(read_image_file(save(tmp_path / "a.jpg", inks))).min() > 250


def test_an_image_is_turned_as_the_camera_was_held(tmp_path, red):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter to the right
    pixels = decode(read_image_file(save(tmp_path / "a.jpg", red, exif=exif, quality=95)))

    assert pixels.shape == (30, 20, 3)
    assert pixels[3, 10, 0] > 200 and pixels[26, 10, 2] > 200


def test_a_large_image_is_made_smaller(tmp_path, red):
    path = save(tmp_path / "a.png", red.resize((3000, 2000)))
    assert max(decode(read_image_file(path)).shape) == 2000


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"not an image at all", "is not an image"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "is (not an image|damaged)"),
    ],
)
def test_what_is_not_an_image_is_a_sentence(tmp_path, content, sentence):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_image_file(tmp_path / "a.png")


def test_missing_cut_off_and_boundless_files_are_a_sentence(tmp_path, red, monkeypatch):
    with pytest.raises(UserError, match="cannot be read"):
        read_image_file(tmp_path / "none.png")
    with pytest.raises(UserError, match="cannot be read"):
        read_image_file(tmp_path)
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 4), np.uint8), "RGBA")
    path = save(tmp_path / "a.png", noise)
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(UserError, match=r"a\.png is damaged"):
        read_image_file(path)
    for mode in ("RGB", "L"):
        path = save(tmp_path / "c.jpg", noise.convert(mode))
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(UserError, match=r"c\.jpg is damaged"):
            read_image_file(path)
    monkeypatch.setattr(image_files, "MAXIMUM_PIXELS", 500)
    with pytest.raises(UserError, match="has 30 x 20 pixels, more than the 500"):
        read_image_file(save(tmp_path / "b.png", red))


@pytest.mark.parametrize(("offset", "value"), [(8, 12), (72, 2), (130, 5)])
def test_a_damaged_table_of_a_tiff_file_is_a_sentence(tmp_path, red, offset, value):
    """How many entries it has, and of what type they are: Pillow meets each with a TypeError of another kind."""
    path = save(tmp_path / "a.tif", red)
    content = bytearray(path.read_bytes())
    content[offset] = value
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.tif is damaged"):
        read_image_file(path)


@pytest.mark.parametrize(("paper", "channels"), [(0, 1), (255, 3)])
def test_files_of_all_kinds_are_read_as_the_same_image(paper, channels):
    rows, columns = np.mgrid[:9, :9]
    light = (np.abs(rows - 4) < 3) * (columns * 28)
    pixels = (light if paper == 0 else 255 - light).astype(np.uint8)
    image = np.repeat(pixels[..., np.newaxis], channels, -1)
    contents = encode_kinds(np.stack([image] * 5), paper)

    assert len(set(contents)) >= 3
    for number, content in enumerate(contents):
        got = decode_image(content, 9, channels, paper=paper).numpy().astype(int)
        assert np.abs(got - image).max() <= (16 if number == 4 else 0), number
