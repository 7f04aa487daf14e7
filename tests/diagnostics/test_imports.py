"""What the diagnostics need: matplotlib besides what the layers need, and its backend stays as it is."""

from tests.helpers.imports import assert_needs_only
from tests.helpers.layer_cases import run_python


def test_diagnostics_need_matplotlib_in_addition_to_the_layers():
    loaded = assert_needs_only("rnn_keras.diagnostics", "keras", "numpy", "tensorflow", "matplotlib.pyplot")
    packages = {".".join(name.split(".")[:2]) for name in loaded if name.startswith("rnn_keras.")}
    assert packages == {"rnn_keras.diagnostics", "rnn_keras.layers", "rnn_keras.utils"}


def test_the_backend_of_matplotlib_stays_as_it_is():
    printed = run_python(
        """
        import rnn_keras.diagnostics
        import matplotlib
        print("backend", matplotlib.get_backend())
        import numpy as np
        flow = rnn_keras.diagnostics.GradientFlow({"hidden_state": np.ones((1, 3))})
        rnn_keras.diagnostics.plot_gradient_flow({"flow": flow}, "Flow")
        print("backend", matplotlib.get_backend())
        """,
        MPLBACKEND="svg",
    )
    assert printed.split() == ["backend", "svg"] * 2
