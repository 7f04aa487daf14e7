"""Conversions inside the test process, which save the seconds that a process of its own takes to import TensorFlow."""

import pytest

from rnn_keras.export.litert import conversion as litert_conversion
from rnn_keras.export.litert import converter


@pytest.fixture
def in_process(monkeypatch):
    monkeypatch.setattr(litert_conversion, "run_converter", converter.main)
