"""Images decoded and fitted in the graph, against Pillow."""

import io
import struct
import zlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from rnn_keras.data.images import ImageDecoding, decode_image, decode_pixels, encode_images, fit_image

GENERATOR = np.random.default_rng(3)


def smooth(height, width, channels):
    """A picture without hard edges, which JPEG keeps nearly as it is: `(height, width, channels)` uint8."""
    y, x = np.mgrid[:height, :width]
    waves = [127 + 100 * np.sin(x / width * 4 + channel) * np.cos(y / height * 3) for channel in range(channels)]
    return np.stack(waves, axis=-1).astype(np.uint8)


def file_of(pixels, kind="png", **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("channels", [1, 3])
def test_png_is_decoded_exactly(channels):
    pixels = GENERATOR.integers(0, 256, (9, 9, channels), np.uint8)

    np.testing.assert_array_equal(decode_image(file_of(pixels), 9, channels), pixels)
    np.testing.assert_array_equal(decode_image(encode_images([pixels])[0], 9, channels), pixels)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_decoded_as_pillow_does_it(channels):
    content = file_of(smooth(16, 16, channels), "jpeg", quality=95)
    expected = np.asarray(Image.open(io.BytesIO(content))).reshape(16, 16, channels)

    # Decoders may differ by some levels: their cosine transforms and the way they widen colours are not the same.
    assert np.abs(decode_image(content, 16, channels).numpy().astype(int) - expected).max() <= 10


def test_colours_become_grey_and_grey_becomes_coloured():
    coloured, grey = smooth(8, 8, 3), smooth(8, 8, 1)
    luma = coloured @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601

    assert np.abs(decode_image(file_of(coloured), 8, 1).numpy()[..., 0] - luma).max() <= 3
    assert np.abs(fit_image(tf.constant(coloured), 8, 1).numpy()[..., 0] - luma).max() <= 1
    np.testing.assert_array_equal(decode_image(file_of(grey), 8, 3), np.repeat(grey, 3, axis=-1))
    np.testing.assert_array_equal(fit_image(tf.constant(grey), 8, 3), np.repeat(grey, 3, axis=-1))


def test_transparency_and_palettes_and_sixteen_bits_are_read():
    pixels = smooth(8, 8, 3)
    opaque = np.concatenate([pixels, np.full((8, 8, 1), 255, np.uint8)], axis=-1)
    np.testing.assert_array_equal(decode_image(file_of(opaque), 8, 3), pixels)

    palette = Image.fromarray(np.where(smooth(8, 8, 1)[..., 0] > 127, 255, 0).astype(np.uint8)).convert("P")
    buffer = io.BytesIO()
    palette.save(buffer, "png")
    np.testing.assert_array_equal(decode_image(buffer.getvalue(), 8, 1)[..., 0], np.asarray(palette.convert("L")))

    buffer = io.BytesIO()
    Image.fromarray(smooth(8, 8, 1)[..., 0].astype(np.uint16) * 257).save(buffer, "png")
    np.testing.assert_array_equal(decode_image(buffer.getvalue(), 8, 1), smooth(8, 8, 1))


@pytest.mark.parametrize(("height", "width"), [(40, 40), (40, 20), (20, 40), (5, 5)])
def test_images_are_scaled_whole_as_pillow_scales_them(height, width):
    pixels = GENERATOR.integers(0, 256, (height, width, 1), np.uint8)
    got = decode_image(file_of(pixels), 10, 1).numpy()[..., 0]

    wide, high = 10 * width // max(height, width), 10 * height // max(height, width)
    scaled = np.asarray(Image.fromarray(pixels[..., 0]).resize((wide, high), Image.Resampling.BILINEAR))
    top, left = (10 - high) // 2, (10 - wide) // 2
    expected = np.pad(scaled, [(top, 10 - high - top), (left, 10 - wide - left)])
    assert np.abs(got.astype(int) - expected).max() <= 2


def test_fit_image_and_decode_image_agree():
    pixels = smooth(13, 21, 3)

    np.testing.assert_array_equal(fit_image(tf.constant(pixels), 8, 3), decode_image(file_of(pixels), 8, 3))


@pytest.mark.parametrize("content", [b"", b"no picture", file_of(smooth(8, 8, 1))[:60]])
def test_what_is_not_an_image_is_an_error(content):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_image(content, 8, 1)


def test_a_model_of_file_contents_is_saved_and_loaded(tmp_path):
    given = keras.Input((), dtype="string", name="picture")
    model = keras.Model(given, ImageDecoding(8, 1)(given))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    pictures = [smooth(8, 8, 1), smooth(30, 20, 1), smooth(5, 9, 1)]
    contents = tf.constant([file_of(pixels) for pixels in pictures])

    assert (model.output.shape, model.output.dtype) == ((None, 8, 8, 1), "uint8")
    np.testing.assert_array_equal(loaded(contents), [decode_image(content, 8, 1) for content in contents])


def test_a_stretched_image_fills_the_square_as_pillow_does_it():
    pixels = smooth(40, 60, 3)
    expected = np.asarray(Image.fromarray(pixels).resize((16, 16), Image.Resampling.BILINEAR))

    assert np.abs(decode_image(file_of(pixels), 16, 3, stretch=True).numpy().astype(int) - expected).max() <= 1
    layer = ImageDecoding.from_config(ImageDecoding(16, 3, stretch=True).get_config())
    np.testing.assert_array_equal(
        layer(tf.constant([file_of(pixels)]))[0], decode_image(file_of(pixels), 16, 3, stretch=True)
    )


@pytest.mark.parametrize("ink", [0, 255])
def test_ink_on_a_transparent_canvas_is_seen_on_any_paper(ink):
    cover = np.zeros((8, 8), np.uint8)
    cover[2:6, 3:5], cover[6, 3] = 255, 100
    content = file_of(np.stack([np.full_like(cover, ink)] * 3 + [cover], -1))

    np.testing.assert_array_equal(decode_image(content, 8, 1)[..., 0], cover)
    np.testing.assert_array_equal(decode_image(content, 8, 1, paper=255)[..., 0], 255 - cover)


def test_a_picture_with_transparent_corners_keeps_its_brightness():
    pixels = np.concatenate([np.full((8, 8, 3), 40, np.uint8), np.full((8, 8, 1), 255, np.uint8)], -1)
    pixels[0, 0, 3] = 0

    assert decode_image(file_of(pixels), 8, 1)[4, 4, 0] == 40


def grey_png(bits, pixels):
    """A grey PNG file of fewer than eight bits, which Pillow does not write: `(height, width)` of so many bits."""
    rows = [np.packbits(np.unpackbits(row[:, None], axis=1)[:, 8 - bits :].ravel()).tobytes() for row in pixels]
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], bits, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part)) for name, part in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_grey_of_few_bits_has_the_whole_scale(bits):
    values = np.arange(64, dtype=np.uint8).reshape(8, 8) % 2**bits
    expected = np.rint(values / (2**bits - 1) * 255).astype(np.uint8)

    for channels, stretch in ((1, False), (3, True)):
        got = decode_image(grey_png(bits, values), 8, channels, stretch)
        np.testing.assert_array_equal(got, np.repeat(expected[..., None], channels, -1))


