"""The captioning app on tiny data, by its commands and by its parts."""

import errno
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import sacrebleu
import tensorflow as tf
from PIL import Image

from apps.captioning import encoders
from apps.captioning.__main__ import CaptioningApp
from apps.captioning.captioned_images import CaptionedImages
from apps.captioning.captioner import Captioner
from apps.captioning.config import CaptioningConfig
from apps.captioning.data import load, plain
from apps.captioning.efficientnet import SIZE, WEIGHTS, build_efficientnet, fill
from apps.captioning.features import all_features
from apps.captioning.metrics import bleu_scores, kinds_named, words
from apps.captioning.model import build_captioner, build_network
from apps.captioning.torch_file import read_tensors
from rnn_keras.data.images import decode_image, encode_images
from rnn_keras.data.pair_batches import PictureBatches
from rnn_keras.training.losses import SmoothedCrossentropy
from rnn_keras.utils.errors import UserError

VARIANTS = [
    {"cell": "lstm", "attention": "dot", "opening": "state"},
    {"cell": "gru", "attention": "additive", "opening": "input", "decoder_layers": 2, "tied": False},
    {"cell": "simple_rnn", "attention": "none", "opening": "input"},
]


def command(*arguments):
    CaptioningApp().main([str(argument) for argument in arguments])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


def test_a_run_leaves_what_is_promised(captioning_run):
    metrics = json.loads((captioning_run / "metrics.json").read_text())
    test = metrics["test"]

    assert test["bleu1"] > 0.8 and test["bleu1"] > test["bleu1_without_picture"] + 0.2
    assert test["names_the_kind"] > test["names_the_kind_by_chance"] + 0.2
    assert 0 < test["distinct_captions"] <= 1 and "tok:none" in test["signature"]
    left = {path.name for path in captioning_run.iterdir()}
    assert left == {"config.json", "model.keras", "metrics.json", "history.csv", "logs", "plots"}
    drawings = {path.name for path in (captioning_run / "plots").iterdir()}
    assert {"learning_curves.png", "captions.png", "attention.png"} <= drawings


def test_evaluate_gives_the_metrics_of_training_again(captioning_run, capfd):
    command("evaluate", "--run-dir", captioning_run, "--json")
    captured = capfd.readouterr()
    metrics, stored = json.loads(captured.out), json.loads((captioning_run / "metrics.json").read_text())["test"]

    for name in set(stored) - {"pictures_a_second"}:
        assert metrics[name] == stored[name], name
    assert "a reference" in captured.err


def test_predict_answers_any_picture_and_shows_the_attention(captioning_run, shapes, tmp_path, capfd):
    plain_file = shapes / "images" / "0.png"
    picture = Image.open(plain_file)
    picture.convert("RGBA").save(tmp_path / "clear.png")
    picture.convert("L").save(tmp_path / "grey.jpg")
    picture.save(tmp_path / "moving.gif", save_all=True, append_images=[picture.rotate(90)])
    picture.resize((5000, 3000)).save(tmp_path / "huge.jpg")
    files = [plain_file, *(tmp_path / name for name in ("clear.png", "grey.jpg", "moving.gif", "huge.jpg"))]
    command("predict", "--run-dir", captioning_run, "--json", *files)
    captions = [answer["caption"] for answer in last_line(capfd)["predictions"]]

    assert len(captions) == 5 and captions[0] == captions[1] != ""
    for number in range(1, 6):
        assert (captioning_run / "plots" / f"prediction_{number}.png").stat().st_size > 3000


