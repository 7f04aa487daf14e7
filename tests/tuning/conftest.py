"""What the tests of searches share."""

import json

import pytest

from tests.helpers.environment import make_environment
from tests.helpers.tiny_app import TinyApp


@pytest.fixture
def workers_find_the_app(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", make_environment()["PYTHONPATH"])


@pytest.fixture
def read_trials():
    def read(run_dir):
        """The trials on the disk, by their ids."""
        files = sorted((run_dir / "tune").glob("trial_*/trial.json"))
        return {file.parent.name.removeprefix("trial_"): json.loads(file.read_text()) for file in files}

    return read


@pytest.fixture
def tune(capfd):
    def run(run_dir, *arguments, app=TinyApp):
        """Searches by the command, in this process; returns its report."""
        epochs = () if "--epochs" in arguments else ("--epochs", "2")
        compare = () if "--compare" in arguments else ("--no-compare",)
        app().main(["tune", "--run-dir", str(run_dir), *epochs, *compare, "--json", *map(str, arguments)])
        return json.loads(capfd.readouterr().out.splitlines()[-1])

    return run
