"""Image encoders, and the cache of what a frozen one computes."""

import errno
import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from apps.captioning import encoders
from apps.captioning.captioned_images import CaptionedImages
from apps.captioning.config import CaptioningConfig
from apps.captioning.data import load_data
from apps.captioning.efficientnet import SIZE, WEIGHTS, build_efficientnet, set_weights
from apps.captioning.features import load_features
from apps.captioning.torch_file import read_tensors
from rnn_keras.data.images import decode_image, encode_images
from rnn_keras.utils.errors import UserError


def build_average(encoder, size):
    """Stands for a frozen network: the image itself, 8 x 8."""
    pixels = keras.Input((size, size, 3), dtype="uint8")
    return keras.Model(pixels, keras.layers.AveragePooling2D(size // 8)(keras.layers.Rescaling(1 / 255)(pixels)))


def test_a_frozen_encoder_runs_once_and_its_features_are_kept(shapes, tmp_path, monkeypatch):
    builds = []
    monkeypatch.setattr(encoders, "load_keras_application", lambda *args: builds.append(args) or build_average(*args))
    config = CaptioningConfig(dataset=str(shapes), encoder="keras:Small", size=32, cache_dir=str(tmp_path / "cache"))
    load_data(config)
    (file,) = (tmp_path / "cache" / "image_features").iterdir()
    features = np.load(file)
    assert features.shape == (96, 2, 64, 3) and features.dtype == np.float16
    mirrored = features[:, 1].reshape(96, 8, 8, 3)[:, :, ::-1].reshape(96, 64, 3)
    np.testing.assert_allclose(mirrored, features[:, 0], atol=1e-3)

    builds.clear()
    data = load_data(config)
    assert not builds and data.arrays.shape == features.shape

    file.write_bytes(file.read_bytes()[:1000])
    load_data(config)
    assert builds
    np.testing.assert_array_equal(np.load(file), features)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("vgg16", lambda pixels: pixels[..., ::-1] - [103.939, 116.779, 123.68]),  # as in Caffe: blue comes first
        ("densenet", lambda pixels: (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),  # as in torch
        ("mobilenet_v2", lambda pixels: pixels / 127.5 - 1),
    ],
)
def test_the_preprocessing_of_pixels_is_in_the_saved_model(tmp_path, monkeypatch, module, expected):
    """All three kinds: caffe, torch and tf; the network is replaced by one that changes nothing."""

    def build(include_top, weights, input_shape):
        return keras.Sequential([keras.Input(input_shape), keras.layers.AveragePooling2D(1)])

    build.__module__ = getattr(keras.applications, module).preprocess_input.__module__
    monkeypatch.setattr(keras.applications, "Small", build, raising=False)
    encoders.build_backbone(CaptioningConfig(encoder="keras:Small", size=32)).save(tmp_path / "model.keras")
    pixels = np.random.default_rng(0).integers(256, size=(2, 32, 32, 3)).astype("uint8")
    features = keras.models.load_model(tmp_path / "model.keras")(pixels)

    np.testing.assert_allclose(features, expected(pixels).reshape(2, 1024, 3), atol=1e-3)


def test_a_disk_too_small_for_the_features_is_a_sentence(tmp_path, monkeypatch):
    sizes = []

    def fail(file, start, size):
        sizes.append(size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", fail)
    network = keras.Sequential([keras.Input((32, 32, 3), dtype="uint8"), keras.layers.Reshape((64, 48))])
    images = CaptionedImages("some", [["a"]] * 500, [], {}, lambda indices: iter(()), "fingerprint")
    with pytest.raises(UserError, match=r"cannot write .*keras-Small.*No space left"):
        load_features(images, "keras:Small", 32, str(tmp_path), lambda: network)
    assert sizes[0] > 500 * 2 * 64 * 48 * 2 and not list((tmp_path / "image_features").iterdir())


@pytest.mark.slow
def test_efficientnet_recognises_photographs(fetched):
    from sklearn.datasets import load_sample_images

    network = build_efficientnet(include_top=True)
    set_weights(network, read_tensors(fetched(WEIGHTS)))
    china, flower = (image[:, 106:533] for image in load_sample_images().images)
    pixels = np.stack([decode_image(encode_images([image])[0], SIZE, 3, stretch=True) for image in (china, flower)])
    probabilities = tf.nn.softmax(network(pixels, training=False)).numpy()

    palace, bell_cote, daisy = 698, 442, 985  # ImageNet's classes
    assert probabilities[0].argmax() == palace and probabilities[0, bell_cote] > 0.1
    assert probabilities[1].argmax() == daisy
    # The paper's 4.7 million.
    assert sum(weight.shape.num_elements() for weight in network.trainable_weights) == 4_652_008