def test_the_users_mistakes_are_one_sentence(captioning_run, shapes, tmp_path, capfd):
    (tmp_path / "damaged.png").write_bytes((shapes / "images" / "0.png").read_bytes()[:60])
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no picture")
    train = ("train", "--run-dir", tmp_path / "run", "--dataset")
    for arguments, sentence in (
        (("predict", "--run-dir", captioning_run, tmp_path / "damaged.png"), "damaged.png is damaged"),
        (("predict", "--run-dir", captioning_run, tmp_path / "empty.png"), "empty.png is empty"),
        (("predict", "--run-dir", captioning_run, tmp_path / "text.png"), "text.png is no picture"),
        (("predict", "--run-dir", captioning_run, tmp_path / "none.png"), "none.png cannot be read"),
        ((*train, tmp_path), "has no folder images"),
        ((*train, shapes, "--encoder", "keras:Nonsense"), "keras.applications has no Nonsense"),
        (
            (*train, shapes, "--encoder", "vgg"),
            "--encoder must be auto, cnn, efficientnet_lite0 or keras:NAME, got vgg",
        ),
        ((*train, shapes, "--blind", 2), "--blind must be at least 0 and at most 1, got 2"),
    ):
        with pytest.raises(SystemExit) as ended:
            command(*arguments)
        err = capfd.readouterr().err
        assert ended.value.code == 2 and "Traceback" not in err
        assert err.splitlines()[-1].startswith("error: ") and sentence in err.splitlines()[-1], err


