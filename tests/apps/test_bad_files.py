"""No bad file brings a command to a traceback, to a wrong answer, or to a loss of what was there."""

import importlib
import shutil

import numpy as np
import pytest

from tests.helpers.bad_files import CASES, COPY, RUN


def app_of(name):
    words = "".join(word.capitalize() for word in name.split("_"))
    return getattr(importlib.import_module(f"apps.{name}.__main__"), f"{words}App")()


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("runs") / "digits"
    sizes = ["--filters", "4", "--units", "8", "--epochs", "1"]
    app_of("digits").main(["train", "--run-dir", str(run_dir), *sizes])
    return run_dir


@pytest.fixture(scope="session")
def video_tagging_run(tmp_path_factory):
    folder, run_dir = tmp_path_factory.mktemp("videos"), tmp_path_factory.mktemp("runs") / "video_tagging"
    generator = np.random.default_rng(1)
    for number in range(30):
        tags = generator.integers(2, size=20)
        np.savez(folder / f"{number}.npz", features=np.eye(2, dtype=np.float32)[tags], tags=tags)
    sizes = ["--units", "4", "--projection", "4", "--epochs", "1", "--members", "1"]
    app_of("video_tagging").main(["train", "--dataset", str(folder), "--run-dir", str(run_dir), *sizes])
    return run_dir


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_there_are_many():
    assert len(CASES) >= 110


@pytest.mark.parametrize("name", CASES)
def test_a_bad_file_is_one_sentence(name, request, tmp_path, capfd):
    app, write, arguments, words = CASES[name]
    run = request.getfixturevalue(f"{app}_run") if {RUN, COPY} & set(arguments) else None
    files = tmp_path / "files"
    files.mkdir()
    if COPY in arguments or any("run/" in argument for argument in arguments):
        shutil.copytree(run or request.getfixturevalue(f"{app}_run"), files / "run")
    write(files)
    places = {RUN: str(run), COPY: str(files / "run")}
    arguments = [places.get(argument, argument.replace("{}", str(files))) for argument in arguments]
    if arguments[0] == "train":
        arguments += ["--run-dir", str(tmp_path / "new")]
    before = contents(files)
    capfd.readouterr()

    with pytest.raises(SystemExit) as ended:
        app_of(app).main(arguments)

    out, err = capfd.readouterr()
    sentence = err.strip().splitlines()[-1]
    assert ended.value.code == 2, (out, err)
    assert sentence.startswith("error: ") and words in sentence
    assert "Traceback" not in err and "Traceback" not in out
    assert len(sentence) < 1000
    assert contents(files) == before
    assert not (tmp_path / "new").exists()
