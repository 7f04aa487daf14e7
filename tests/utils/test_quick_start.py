import subprocess
import sys

import pytest

PROGRAM = """
import sys
from rnn_keras.utils.quick_start import import_less_with_keras
import_less_with_keras()
import_less_with_keras()
import keras
print([name for name in ("sklearn", "matplotlib.pyplot") if name in sys.modules])
from matplotlib import pyplot
from sklearn.base import BaseEstimator
print(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).count_params(), pyplot.Figure, BaseEstimator)
"""


@pytest.mark.slow
def test_keras_is_imported_without_what_it_seldom_needs_and_all_others_have_it():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first == "[]"
    assert second.startswith("3 <class 'matplotlib.figure.Figure'>")
