"""The figures: what they show, and that they are left open for the caller."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from rnn_keras.diagnostics import GradientFlow, plot_gates, plot_gradient_flow, plot_word_vectors


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def assert_open(figure):
    assert isinstance(figure, Figure)
    assert plt.fignum_exists(figure.number)  # pyplot knows it, so that plt.show() shows it


def test_gradient_flow():
    norms = 0.5 ** np.arange(16)[np.newaxis]
    flow = GradientFlow({"hidden_state": 3 * norms, "inputs": norms})
    for what in ("state", "hidden_state", "inputs"):
        figure = plot_gradient_flow({"trained": flow, "untrained": flow}, "Flow", what)
        assert_open(figure)
        (axis,) = figure.axes
        assert axis.get_title() == "Flow"
        lines = [line for line in axis.lines if line.get_label().startswith(("trained", "untrained"))]
        assert len(lines) == 2
        for line in lines:
            np.testing.assert_allclose(line.get_ydata(), norms[0])
    assert "vanishes at lag 10" in plot_gradient_flow({"trained": flow}, "Flow").axes[0].lines[0].get_label()
    figure.canvas.draw()


def test_gates():
    generator = np.random.default_rng(1)
    gates = {name: generator.random((2, 5, 7)) for name in ("hidden_state", "forget_gate", "input_gate")}
    gates["forget_gate"][1, 2] = np.nan  # a masked step
    figure = plot_gates(gates, ["a", "", "b", "", "c"], "Gates", example=1, units=4)
    assert_open(figure)
    panels = {axis.get_title(loc="left"): axis for axis in figure.axes if axis.images}
    assert {"hidden state", "forget gate", "input gate"} <= set(panels)
    assert [label.get_text() for label in panels["forget gate"].get_xticklabels()] == ["a", "b", "c"]
    shown = panels["forget gate"].images[0].get_array()
    assert shown.shape == (4, 5)
    # The four units that vary most, each with all its steps.
    expected = np.argsort(-gates["hidden_state"][1].std(axis=0))[:4]
    assert {tuple(row) for row in np.nan_to_num(shown.filled(np.nan))} == {
        tuple(np.nan_to_num(gates["forget_gate"][1, :, unit])) for unit in expected
    }


def test_word_vectors():
    vectors = np.random.default_rng(1).normal(size=(4, 3))
    groups = {"animals": ["dog", "cat"], "praise": ["good", "great"]}
    figure = plot_word_vectors(groups, vectors, vectors, 100)
    assert_open(figure)
    panels = [axis for axis in figure.axes if axis.get_title()]
    assert len(panels) == 3 and panels[0].get_title().startswith("one-hot")
    np.testing.assert_array_equal(panels[0].images[0].get_array(), np.eye(4))
    assert [label.get_text() for label in panels[2].get_yticklabels()] == ["dog", "cat", "good", "great"]