def test_a_damaged_picture_of_the_data_is_named(shapes, tmp_path, capfd):
    (tmp_path / "images").mkdir()
    for file in (shapes / "images").iterdir():
        (tmp_path / "images" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "captions.tsv").write_bytes((shapes / "captions.tsv").read_bytes())
    (tmp_path / "images" / "7.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(SystemExit):
        command("train", "--dataset", tmp_path, "--encoder", "cnn", "--size", 32, "--run-dir", tmp_path / "run")

    assert "7.png is" in capfd.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_saved_model_file_captions_the_same(captioning_run, shapes):
    model = keras.models.load_model(captioning_run / "model.keras")
    data = load(CaptioningConfig(dataset=str(shapes), encoder="cnn", size=32))
    test = data.images.splits["test"]
    contents = data.images.contents_of(test)
    together = model({"picture": tf.constant(contents)}, training=False)
    alone = [model({"picture": tf.constant([content])}, training=False) for content in contents[:3]]
    parts = Captioner(model).write(data.arrays[:, 0], places=test, batch_size=5).texts

    assert [text.decode() for text in together["caption"].numpy()] == parts
    assert [answer["caption"].numpy()[0].decode() for answer in alone] == parts[:3]


def test_exported_files_caption_as_keras_does(captioning_run, shapes, tmp_path, capfd):
    command("export", "--run-dir", captioning_run, "--saved-models", tmp_path, "--json")
    report = last_line(capfd)["report"]
    assert [row["format"] for row in report] == ["keras", "saved_model", "litert"]
    assert all(row["agreement"] == 1 and row["bleu4"] >= 0 for row in report)

    files = [shapes / "images" / f"{number}.png" for number in range(4)]
    Image.open(files[3]).save(tmp_path / "a.jpg", quality=95)
    files[3] = tmp_path / "a.jpg"
    command("predict", "--run-dir", captioning_run, "--json", *files)
    expected = [answer["caption"] for answer in last_line(capfd)["predictions"]]
    served = (
        "import json, sys, tensorflow as tf\n"
        "model = tf.saved_model.load(sys.argv[1])\n"
        "contents = tf.constant([open(name, 'rb').read() for name in sys.argv[2:]])\n"
        "out = model.signatures['serving_default'](picture=contents)\n"
        "print(json.dumps([text.decode() for text in out['caption'].numpy()]))\n"
        "assert not [name for name in sys.modules if name.startswith(('rnn_keras', 'apps'))]\n"
    )
    written = (
        "import json, sys\n"
        "from rnn_keras.runtime.litert_seq2seq import LiteRTSeq2Seq\n"
        "answers = LiteRTSeq2Seq(sys.argv[1]).predict([open(name, 'rb').read() for name in sys.argv[2:]])\n"
        "print(json.dumps([answer['caption'] for answer in answers]))\n"
        "assert not {'tensorflow', 'keras', 'apps'} & set(sys.modules)\n"
    )
    for program, path in ((served, "1"), (written, "captioning.tflite")):
        arguments = [sys.executable, "-c", program, str(tmp_path / "captioning" / path), *map(str, files)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout.splitlines()[-1]) == expected


def small_eye(eye, side):
    """Stands for a frozen network: the picture itself, 8 x 8."""
    pixels = keras.Input((side, side, 3), dtype="uint8")
    return keras.Model(pixels, keras.layers.AveragePooling2D(side // 8)(keras.layers.Rescaling(1 / 255)(pixels)))


def test_a_frozen_encoder_looks_once_and_is_kept(shapes, tmp_path, monkeypatch, capfd):
    looked = []
    monkeypatch.setattr(encoders, "applications_model", lambda *given: looked.append(given) or small_eye(*given))
    options = ("--encoder", "keras:Small", "--size", 32, "--cache-dir", tmp_path / "cache", "--units", 16)
    options += ("--embedding-units", 16, "--epochs", 2, "--warm-up", 0)
    command("train", "--dataset", shapes, "--run-dir", tmp_path / "run", *options, "--json")
    stored = last_line(capfd)["test"]
    (file,) = (tmp_path / "cache" / "picture_features").iterdir()
    features = np.load(file)
    assert features.shape == (96, 2, 64, 3) and features.dtype == np.float16
    mirrored = features[:, 1].reshape(96, 8, 8, 3)[:, :, ::-1].reshape(96, 64, 3)
    np.testing.assert_allclose(mirrored, features[:, 0], atol=1e-3)

    looked.clear()
    data = load(
        CaptioningConfig(dataset=str(shapes), encoder="keras:Small", size=32, cache_dir=str(tmp_path / "cache"))
    )
    assert not looked and data.arrays.shape == features.shape
    # The saved model holds the encoder: nothing is made anew.
    command("evaluate", "--run-dir", tmp_path / "run", "--json")
    assert last_line(capfd)["bleu1"] == stored["bleu1"] and not looked

    file.write_bytes(file.read_bytes()[:1000])
    load(CaptioningConfig(dataset=str(shapes), encoder="keras:Small", size=32, cache_dir=str(tmp_path / "cache")))
    assert looked
    np.testing.assert_array_equal(np.load(file), features)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("vgg16", lambda pixels: pixels[..., ::-1] - [103.939, 116.779, 123.68]),  # as Caffe had it: blue comes first
        ("densenet", lambda pixels: (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),  # as torch has it
        ("mobilenet_v2", lambda pixels: pixels / 127.5 - 1),
    ],
)
def test_the_preparation_of_pixels_is_in_the_saved_model(tmp_path, monkeypatch, module, expected):
    """Of what keras.applications calls caffe, torch and tf; in the network's place something that changes nothing."""

    def build(include_top, weights, input_shape):
        return keras.Sequential([keras.Input(input_shape), keras.layers.AveragePooling2D(1)])

    build.__module__ = getattr(keras.applications, module).preprocess_input.__module__
    monkeypatch.setattr(keras.applications, "Small", build, raising=False)
    encoders.build_backbone(CaptioningConfig(encoder="keras:Small", size=32)).save(tmp_path / "model.keras")
    pixels = np.random.default_rng(0).integers(256, size=(2, 32, 32, 3)).astype("uint8")
    seen = keras.models.load_model(tmp_path / "model.keras")(pixels)

    np.testing.assert_allclose(seen, expected(pixels).reshape(2, 1024, 3), atol=1e-3)


def test_a_disk_too_small_for_the_features_is_a_sentence(tmp_path, monkeypatch):
    asked = []

    def full(file, start, size):
        asked.append(size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    eye = keras.Sequential([keras.Input((32, 32, 3), dtype="uint8"), keras.layers.Reshape((64, 48))])
    pictures = CaptionedImages("some", [["a"]] * 500, [], {}, None, "fingerprint")
    with pytest.raises(UserError, match=r"cannot write .*keras-Small.*No space left"):
        all_features(pictures, "keras:Small", 32, str(tmp_path), lambda: eye)
    assert asked[0] > 500 * 2 * 64 * 48 * 2 and not list((tmp_path / "picture_features").iterdir())


def test_efficientnet_knows_what_is_on_photographs(fetched):
    from sklearn.datasets import load_sample_images

    network = build_efficientnet(classes=True)
    fill(network, read_tensors(fetched(WEIGHTS)))
    china, flower = (image[:, 106:533] for image in load_sample_images().images)
    pixels = np.stack([decode_image(encode_images([image])[0], SIZE, 3, stretch=True) for image in (china, flower)])
    likely = tf.nn.softmax(network(pixels, training=False)).numpy()

    palace, bell_cote, daisy = 698, 442, 985  # ImageNet's classes
    assert likely[0].argmax() == palace and likely[0, bell_cote] > 0.1
    assert likely[1].argmax() == daisy
    assert (
        sum(weight.shape.num_elements() for weight in network.trainable_weights) == 4_652_008
    )  # the paper's 4.7 million


class TestScores:
    def test_bleu_is_sacrebleus_over_all_references(self):
        texts = ["A dog runs, fast.", "two men"]
        references = [["a dog is running fast", "the dog runs"], ["Two men!"]]
        scores, signature = bleu_scores(texts, references)

        columns = [["a dog is running fast", "two men"], ["the dog runs", None]]
        plainly = ["a dog runs fast", "two men"]
        expected = sacrebleu.corpus_bleu(plainly, columns, tokenize="none", smooth_method="none").precisions
        # BLEU-1: six of six words; BLEU-2: "a dog", "dog runs" and "two men" of four pairs; as long as the references.
        assert scores["bleu1"] == 1.0 and expected[0] == 100
        assert scores["bleu2"] == pytest.approx((1.0 * 0.75) ** 0.5, abs=1e-4) and expected[1] == 75
        assert scores["bleu4"] == 0.0
        assert "nrefs:var" in signature and "smooth:none" in signature

    def test_words_are_plain(self):
        assert words("A man's T-shirt, “red”!") == ["a", "mans", "t", "shirt", "red"]
        assert words("红色的 T恤") == ["红", "色", "的", "t", "恤"]
        assert plain("!?") == "!?"

    def test_naming_by_chance_is_the_mean_over_other_pictures(self):
        texts = ["a red cat", "a cat", "a dog"]
        references = [["the cat"], ["a small cat"], ["a wolf"]]

        named, chance = kinds_named(texts, references, ["x", "y", "z"])
        # Of six ways to exchange two, cat meets cat in two.
        assert (named, chance) == (pytest.approx(2 / 3), pytest.approx(2 / 6))
        named, chance = kinds_named(texts, references, ["x", "x", "z"])
        assert (named, chance) == (pytest.approx(1 / 2), 0)

    def test_naming_is_what_all_pairs_of_captions_and_pictures_say(self):
        generator = np.random.default_rng(0)
        texts = [" ".join(generator.choice(list("bcdefghijk"), 2)) for _ in range(60)]
        references = [[" ".join(generator.choice(list("bcdefghijk"), 3)) for _ in range(2)] for _ in range(60)]
        groups = generator.integers(20, size=60).astype(str)
        common = np.array(
            [[bool(set(words(text)) & set(words(" ".join(row)))) for row in references] for text in texts]
        )
        weights = 1 / np.array([np.sum(groups == group) for group in groups])
        pairs = np.outer(weights, weights) * (groups[:, None] != groups)

        named, chance = kinds_named(texts, references, list(groups))
        assert named == pytest.approx(np.average(np.diagonal(common), weights=weights))
        assert chance == pytest.approx((common * pairs).sum() / pairs.sum()) and 0 < chance < 1


@pytest.mark.parametrize("settings", VARIANTS, ids=lambda settings: "-".join(map(str, settings.values())))
class TestModel:
    WORDS = 15

    def batches(self, captions=9):
        generator = np.random.default_rng(2)
        colors = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 0], [0, 250, 250], [0, 0, 0]], np.uint8)
        pictures = np.tile(colors[:, None, None, None], (1, 1, 32, 32, 1))
        pictures[..., 16:, :] = colors[::-1, None, None, None]
        targets = [generator.integers(4, self.WORDS, generator.integers(1, 6)) for _ in range(captions)]
        targets = [np.concatenate([[2], ids, [3]]).astype("int32") for ids in targets]
        return PictureBatches(pictures, np.arange(captions) % 6, targets, captions, shuffle=False)

    def compiled(self, settings, blind=0.0):
        keras.utils.set_random_seed(1)
        config = CaptioningConfig(
            **{
                "encoder": "cnn",
                "units": 12,
                "embedding_units": 10,
                "filters": 4,
                "dropout": 0.0,
                "size": 32,
                "shift": 0.0,
                "blind": blind,
                **settings,
            }
        )
        network = build_network(config, (32, 32, 3), self.WORDS, encoders.build_backbone(config))
        loss = SmoothedCrossentropy(0.0)
        network.compile(optimizer=keras.optimizers.Adam(0.02), loss=loss, weighted_metrics=["accuracy"])
        return network

    def test_one_step_moves_every_weight(self, settings):
        network = self.compiled(settings, blind=0.5)
        before = [weight.numpy() for weight in network.trainable_variables]
        network.fit(self.batches().dataset(), epochs=1, verbose=0)

        # Without attention nothing asks what is at a place.
        unseen = ("project", "no_place") if settings["attention"] == "none" else ()
        for weight, old in zip(network.trainable_variables, before, strict=True):
            assert np.any(weight.numpy() != old) or any(name in weight.path for name in unseen), weight.path

    def test_it_overfits_one_batch(self, settings):
        network = self.compiled(settings)
        batch = self.batches(6).dataset()  # a caption of each picture: of two, none can be learnt by heart
        network.fit(batch.repeat(), steps_per_epoch=120, verbose=0)

        assert network.evaluate(batch, verbose=0)[1] == 1.0

    def test_steps_one_by_one_give_what_teacher_forcing_gives(self, settings):
        network = self.compiled(settings)
        (picture, written), _, _ = next(iter(self.batches().dataset()))
        expected = network([picture, written], training=False).numpy()
        decoder = network.get_layer("decoder")
        memory, states = decoder.begin(
            *network.get_layer("reader")(network.get_layer("backbone")(picture, training=False))
        )
        for place in range(written.shape[1]):
            logits, states = decoder.step(written[:, place], states, memory)
            np.testing.assert_allclose(logits, expected[:, place], atol=1e-5)


