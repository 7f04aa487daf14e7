"""Conversions inside the test process, which save the seconds that a process of its own takes to import TensorFlow."""

import pytest

from rnn_keras.export import converter, litert


@pytest.fixture
def in_process(monkeypatch):
    monkeypatch.setattr(litert, "run_converter", converter.main)
