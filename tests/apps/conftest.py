"""The apps' fast tests run the layers as plain graphs: to compile tiny networks takes longer than to train them."""

import pytest

from rnn_keras.layers import fast_path


@pytest.hookimpl(tryfirst=True)  # before the fixtures, which train
def pytest_runtest_setup(item):
    fast_path.COMPILE = item.get_closest_marker("slow") is not None


@pytest.fixture
def plain_graphs(monkeypatch):
    """The same for a slow test in which nothing depends on how the layers run."""
    monkeypatch.setattr(fast_path, "COMPILE", False)


def pytest_runtest_teardown(item):
    fast_path.COMPILE = True
