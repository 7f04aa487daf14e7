"""The search space of every app that has one: it fits the config, the data do not depend on it, and a search works."""

import dataclasses
import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import tyro

from rnn_keras.cli import App, Tunable
from rnn_keras.tuning import Choice
from tests.helpers.hourly_series import write_hours

ROOT = Path(__file__).parents[2]


def load_app(module_name):
    module = importlib.import_module(module_name)
    classes = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, App)]
    [app_class] = [app_class for app_class in classes if app_class.__module__ == module_name]
    return app_class()


MODULES = sorted(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.glob("apps/**/__main__.py"))
# By the names of their folders, such as "digits" or "memory.language".
APPS = {
    name.removeprefix("apps.").removesuffix(".__main__"): name
    for name in MODULES
    if isinstance(load_app(name), Tunable)
}
# What makes each app learn from tiny data in seconds. The sizes are flags, so that no trial is large.
SMALL = ("--units", "8", "--embedding-units", "8")
SHALLOW = ("--cell", "simple_rnn", "--attention", "none", "--decoder-layers", "1")
ARGUMENTS = {
    "activity": (
        *("--dataset", "recordings", "--window", "32", "--stride", "16", "--reduction", "4"),
        *("--units", "8", "--filters", "4", "--batch-size", "16"),
    ),
    "addition": ("--dataset", "generated", "--digits", "2", "--examples", "300", "--units", "8"),
    "addition.seq2seq": ("--dataset", "generated", "--digits", "2", "--examples", "300", "--units", "8"),
    "captioning": ("--dataset", "shapes", "--encoder", "cnn", "--size", "32", "--filters", "4", *SMALL, *SHALLOW),
    "digits": ("--dataset", "digits", "--size", "8", "--filters", "4", "--units", "8"),  # scikit-learn's own images
    "forecasting": ("--dataset", "hours", "--horizon", "6", "--lookback", "24", "--units", "8", "--members", "1"),
    "language": ("--dataset", "story", "--window", "16", "--batch-size", "8", *SMALL[:2]),
    "memory": ("--length", "6", "--units", "8", "--steps-per-epoch", "3"),
    "sentiment": ("--dataset", "reviews", "--buckets", "64", *SMALL),
    "translation": ("--dataset", "phrases", "--script", "simplified", *SMALL, *SHALLOW, "--encoder-layers", "1"),
    "video_tagging": (
        *("--dataset", "videos", "--stride", "1", "--ensemble-size", "1", "--units", "8", "--projection", "8"),
    ),
    "wardrobe": ("--dataset", "generated", "--diaries", "40", "--units", "8"),
}
FAST = "memory"  # the app whose search takes the fewest seconds
FIXTURES = (
    "shapes",
    "reviews",
    "phrases",
    "story",
    "videos",
    "hours",
    "recordings",
)  # in place of a --dataset of their name


def list_arguments(name, request):
    assert name in ARGUMENTS, f"no tiny data for {name} yet: add them here, so that its search is tested"
    return [str(request.getfixturevalue(word)) if word in FIXTURES else word for word in ARGUMENTS[name]]


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    generator = np.random.default_rng(1)
    folder = tmp_path_factory.mktemp("videos")
    for number in range(30):
        tags = generator.integers(2, size=20 + number)
        np.savez(folder / f"{number}.npz", features=np.eye(2, dtype=np.float32)[tags], tags=tags)
    return folder


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    generator = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("recordings") / "recordings.csv"
    lines = ["person,record,x,y,label"]
    for number in range(12):
        for x, y in generator.normal(number % 2, 1, size=(48, 2)):
            lines.append(f"{number // 2},{number},{x:.3f},{y:.3f},{'ab'[number % 2]}")
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "story.txt"
    path.write_text("".join(f"The {number}th cat sat on mat {number * 7 % 31}.\n" for number in range(200)))
    return path


@pytest.fixture(scope="module")
def hours(tmp_path_factory):
    return write_hours(tmp_path_factory.mktemp("series") / "hours.csv", hours=300)


@pytest.mark.parametrize("name", APPS)
def test_the_search_space_fits_the_config(name):
    app = load_app(APPS[name])
    assert app.search_space
    for field, values in app.search_space.items():
        ends = values.values if isinstance(values, Choice) else (values.low, values.high)
        for value in ends:
            assert getattr(dataclasses.replace(app.config_class(), **{field: value}), field) == value
            default = getattr(app.config_class(), field)
            assert default is None or type(value) is type(default)


@pytest.mark.parametrize("name", APPS)
def test_loading_reads_no_setting_that_is_searched(name, request):
    """The trials share the data, which must not depend on what they try."""
    app = load_app(APPS[name])
    settings = dataclasses.asdict(tyro.cli(app.config_class, args=list_arguments(name, request)))
    read = set()

    class Recording(app.config_class):
        def __getattribute__(self, attribute):
            read.add(attribute)
            return super().__getattribute__(attribute)

    config = Recording(**settings)
    read.clear()  # of its creation
    app.load_data(config)
    assert "dataset" in read
    assert not read & set(app.search_space)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        (FAST, "float32"),
        *(pytest.param(name, "mixed_bfloat16", marks=pytest.mark.slow) for name in APPS),
    ],
)
def test_two_trials(name, dtype, request, plain_graphs, tmp_path, capfd):
    """In numbers of 16 bits, so that every app is trained in them once; in 32 bits each is trained by its own tests."""
    app = load_app(APPS[name])
    options = ("--max-trials", "2", "--tuner", "random", "--epochs", "1", "--no-compare", "--json")
    options += ("--dtype", dtype)
    arguments = list_arguments(name, request)
    app.main(["tune", "--run-dir", str(tmp_path), *options, *arguments])
    report = json.loads(capfd.readouterr().out.splitlines()[-1])

    assert len(report["trials"]) == 2 and not report["failed"]
    best = json.loads((tmp_path / "tune" / "best.json").read_text())
    assert app.config_class(**best)
    searched = set(app.search_space) - {argument.removeprefix("--").replace("-", "_") for argument in arguments}
    assert set(report["best"]["settings"]) == searched  # what a flag sets is not searched
    assert report["best"]["settings"].items() <= best.items()
