"""The digits app on tiny data, by its commands and by its parts."""

import io
import json
import subprocess
import sys

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from apps.digits.__main__ import DigitsApp
from apps.digits.config import DigitsConfig
from apps.digits.model import build_classifier, build_image_model
from apps.digits.plots import find_worst, plot_mistakes
from rnn_keras.data.batching import FixedBatches
from rnn_keras.data.image_classification import load_image_dataset, read_images
from rnn_keras.data.images import encode_images
from rnn_keras.training.fit import fit
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.utils.errors import UserError
from tests.helpers.new_process import load_in_a_new_process
from tests.helpers.run_files import RUN_FILES

CLASSES = ("beam", "cross", "pole")
SMALL = ("--size", "8", "--filters", "8", "--units", "16", "--batch-size", "16", "--learning-rate", "0.01")
VARIANTS = [{}, {"color": True, "shift": 0.0, "rotation": 0.0}, {"size": 12, "filters": 5}, {"size": 4}]
SLOW_VARIANTS = [VARIANTS[0], *(pytest.param(settings, marks=pytest.mark.slow) for settings in VARIANTS[1:])]


def command(*arguments):
    DigitsApp().main([str(argument) for argument in arguments])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


def draw_line(kind, generator, size=8):
    """A bright line on a dark ground, across, upright or both: `(size, size, 1)` uint8."""
    pixels = generator.integers(0, 60, (size, size, 1))
    row, column = generator.integers(1, size - 1, 2)
    if kind in ("beam", "cross"):
        pixels[row] = 200
    if kind in ("pole", "cross"):
        pixels[:, column] = 200
    return pixels.astype(np.uint8)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    generator = np.random.default_rng(4)
    folder = tmp_path_factory.mktemp("data") / "lines"
    for kind in CLASSES:
        (folder / kind).mkdir(parents=True)
        for number in range(60):
            (folder / kind / f"{number}.png").write_bytes(encode_images([draw_line(kind, generator)])[0])
    return folder


@pytest.fixture(scope="module")
def digits_run(pictures, tmp_path_factory):
    """A finished run on those pictures, that no test changes."""
    run_dir = tmp_path_factory.mktemp("runs") / "digits"
    command("train", "--dataset", pictures, "--run-dir", run_dir, "--epochs", 25, *SMALL)
    return run_dir


def test_a_run_leaves_what_is_promised(digits_run):
    metrics = json.loads((digits_run / "metrics.json").read_text())

    assert metrics["test"]["accuracy"] == 1.0
    assert {"total", "training"} <= set(metrics["seconds"])
    left = {path.name for path in digits_run.iterdir()}
    assert left == RUN_FILES
    figures = {path.name for path in (digits_run / "plots").iterdir()}
    assert figures == {"learning_curves.png", "confusion.png", "mistakes.png"}


def test_evaluate_gives_the_metrics_of_training_again(digits_run, capfd):
    command("evaluate", "--run-dir", digits_run, "--json")
    out = capfd.readouterr().out

    assert len(out.splitlines()) == 1
    metrics = json.loads(out)
    stored = json.loads((digits_run / "metrics.json").read_text())["test"]
    assert {name: metrics[name] for name in ("accuracy", "macro_f1", "examples")} == {
        name: stored[name] for name in ("accuracy", "macro_f1", "examples")
    }
    assert metrics["loss"] == pytest.approx(stored["loss"], abs=1e-6)


def test_evaluate_scores_other_data_by_the_models_classes(digits_run, tmp_path, capfd):
    generator = np.random.default_rng(9)
    for folder, kinds in {"Pole": ["pole"] * 3, "beam": ["beam", "beam", "pole"]}.items():
        (tmp_path / folder).mkdir()
        for number, kind in enumerate(kinds):
            # Larger than those of training: they are scaled to the model's size.
            large = np.repeat(np.repeat(draw_line(kind, generator), 3, axis=0), 3, axis=1)
            (tmp_path / folder / f"{number}.png").write_bytes(encode_images([large])[0])
    command("evaluate", "--run-dir", digits_run, "--dataset", tmp_path, "--split", "all", "--json")

    metrics = last_line(capfd)
    assert (metrics["accuracy"], metrics["examples"]) == (pytest.approx(5 / 6), 6)


