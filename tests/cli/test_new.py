"""The command `new`: the app that it writes trains at once on a file of the user's, anywhere."""

import importlib
import json
import re
import subprocess
import sys

import pytest

from rnn_keras.cli.new import TEMPLATES, create_app
from rnn_keras.cli.protocols import Exportable
from rnn_keras.cli.settings import load_finished_run
from rnn_keras.utils.errors import UserError
from tests.helpers.environment import ROOT, make_environment

LIKE = sorted(template.name for template in TEMPLATES.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("like", LIKE)
def test_the_apps_own_test_passes_in_a_package_of_the_users(like, tmp_path, monkeypatch, capsys):
    package = tmp_path / f"my_{like}"
    package.mkdir()
    (package / "__init__.py").write_text("")
    folder = create_app("mood", like, package)
    monkeypatch.syspath_prepend(tmp_path)
    test = importlib.import_module(f"{package.name}.mood.test_mood")
    test.test_train_and_predict(tmp_path, capsys)

    app = importlib.import_module(f"{package.name}.mood.__main__").MoodApp()
    if isinstance(app, Exportable):
        run = ["--run-dir", str(tmp_path / "run"), "--saved-models", str(tmp_path / "saved")]
        app.main(["export", *run, "--formats", "litert", "--examples", "20", "--json"])
        [row] = json.loads(capsys.readouterr().out.splitlines()[-1])["report"][1:]
        assert row["agreement"] == 1
    if like == "series_classifier":  # an int8 file reads the longest series, or, without examples, as it was calibrated
        finished = load_finished_run(app, tmp_path / "run")
        specs = [app.export_spec(finished.model, finished.config, examples) for examples in (0, 20)]
        assert [spec.conversion.steps for spec in specs] == [None, 9]

    files = [path for path in folder.iterdir() if path.suffix == ".py"]
    assert sum(len(path.read_text().splitlines()) for path in files) <= 150
    code = "import rnn_keras; print(rnn_keras.load('run').name)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=make_environment()
    )
    assert done.stdout.strip() == "mood", done.stderr
    if like != LIKE[0]:
        return
    done = subprocess.run(
        [sys.executable, "-m", f"{package.name}.mood", "train", "--epocs", "3"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=make_environment(),
    )
    assert done.returncode == 2 and "--epochs" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("like", LIKE)
def test_it_has_no_word_of_the_applications(like, tmp_path):
    folder = create_app("zzz", like, tmp_path)
    apps = "|".join(path.parent.name for path in ROOT.glob("apps/*/__main__.py"))
    for path in folder.iterdir():
        text = path.read_text()
        assert not re.search(rf"\b({apps}|apps)\b", text.replace("rnn_keras", "")), path
        assert "{{" not in text


@pytest.mark.parametrize("name", ["Mood", "2moods", "my-app", "class", "a.b", ""])
def test_a_name_that_cannot_be_imported_is_one_sentence(name, tmp_path):
    with pytest.raises(UserError, match="cannot be the name of an app; expected small letters"):
        create_app(name, LIKE[0], tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["json", "test", "numpy", "rnn_keras"])
def test_a_name_that_hides_a_module_is_one_sentence(name, tmp_path):
    with pytest.raises(UserError, match=f"a module of this name is installed.*such as {name}_app"):
        create_app(name, LIKE[0], tmp_path)
    assert not any(tmp_path.iterdir())
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "__init__.py").write_text("")
    assert create_app(name, LIKE[0], tmp_path / "own").exists()  # it is own.json


def test_what_is_there_is_kept(tmp_path):
    create_app("mood", LIKE[0], tmp_path)
    (tmp_path / "mood" / "model.py").write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        create_app("mood", LIKE[0], tmp_path)
    assert (tmp_path / "mood" / "model.py").read_text() == "mine"


def test_the_console_command(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "rnn_keras", "new", "mood", "--to", tmp_path], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert "python -m mood train --dataset texts.csv" in done.stdout
    assert (tmp_path / "mood" / "__main__.py").exists()
