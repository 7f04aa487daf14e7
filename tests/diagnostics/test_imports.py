"""What the layers and the diagnostics need, seen from a new interpreter; matplotlib's backend stays as it is."""

import ast
import json
import sys

import pytest

from tests.helpers.layer_cases import ROOT, run_python

NEEDED_BY_LAYERS = {"keras", "numpy", "tensorflow"}


@pytest.fixture(scope="module")
def loaded():
    """Which modules each import loads beyond those that the packages it needs load, and matplotlib's backend."""
    printed = run_python(
        """
        import importlib, json, sys

        def load(package, *needed):
            for name in needed:
                importlib.import_module(name)
            known = set(sys.modules)
            importlib.import_module(package)
            return sorted(set(sys.modules) - known)

        found = {"layers": load("rnn_keras.layers", "keras", "numpy", "tensorflow")}
        found["diagnostics"] = load("rnn_keras.diagnostics", "matplotlib.pyplot")
        import matplotlib
        import numpy as np
        found["backends"] = [matplotlib.get_backend()]
        flow = sys.modules["rnn_keras.diagnostics"].GradientFlow({"hidden_state": np.ones((1, 3))})
        sys.modules["rnn_keras.diagnostics"].plot_gradient_flow({"flow": flow}, "Flow")
        found["backends"].append(matplotlib.get_backend())
        print("found", json.dumps(found))
        """,
        MPLBACKEND="svg",
    )
    return json.loads(printed.split("found", 1)[1])


def test_layers_need_keras_numpy_and_tensorflow_alone(loaded):
    assert "rnn_keras.layers.bptt.lstm" in loaded["layers"]
    assert_needs_only(loaded["layers"], NEEDED_BY_LAYERS, {"layers"})


def test_diagnostics_need_matplotlib_in_addition(loaded):
    assert "rnn_keras.diagnostics.plots" in loaded["diagnostics"]
    assert_needs_only(loaded["diagnostics"], NEEDED_BY_LAYERS | {"matplotlib"}, {"layers", "diagnostics", "utils"})


def test_the_backend_of_matplotlib_stays_as_it_is(loaded):
    assert loaded["backends"] == ["svg", "svg"]


def assert_needs_only(modules, needed, packages):
    """The loaded modules are of these packages of rnn_keras, of the needed libraries or of the standard library.

    The needed libraries load others, so the modules' own imports are compared too.
    """
    known = {"rnn_keras", *needed, *sys.stdlib_module_names}
    assert {module.partition(".")[0] for module in modules} <= known
    own = [module.split(".") for module in modules if module.startswith("rnn_keras.")]
    assert {parts[1] for parts in own} <= packages
    for parts in own:
        assert imported_by(parts) <= known, parts


def imported_by(parts):
    """Top-level names of everything that a module imports, at its top or in its functions."""
    path = ROOT.joinpath(*parts)
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.partition(".")[0])
    return names