def test_predict_answers_each_picture(digits_run, pictures, tmp_path, monkeypatch, capfd):
    jpeg = tmp_path / "a cross.jpg"
    Image.open(pictures / "cross" / "1.png").convert("RGB").save(jpeg, quality=95)
    files = [pictures / "beam" / "0.png", jpeg, pictures / "pole" / "5.png"]
    command("predict", "--run-dir", digits_run, "--json", *files)
    predictions = last_line(capfd)["predictions"]

    assert [answer["label"] for answer in predictions] == ["beam", "cross", "pole"]
    assert all(1 / 3 < answer["score"] <= 1 for answer in predictions)

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(map(str, files)).encode())))
    command("predict", "--run-dir", digits_run, "--json")
    assert last_line(capfd)["predictions"] == predictions


@pytest.mark.slow
def test_a_new_process_loads_the_model_with_one_import(digits_run):
    assert load_in_a_new_process("apps.digits.model", digits_run, "print(model.name)") == "digits"


def test_what_was_seen_before_changes_no_answer(digits_run, pictures, capfd):
    """There is no memory: the answers for pictures in any company and order are those for each alone."""
    files = [pictures / kind / f"{number}.png" for number in range(4) for kind in CLASSES]
    answers = []
    for order in (files, files[::-1]):
        command("predict", "--run-dir", digits_run, "--json", *order)
        answers.append([answer["score"] for answer in last_line(capfd)["predictions"]])

    np.testing.assert_allclose(answers[0], answers[1][::-1], atol=1e-6)


def test_the_users_mistakes_are_one_sentence(digits_run, pictures, tmp_path, capfd):
    (tmp_path / "damaged.png").write_bytes((pictures / "beam" / "0.png").read_bytes()[:40])
    (tmp_path / "flat").mkdir()
    train = ("train", "--run-dir", tmp_path / "run", "--dataset")
    for arguments, sentence in (
        (("predict", "--run-dir", digits_run, tmp_path / "damaged.png"), "damaged.png is not an image"),
        (("predict", "--run-dir", digits_run, tmp_path / "none.png"), "none.png cannot be read"),
        (("predict", "--run-dir", digits_run, ""), "cannot be read"),
        ((*train, tmp_path / "flat"), "flat holds no subfolders"),
        ((*train, tmp_path / "none"), "no such folder"),
        ((*train, "digitz"), "did you mean digits"),
        ((*train, "digits", "--size", 3), "--size must be at least 4, got 3"),
    ):
        with pytest.raises(SystemExit) as ended:
            command(*arguments)
        err = capfd.readouterr().err
        assert ended.value.code == 2 and "Traceback" not in err
        assert err.splitlines()[-1].startswith("error: ") and sentence in err.splitlines()[-1], err
    assert not (tmp_path / "run").exists()


def test_a_saved_model_file_predicts_the_same_from_files(digits_run, pictures):
    model = keras.models.load_model(digits_run / "model.keras")
    test = load_image_dataset(str(pictures), None, size=8, channels=1).splits["test"]
    out = model({"picture": tf.constant(encode_images(test.images))}, training=False)
    direct = model.get_layer("classifier").predict(test.images, verbose=0)

    np.testing.assert_allclose(out["probabilities"], direct, atol=1e-6)
    np.testing.assert_allclose(out["score"], direct.max(axis=1), atol=1e-6)
    assert [label.decode() for label in out["label"].numpy()] == [CLASSES[number] for number in direct.argmax(axis=1)]


def test_an_export_without_examples_writes_the_files(digits_run, tmp_path, export_here, capfd):
    command("export", "--run-dir", digits_run, "--saved-models", tmp_path, "--examples", 0, "--json")
    report = last_line(capfd)

    assert report["report"] == []
    assert sorted(path.name for path in (tmp_path / "digits").iterdir()) == [
        "1",
        "digits.tflite",
        "latest",
        "predict.py",
    ]