@pytest.mark.parametrize("kind", ["png", "jpeg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright_as_a_viewer_shows_them(orientation, kind):
    pixels, exif = smooth(12, 8, 3), Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if kind == "jpeg" else {}
    content = file_of(pixels, kind, exif=exif, **options)
    with Image.open(io.BytesIO(content)) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened)).astype(int)

    got = decode_pixels(tf.constant(content), 3, 0).numpy()
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() <= (16 if kind == "jpeg" else 0)


def test_damaged_exif_is_no_orientation():
    exif = Image.Exif()
    exif[0x0112] = 6
    content = file_of(smooth(8, 4, 3), "jpeg", exif=exif)
    place = content.index(b"Exif")
    for offset in range(6, 26):
        for value in (0, 255):
            damaged = bytearray(content)
            damaged[place + offset] = value
            assert decode_pixels(tf.constant(bytes(damaged)), 3, 0).shape in ((8, 4, 3), (4, 8, 3))


def test_inks_become_grey_and_colours():
    inks = Image.fromarray(smooth(16, 16, 3)).convert("CMYK")
    buffer = io.BytesIO()
    inks.save(buffer, "jpeg", quality=100)

    for channels, mode in ((1, "L"), (3, "RGB")):
        expected = np.asarray(inks.convert("RGB").convert(mode)).reshape(16, 16, channels).astype(int)
        assert np.abs(decode_image(buffer.getvalue(), 16, channels).numpy() - expected).max() <= 8


def test_transparent_parts_of_a_stretched_image_are_white():
    pixels = np.concatenate([smooth(8, 8, 3), np.full((8, 8, 1), 255, np.uint8)], axis=-1)
    pixels[:, :4, 3] = 0
    seen = decode_image(file_of(pixels), 8, 3, stretch=True).numpy()

    assert (seen[:, :4] == 255).all()
    np.testing.assert_array_equal(seen[:, 4:], pixels[:, 4:, :3])
