"""No bad file leads to a traceback, to a wrong answer, or to the loss of other files."""

import importlib
import shutil

import numpy as np
import pytest

from tests.helpers.bad_files import CASES, COPY, RUN
from tests.helpers.hourly_series import write_hours
from tests.helpers.tiny_app import PlainApp

# One epoch each: what a model predicts for a bad file does not matter.
SMALL = ("--units", "4", "--epochs", "1")


def make_app(name):
    if name == "plain":
        return PlainApp()
    class_name = "".join(word.capitalize() for word in name.split("_"))
    return getattr(importlib.import_module(f"apps.{name}.__main__"), f"{class_name}App")()


@pytest.fixture(scope="module")
def trained(tmp_path_factory, request):
    """The directory of a finished run of an app, by its name; trained when it is first used."""
    runs = {}

    def train(name):
        if name not in runs:
            runs[name] = tmp_path_factory.mktemp("runs") / name
            arguments = make_arguments[name]() if name in make_arguments else []
            make_app(name).main(["train", "--run-dir", str(runs[name]), *SMALL, *arguments])
        return runs[name]

    def make_videos():
        folder, generator = tmp_path_factory.mktemp("videos"), np.random.default_rng(1)
        for number in range(30):
            tags = generator.integers(2, size=20)
            np.savez(folder / f"{number}.npz", features=np.eye(2, dtype=np.float32)[tags], tags=tags)
        return ["--dataset", str(folder), "--projection", "4", "--ensemble-size", "1"]

    make_arguments = {
        "captioning": lambda: [
            *("--dataset", str(request.getfixturevalue("shapes"))),
            *("--encoder", "cnn", "--size", "32", "--filters", "4", "--embedding-units", "4"),
        ],
        "digits": lambda: ["--filters", "4"],
        "forecasting": lambda: [
            *("--dataset", str(write_hours(tmp_path_factory.mktemp("hours") / "hours.csv", hours=300))),
            *("--horizon", "6", "--lookback", "24", "--members", "1"),
        ],
        "sentiment": lambda: ["--dataset", str(request.getfixturevalue("reviews")), "--embedding-units", "4"],
        "video_tagging": make_videos,
    }
    return train


def read_files(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_there_are_many_cases():
    assert len(CASES) >= 110


# A case that needs a trained model of an app takes seconds for the training.
MARKED = [
    pytest.param(name, marks=pytest.mark.slow) if RUN in case.arguments and case.app != "plain" else name
    for name, case in CASES.items()
]


@pytest.mark.parametrize("name", MARKED)
def test_a_bad_file_is_one_sentence(name, trained, tmp_path, capfd):
    app, write, arguments, words = CASES[name]
    files = tmp_path / "files"
    files.mkdir()
    if COPY in arguments or any("run/" in argument for argument in arguments):
        shutil.copytree(trained(app), files / "run")
    write(files)
    paths = {RUN: str(trained(app)) if RUN in arguments else "", COPY: str(files / "run")}
    arguments = [paths.get(argument, argument.replace("{}", str(files))) for argument in arguments]
    if arguments[0] == "train":
        arguments += ["--run-dir", str(tmp_path / "new")]
    before = read_files(files)
    capfd.readouterr()

    with pytest.raises(SystemExit) as ended:
        make_app(app).main(arguments)

    out, err = capfd.readouterr()
    sentence = err.strip().splitlines()[-1]
    assert ended.value.code == 2, (out, err)
    assert sentence.startswith("error: ") and words in sentence
    assert "Traceback" not in err and "Traceback" not in out
    assert len(sentence) < 1000
    assert read_files(files) == before
    assert not (tmp_path / "new").exists()