@pytest.mark.slow
def test_exported_files_take_bytes_and_pixels_and_answer_as_keras_does(
    digits_run, pictures, tmp_path, export_here, capfd
):
    formats = ("--formats", "saved_model,litert", "--quantize", "none,int8")
    command("export", "--run-dir", digits_run, "--saved-models", tmp_path, *formats, "--json")
    report = last_line(capfd)["report"]
    folder = tmp_path / "digits"

    assert [(row["format"], row["quantisation"]) for row in report] == [
        ("keras", "none"),
        ("saved_model", "none"),
        ("litert", "none"),
        ("litert", "int8"),
    ]
    assert report == json.loads((folder / "report.json").read_text())
    assert all(row["agreement"] == row["accuracy"] == 1 for row in report)
    assert all(row["largest_difference"] < 1e-5 for row in report[:3])

    # Files as they come, of two formats and several sizes, by programs that know nothing of this project's models.
    files = [pictures / "cross" / "1.png", tmp_path / "large.jpg", pictures / "pole" / "5.png"]
    Image.open(pictures / "beam" / "0.png").resize((40, 32)).save(files[1], quality=95)
    command("predict", "--run-dir", digits_run, "--json", *files)
    expected = last_line(capfd)["predictions"]
    serving = (
        "import json, sys, tensorflow as tf\n"
        "model = tf.saved_model.load(sys.argv[1])\n"
        "contents = tf.constant([open(name, 'rb').read() for name in sys.argv[2:]])\n"
        "out = model.signatures['serving_default'](picture=contents)\n"
        "answers = zip(out['label'].numpy(), out['score'].numpy(), strict=True)\n"
        "print(json.dumps([{'label': label.decode(), 'score': float(score)} for label, score in answers]))\n"
        "assert not [name for name in sys.modules if name.startswith(('rnn_keras', 'apps'))]\n"
    )
    arguments = [sys.executable, "-c", serving, str(folder / "1"), *map(str, files)]
    assert_alike(subprocess.run(arguments, capture_output=True, text=True, cwd=tmp_path, check=True).stdout, expected)

    np.save(tmp_path / "pixels.npy", read_images(files, 8, 1))
    on_device = (
        "import json, sys\n"
        "import numpy as np\n"
        "from rnn_keras.runtime import LiteRTModel\n"
        "model = LiteRTModel(sys.argv[1])\n"
        "pixels = np.load(sys.argv[2])\n"
        "print(json.dumps(model.predict(pixels)))\n"
        "(probabilities,) = model.run(pixels[:1])\n"
        "assert probabilities.shape == (1, 3) and abs(probabilities.sum() - 1) < 0.02\n"
        "assert not {'tensorflow', 'keras', 'apps'} & set(sys.modules)\n"
    )
    for file, tolerance in (("digits.tflite", 1e-5), ("digits_int8.tflite", 0.1)):
        arguments = [sys.executable, "-c", on_device, str(folder / file), str(tmp_path / "pixels.npy")]
        assert_alike(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout, expected, tolerance)


def assert_alike(printed, expected, tolerance=1e-5):
    answers = json.loads(printed.splitlines()[-1])
    assert [answer["label"] for answer in answers] == [answer["label"] for answer in expected]
    scores = [[answer["score"] for answer in some] for some in (answers, expected)]
    np.testing.assert_allclose(*scores, atol=tolerance)


@pytest.mark.parametrize("settings", SLOW_VARIANTS, ids=lambda settings: "-".join(map(str, settings)) or "default")
class TestModel:
    def batch(self, config):
        generator = np.random.default_rng(2)
        size = config.size or 8
        images = np.stack([draw_line(CLASSES[number % 3], generator, size) for number in range(18)])
        return FixedBatches(
            [np.repeat(images, (3 if config.color else 1), axis=-1), np.arange(18, dtype=np.int32) % 3],
            18,
            shuffle=False,
        ).dataset()

    def compiled(self, settings, **more):
        keras.utils.set_random_seed(1)
        config = DigitsConfig(**{"filters": 8, "units": 16, **settings, **more})
        size = config.size or 8
        classifier = build_classifier(config, (size, size, (3 if config.color else 1)), 3)
        classifier.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return classifier, self.batch(config)

    def test_one_step_moves_every_weight(self, settings):
        classifier, batch = self.compiled(settings, dropout=0.0)
        before = [weight.numpy() for weight in classifier.trainable_variables]
        classifier.fit(batch, epochs=1, verbose=0, shuffle=False)

        assert before
        for weight, old in zip(classifier.trainable_variables, before, strict=True):
            assert np.any(weight.numpy() != old), weight.path

    def test_it_overfits_one_batch(self, settings):
        classifier, batch = self.compiled(settings, dropout=0.0, shift=0.0, rotation=0.0)
        classifier.fit(batch.repeat(), steps_per_epoch=120, verbose=0, shuffle=False)

        assert classifier.evaluate(batch, verbose=0)[1] == 1.0


