"""The apps' fast tests run the layers as plain graphs: to compile tiny networks takes longer than to train them."""

import pytest

from rnn_keras.layers import fast_path


@pytest.hookimpl(tryfirst=True)  # before the fixtures, which train
def pytest_runtest_setup(item):
    fast_path.COMPILE = item.get_closest_marker("slow") is not None


def pytest_runtest_teardown(item):
    fast_path.COMPILE = True
