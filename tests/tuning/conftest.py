"""What the tests of searches share."""

import json
from pathlib import Path

import pytest


@pytest.fixture
def workers_find_the_app(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


@pytest.fixture
def stored():
    def read(run_dir):
        """The trials on the disk, by their ids."""
        files = sorted((run_dir / "tune").glob("trial_*/trial.json"))
        return {file.parent.name.removeprefix("trial_"): json.loads(file.read_text()) for file in files}

    return read
