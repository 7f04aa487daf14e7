"""What the layers and the diagnostics import, and that matplotlib's backend stays as it is."""

import ast
import json
import sys

import pytest

from tests.helpers.environment import ROOT
from tests.helpers.layer_cases import run_python

NEEDED = {"layers": {"keras", "numpy", "tensorflow"}}
NEEDED["diagnostics"] = {*NEEDED["layers"], "matplotlib"}
PACKAGES = {"layers": {"layers"}, "diagnostics": {"diagnostics", "layers", "utils"}}


@pytest.mark.parametrize("package", NEEDED)
def test_what_a_package_imports(package):
    """keras, numpy and tensorflow, and for the diagnostics matplotlib; followed from module to module."""
    found, todo = set(), ["rnn_keras." + package]
    while todo:
        module = todo.pop()
        found.add(module)
        others = imported_by(module)
        todo += [other for other in others if other.startswith("rnn_keras.") and other not in found]
        libraries = {other.partition(".")[0] for other in others} - {"rnn_keras", *sys.stdlib_module_names}
        assert libraries <= NEEDED[package], module
    assert {module.split(".")[1] for module in found} == PACKAGES[package]
    assert "rnn_keras.layers.bptt.lstm" in found


def imported_by(module):
    """The modules that a module imports or from which it imports names, at its top or in its functions."""
    names = set()
    for node in ast.walk(ast.parse(path_of(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {node.module, *(name for name in submodules if path_of(name).exists())}
    return names


def path_of(module):
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@pytest.mark.slow
def test_what_is_loaded_and_the_backend():
    """In a new interpreter: nothing beyond what the needed libraries load, and MPLBACKEND is respected."""
    printed = run_python(
        """
        import importlib, json, sys

        def load(package, *needed):
            for name in needed:
                importlib.import_module(name)
            known = set(sys.modules)
            importlib.import_module(package)
            return sorted({name.partition(".")[0] for name in set(sys.modules) - known})

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
    found = json.loads(printed.split("found", 1)[1])
    for package, needed in NEEDED.items():
        assert set(found[package]) <= {"rnn_keras", *needed, *sys.stdlib_module_names}
    assert found["backends"] == ["svg", "svg"]
