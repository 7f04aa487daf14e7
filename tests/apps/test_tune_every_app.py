"""Every app has a search space, and a search on tiny data ends well."""

import dataclasses
import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from rnn_keras.cli.app import App
from rnn_keras.tuning.space import Choice

APPS = sorted(path.parent.name for path in Path("apps").glob("*/__main__.py"))


def app_of(name):
    module = importlib.import_module(f"apps.{name}.__main__")
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, App)]
    (found,) = (kind for kind in kinds if kind is not App)
    return found()


SMALL = ("--units", "8", "--embedding-units", "8")  # given, so that no trial is large


def tiny(name, request):
    """Arguments with which the app learns from tiny data in seconds."""
    if name == "captioning":
        options = ["--encoder", "cnn", "--size", "32", "--filters", "4", *SMALL]
        return ["--dataset", str(request.getfixturevalue("shapes")), *options]
    if name == "digits":  # scikit-learn's own pictures
        return ["--dataset", "digits", "--size", "8", "--filters", "4", "--units", "8"]
    if name == "memory":
        return ["--length", "6", "--units", "8", "--epoch-steps", "3"]
    if name == "sentiment":
        return ["--dataset", str(request.getfixturevalue("reviews")), "--pairs", "64", *SMALL]
    if name == "translation":
        return ["--dataset", str(request.getfixturevalue("phrases")), "--script", "simplified", *SMALL]
    if name == "video_tagging":
        return [
            "--dataset",
            str(request.getfixturevalue("videos")),
            "--stride",
            "1",
            "--members",
            "1",
            "--units",
            "8",
            "--projection",
            "8",
        ]
    if name == "addition":
        return ["--dataset", "generated", "--digits", "2", "--examples", "300", "--units", "8"]
    if name == "wardrobe":
        return ["--dataset", "generated", "--diaries", "40", "--units", "8"]
    raise AssertionError(f"no tiny data for {name} yet: add them here, so that its search is tested")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    generator = np.random.default_rng(1)
    folder = tmp_path_factory.mktemp("videos")
    for number in range(30):
        tags = generator.integers(2, size=20 + number)
        np.savez(folder / f"{number}.npz", features=np.eye(2, dtype=np.float32)[tags], tags=tags)
    return folder


@pytest.mark.parametrize("name", APPS)
def test_the_search_space_fits_the_config(name):
    app = app_of(name)
    assert app.search_space
    for field, values in app.search_space.items():
        ends = values.values if isinstance(values, Choice) else (values.low, values.high)
        for value in ends:
            assert getattr(dataclasses.replace(app.config_class(), **{field: value}), field) == value
            default = getattr(app.config_class(), field)
            assert default is None or type(value) is type(default)


@pytest.mark.parametrize("name", APPS)
def test_loading_looks_at_nothing_that_is_searched(name, request):
    """The trials share the data, which must not depend on what they try."""
    app = app_of(name)
    arguments = tiny(name, request)
    default = app.config_class()
    fixed = {
        flag.removeprefix("--").replace("-", "_"): value
        for flag, value in zip(arguments[::2], arguments[1::2], strict=True)
    }
    plain = app.config_class(**{field: type(getattr(default, field))(value) for field, value in fixed.items()})
    looked_at = set()

    class Watched(app.config_class):
        def __getattribute__(self, attribute):
            looked_at.add(attribute)
            return super().__getattribute__(attribute)

    watched = Watched(**dataclasses.asdict(plain))
    looked_at.clear()  # what making it looked at
    app.load(watched)
    assert "dataset" in looked_at
    assert not looked_at & set(app.search_space)


@pytest.mark.parametrize("name", APPS)
def test_three_trials(name, request, tmp_path, capfd):
    app = app_of(name)
    arguments = ["tune", "--run-dir", str(tmp_path), "--max-trials", "3", "--tuner", "random", "--epochs", "1"]
    app.main([*arguments, "--no-compare", "--json", *tiny(name, request)])
    report = json.loads(capfd.readouterr().out.splitlines()[-1])

    assert len(report["trials"]) == 3 and not report["failed"]
    best = json.loads((tmp_path / "tune" / "best.json").read_text())
    assert app.config_class(**best)
    assert report["best"]["settings"] and report["best"]["settings"].items() <= best.items()
