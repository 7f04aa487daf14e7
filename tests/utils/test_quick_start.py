import atexit
import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnn_keras.utils.quick_start import collect_garbage_less

PROGRAM = """
import atexit, gc, sys
# Runs after all that is registered later, as it was registered first.
atexit.register(lambda: print(gc.get_freeze_count() > 100_000, file=sys.__stdout__))
from rnn_keras.utils.quick_start import start_quickly
start_quickly()
start_quickly()
import keras
print([name for name in ("sklearn", "matplotlib.pyplot") if name in sys.modules])
from matplotlib import pyplot
from sklearn.base import BaseEstimator
print(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).count_params(), pyplot.Figure, BaseEstimator)
print(gc.get_threshold())
"""


@pytest.mark.slow
def test_keras_is_imported_without_what_it_seldom_needs_and_all_others_have_it():
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}  # without what the tests change
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    first, second, third, last = done.stdout.splitlines()
    assert first == "[]"
    assert second.startswith("3 <class 'matplotlib.figure.Figure'>")
    assert third == "(50000, 10, 10)"  # of the garbage collector, which at the end leaves all objects alone
    assert last == "True"


def test_a_threshold_that_a_program_has_set_is_kept(monkeypatch):
    monkeypatch.setattr(atexit, "register", lambda function: None)
    before = gc.get_threshold()
    try:
        gc.set_threshold(1234, 5, 6)
        collect_garbage_less()
        assert gc.get_threshold() == (1234, 5, 6)
    finally:
        gc.set_threshold(*before)