def test_a_view_is_drawn_for_each_caption_and_epoch():
    pictures = np.arange(8, dtype=np.uint8).reshape(4, 2, 1)
    targets = [np.array([2, 5, 3], np.int32)] * 400
    places = np.arange(400) % 4
    batches = PictureBatches(pictures, places, targets, 50, shuffle=True, seed=1)
    epochs = []
    for epoch in (0, 1, 0):
        given = [batches.batch(indices)[0][:, 0] for indices in batches.plan(epoch)]
        epochs.append(np.concatenate(given))
        assert np.bincount(epochs[-1] // 2).tolist() == [100] * 4
        assert 150 < np.sum(epochs[-1] % 2) < 250
    assert np.array_equal(epochs[0], epochs[2]) and not np.array_equal(epochs[0], epochs[1])
    still = PictureBatches(pictures, places, targets, 50, shuffle=False)
    assert not any((still.batch(indices)[0] % 2).any() for indices in still.plan(0))


def test_a_blind_decoder_says_the_same_of_every_picture(shapes):
    keras.utils.set_random_seed(1)
    config = CaptioningConfig(
        dataset=str(shapes), encoder="cnn", size=32, filters=4, units=8, embedding_units=8, blind=1.0, beam_width=2
    )
    data = load(config)
    network = CaptioningApp().build(config, data, config.make_optimizer(1))
    captioner = Captioner(build_captioner(config, network, network.get_layer("backbone"), data.vocabulary))
    texts = captioner.write(data.arrays[:9, 0]).texts

    assert set(texts) == {captioner.without_picture(data.arrays[:9, 0])}