@pytest.mark.slow
def test_an_interrupted_run_resumes_as_if_it_had_not_been(tmp_path):
    """The order of the images, their random shifts, dropout, and the averages of the normalisation."""
    generator = np.random.default_rng(5)
    columns = [np.stack([draw_line(CLASSES[number % 3], generator) for number in range(40)]), np.arange(40) % 3]
    batches = FixedBatches(columns, 8, shuffle=True, seed=3)
    losses = []
    for folder, stops in (("uninterrupted", [4]), ("interrupted", [2, 4])):
        for epochs in stops:
            keras.utils.set_random_seed(1)
            classifier = build_classifier(DigitsConfig(filters=4, units=8), (8, 8, 1), 3)
            classifier.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
            validation = FixedBatches(columns, 40, shuffle=False).dataset()
            settings = {"steps_per_epoch": 5, "epochs": epochs, "patience": 9, "monitor": "val_loss"}
            rows, _ = fit(classifier, batches.endless, validation, RunDirectory(tmp_path / folder), **settings)
        losses.append([(row["loss"], row["val_loss"]) for row in rows])

    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


def test_augmentation_is_for_training_alone():
    keras.utils.set_random_seed(1)
    classifier = build_classifier(DigitsConfig(dropout=0.0, shift=0.3, rotation=0.2), (8, 8, 1), 3)
    images = np.stack([draw_line("cross", np.random.default_rng(1))] * 2)

    still = classifier(images, training=False).numpy()
    np.testing.assert_array_equal(still[0], still[1])
    moved = classifier(images, training=True).numpy()
    assert np.abs(moved[0] - moved[1]).max() > 1e-3


def test_labels_come_from_the_classes_of_the_data():
    classifier = build_classifier(DigitsConfig(filters=4, units=8), (8, 8, 1), 2)
    model = build_image_model(classifier, ["[UNK]", "b"])  # Keras's own word for the unknown
    contents = encode_images([draw_line("beam", np.random.default_rng(seed)) for seed in range(8)])
    out = model({"picture": tf.constant(contents)})

    expected = np.array(["[UNK]", "b"])[out["probabilities"].numpy().argmax(axis=1)]
    assert [label.decode() for label in out["label"].numpy()] == expected.tolist()


def test_the_worst_are_those_whose_true_class_is_least_likely():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.05, 0.95]])
    labels = np.array([0, 0, 1, 1])
    assert find_worst(probabilities, labels, 3).tolist() == [1, 2, 0]

    images = np.zeros((4, 8, 8, 3), np.uint8)
    figure = plot_mistakes(images, labels, probabilities, ["a", "b"])
    titles = [axis.get_title() for axis in figure.axes[:4]]
    assert titles == ["b (80%)\ntrue: a", "a (60%)\ntrue: b", "a (90%)\ntrue: a", "b (95%)\ntrue: b"]
    assert [axis.title.get_color() for axis in figure.axes[:4]] == ["firebrick", "firebrick", "black", "black"]
    plt.close(figure)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"units": 0}, "--units must be at least 1, got 0"),
        ({"dropout": 1.0}, "--dropout must be at least 0 and below 1, got 1.0"),
        ({"shift": -0.1}, "--shift must be at least 0 and below 1, got -0.1"),
        ({"size": 2}, "--size must be at least 4, got 2"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        DigitsConfig(**settings)
