"""The captioning app by its commands, on tiny data."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from apps.captioning import encoders
from apps.captioning.__main__ import CaptioningApp
from apps.captioning.config import CaptioningConfig
from apps.captioning.data import load_arrays, load_images
from rnn_keras.runtime import LiteRTSeq2Seq
from rnn_keras.training.run_directory import RunDirectory
from tests.helpers.new_process import load_in_a_new_process
from tests.helpers.run_files import RUN_FILES

pytestmark = pytest.mark.usefixtures("quick_models")


def command(*arguments):
    CaptioningApp().main([str(argument) for argument in arguments])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


@pytest.fixture
def model(captioning_run):
    return RunDirectory(captioning_run).load_model(("apps.captioning.model",))


def test_a_run_leaves_what_is_promised(captioning_run):
    metrics = json.loads((captioning_run / "metrics.json").read_text())
    test = metrics["test"]

    assert test["bleu1"] > 0.8 and test["bleu1"] > test["bleu1_without_image"] + 0.2
    assert test["content_word_match"] > test["content_word_match_by_chance"] + 0.2
    assert 0 < test["distinct_captions"] <= 1 and "tok:none" in test["signature"]
    [rewarded] = (captioning_run / "checkpoint").glob("fine_tuning-*")
    assert (rewarded / "history.csv").read_text().splitlines()[0].startswith("epoch,loss,reward,val_loss,val_reward")
    files = {path.name for path in captioning_run.iterdir()}
    assert files == RUN_FILES
    figures = {path.name for path in (captioning_run / "plots").iterdir()}
    assert {"learning_curves.png", "captions.png", "attention.png"} <= figures


def test_evaluate_gives_the_metrics_of_training_again(captioning_run, capfd):
    command("evaluate", "--run-dir", captioning_run, "--json")
    captured = capfd.readouterr()
    metrics, stored = json.loads(captured.out), json.loads((captioning_run / "metrics.json").read_text())["test"]

    for name in set(stored) - {"images_per_second"}:
        assert metrics[name] == stored[name], name
    assert "a reference" in captured.err


def test_predict_answers_any_image_and_plots_the_attention(captioning_run, shapes, tmp_path, capfd):
    plain_file = shapes / "images" / "0.png"
    image = Image.open(plain_file)
    image.convert("RGBA").save(tmp_path / "clear.png")
    image.convert("L").save(tmp_path / "grey.jpg")
    image.save(tmp_path / "moving.gif", save_all=True, append_images=[image.rotate(90)])
    image.resize((5000, 3000)).save(tmp_path / "huge.jpg")
    files = [plain_file, *(tmp_path / name for name in ("clear.png", "grey.jpg", "moving.gif", "huge.jpg"))]
    command("predict", "--run-dir", captioning_run, "--json", *files)
    captions = [answer["caption"] for answer in last_line(capfd)["predictions"]]

    assert len(captions) == 5 and captions[0] == captions[1] != ""
    for number in range(1, 6):
        assert (captioning_run / "plots" / f"prediction_{number}.png").stat().st_size > 3000


def test_the_users_mistakes_are_one_sentence(captioning_run, shapes, tmp_path, capfd):
    (tmp_path / "damaged.png").write_bytes((shapes / "images" / "0.png").read_bytes()[:60])
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not an image")
    train = ("train", "--run-dir", tmp_path / "run", "--dataset")
    for arguments, sentence in (
        (("predict", "--run-dir", captioning_run, tmp_path / "damaged.png"), "damaged.png is damaged"),
        (("predict", "--run-dir", captioning_run, tmp_path / "empty.png"), "empty.png is empty"),
        (("predict", "--run-dir", captioning_run, tmp_path / "text.png"), "text.png is not an image"),
        (("predict", "--run-dir", captioning_run, tmp_path / "none.png"), "none.png cannot be read"),
        ((*train, tmp_path), "has no folder images"),
        ((*train, shapes, "--encoder", "keras:Nonsense"), "keras.applications has no Nonsense"),
        (
            (*train, shapes, "--encoder", "vgg"),
            "--encoder must be auto, cnn, efficientnet_lite0 or keras:NAME, got vgg",
        ),
        ((*train, shapes, "--image-dropout", 2), "--image-dropout must be at least 0 and at most 1, got 2"),
    ):
        with pytest.raises(SystemExit) as ended:
            command(*arguments)
        err = capfd.readouterr().err
        assert ended.value.code == 2 and "Traceback" not in err
        assert err.splitlines()[-1].startswith("error: ") and sentence in err.splitlines()[-1], err


def test_a_damaged_image_of_the_data_is_named(shapes, tmp_path, capfd):
    (tmp_path / "images").mkdir()
    for file in (shapes / "images").iterdir():
        (tmp_path / "images" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "captions.tsv").write_bytes((shapes / "captions.tsv").read_bytes())
    (tmp_path / "images" / "7.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(SystemExit):
        command("train", "--dataset", tmp_path, "--encoder", "cnn", "--size", 32, "--run-dir", tmp_path / "run")

    assert "7.png is" in capfd.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_caption_does_not_depend_on_the_other_images_of_the_batch(model, shapes):
    config = CaptioningConfig(dataset=str(shapes), encoder="cnn", size=32)
    images = load_images(config, config.dataset, None)
    test = images.indices("test")
    contents = images.read_some(test)
    together = model({"picture": tf.constant(contents)}, training=False)
    alone = [model({"picture": tf.constant([content])}, training=False) for content in contents[:2]]
    arrays = load_arrays(model, config, images)
    captions = model.captioner.generate(arrays[:, 0], indices=test, batch_size=5).texts

    assert [text.decode() for text in together["caption"].numpy()] == captions
    assert [answer["caption"].numpy()[0].decode() for answer in alone] == captions[:2]


@pytest.mark.slow
def test_exported_files_caption_as_keras_does(captioning_run, model, shapes, tmp_path, export_here, capfd):
    command("export", "--run-dir", captioning_run, "--saved-models", tmp_path, "--examples", 0, "--json")
    assert last_line(capfd)["report"] == []
    folder = tmp_path / "captioning"
    assert sorted(path.name for path in folder.iterdir()) == ["1", "captioning.tflite", "latest", "predict.py"]

    contents = [(shapes / "images" / f"{number}.png").read_bytes() for number in range(4)]
    served = tf.saved_model.load(str(folder / "1")).signatures["serving_default"](picture=tf.constant(contents))
    expected = [answer.decode() for answer in model({"picture": tf.constant(contents)})["caption"].numpy()]
    assert [text.decode() for text in served["caption"].numpy()] == expected
    answers = LiteRTSeq2Seq(folder / "captioning.tflite").predict(contents)
    assert [answer["caption"] for answer in answers] == expected


@pytest.mark.slow
def test_exported_files_run_without_this_project(captioning_run, shapes, tmp_path, export_here, capfd):
    formats = ("--formats", "saved_model,litert,onnx")
    command("export", "--run-dir", captioning_run, "--saved-models", tmp_path, *formats, "--json")
    report = last_line(capfd)["report"]
    assert [row["format"] for row in report] == ["keras", "saved_model", "onnx", "litert"]
    assert all(row["agreement"] == 1 and row["bleu4"] >= 0 for row in report)

    files = [shapes / "images" / f"{number}.png" for number in range(4)]
    Image.open(files[3]).save(tmp_path / "a.jpg", quality=95)
    files[3] = tmp_path / "a.jpg"
    command("predict", "--run-dir", captioning_run, "--json", *files)
    expected = [answer["caption"] for answer in last_line(capfd)["predictions"]]
    use_saved_model = (
        "import json, sys, tensorflow as tf\n"
        "model = tf.saved_model.load(sys.argv[1])\n"
        "contents = tf.constant([open(name, 'rb').read() for name in sys.argv[2:]])\n"
        "out = model.signatures['serving_default'](picture=contents)\n"
        "print(json.dumps([text.decode() for text in out['caption'].numpy()]))\n"
        "assert not [name for name in sys.modules if name.startswith(('rnn_keras', 'apps'))]\n"
    )
    use_litert = (
        "import json, sys\n"
        "from rnn_keras.runtime import LiteRTSeq2Seq\n"
        "answers = LiteRTSeq2Seq(sys.argv[1]).predict([open(name, 'rb').read() for name in sys.argv[2:]])\n"
        "print(json.dumps([answer['caption'] for answer in answers]))\n"
        "assert not {'tensorflow', 'keras', 'apps'} & set(sys.modules)\n"
    )
    for program, path in ((use_saved_model, "1"), (use_litert, "captioning.tflite")):
        assert json.loads(run_python(program, tmp_path / "captioning" / path, *files)) == expected


@pytest.mark.slow
def test_a_new_process_loads_the_model_with_one_import(captioning_run, model, shapes):
    file = shapes / "images" / "0.png"
    use = (
        "contents = tf.constant([open(sys.argv[2], 'rb').read()])\n"
        "print(model({'picture': contents})['caption'].numpy()[0].decode())"
    )
    answer = load_in_a_new_process("apps.captioning.model", captioning_run, use, file)
    assert answer == model({"picture": tf.constant([file.read_bytes()])})["caption"].numpy()[0].decode()


def run_python(program, *arguments):
    line = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_a_run_with_a_frozen_encoder_holds_it(shapes, tmp_path, monkeypatch, capfd):
    builds = []

    def build(encoder, size):
        builds.append(encoder)
        pixels = keras.Input((size, size, 3), dtype="uint8")
        return keras.Model(pixels, keras.layers.AveragePooling2D(size // 8)(keras.layers.Rescaling(1 / 255)(pixels)))

    monkeypatch.setattr(encoders, "load_keras_application", build)
    options = ("--encoder", "keras:Small", "--size", 32, "--cache-dir", tmp_path / "cache", "--units", 16)
    options += ("--embedding-units", 16, "--epochs", 2, "--warm-up", 0)
    command("train", "--dataset", shapes, "--run-dir", tmp_path / "run", *options, "--json")
    stored = last_line(capfd)["test"]
    assert builds and np.load(*(tmp_path / "cache" / "image_features").iterdir()).shape == (96, 2, 64, 3)

    builds.clear()
    command("evaluate", "--run-dir", tmp_path / "run", "--json")
    assert last_line(capfd)["bleu1"] == stored["bleu1"] and not builds
