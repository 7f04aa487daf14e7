"""The examples in docstrings run, and public layers and functions document what they take."""

import doctest
import importlib
import inspect
import re

import pytest

# Their examples run; of packages, those of what `__all__` names.
PACKAGES = ("rnn_keras.layers", "rnn_keras.diagnostics")
MODULES = (
    *("rnn_keras", "rnn_keras.data.batching", "rnn_keras.data.characters", "rnn_keras.data.segments"),
    *("rnn_keras.data.splits", "rnn_keras.data.streams", "rnn_keras.training.losses", "rnn_keras.training.schedules"),
    *("rnn_keras.training.stateful", "rnn_keras.training.task", "rnn_keras.training.truncated_bptt"),
    *("rnn_keras.tuning", "rnn_keras.tuning.space", "rnn_keras.utils.memory"),
)
# They train, draw, or import much.
SLOW = {"FlowProbe", "GradientMonitor", "TruncatedBPTT", "gradient_flow", "make_hyperparameters"}
SLOW |= {"plot_gates", "plot_gradient_flow"}
# Results of a function or a wrapper, not made by the user.
WITHOUT_EXAMPLE = {"GradientFlow", "JacobianProduct", "RECURRENT_LAYERS"}
NUMBERED = re.compile(r"^ {8}([\w*][\w*, ]*): ", re.MULTILINE)


def public_objects(package):
    module = importlib.import_module(package)
    return {name: getattr(module, name) for name in module.__all__}


def find_examples():
    """Every doctest of the modules and packages above, by a name that tells it apart."""
    found = {}
    for package in PACKAGES:
        finder = doctest.DocTestFinder(recurse=False)
        found |= {
            test.name: test for name, value in public_objects(package).items() for test in finder.find(value, name)
        }
    for name in MODULES:
        found |= {test.name: test for test in doctest.DocTestFinder().find(importlib.import_module(name), name)}
    return {name: test for name, test in found.items() if test.examples}


def make_names():
    """What the examples may use besides their imports: a small model, what it takes, and everything that is public."""
    import keras
    import numpy as np
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    layers = public_objects("rnn_keras.layers")
    model = keras.Sequential([keras.Input((None, 8)), layers["LSTM"](4), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    inputs = np.random.default_rng(1).normal(size=(16, 20, 8)).astype("float32")
    names = {"keras": keras, "np": np, "tf": tf, "model": model, "layer": model.layers[0]}
    return names | {"inputs": inputs, "targets": inputs[:, -1, :1], **layers, **public_objects("rnn_keras.diagnostics")}


def run_examples(are_slow):
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    names, report = make_names(), []
    for name, test in find_examples().items():
        if (name.rpartition(".")[2] in SLOW) == are_slow:
            test.globs = names | test.globs
            runner.run(test, out=report.append)
    assert runner.tries and not runner.failures, "\n".join(report)


def test_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_examples(are_slow=False)


@pytest.mark.slow
def test_examples_that_train_or_draw_run(tmp_path, monkeypatch, plain_graphs):
    monkeypatch.chdir(tmp_path)
    run_examples(are_slow=True)


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_public_documents_its_arguments_and_has_an_example(package):
    for name, value in public_objects(package).items():
        if name in WITHOUT_EXAMPLE:
            continue
        text = inspect.getdoc(value) or ""
        assert ">>> " in text, f"{name} has no example"
        indented = "\n".join("    " + line for line in text.splitlines())
        documented = {part.strip(" *") for names in NUMBERED.findall(indented) for part in names.split(",")}
        parameters = set(inspect.signature(value).parameters) - {"self", "kwargs", "args"}
        missing = parameters - documented
        assert not missing, f"{name} does not document {', '.join(sorted(missing))}"


def test_layers_say_what_a_call_takes():
    import keras

    for name, value in public_objects("rnn_keras.layers").items():
        if inspect.isclass(value) and issubclass(value, keras.layers.Layer):
            text = inspect.getdoc(value) or ""
            assert "Call arguments:" in text and "(batch, " in text, name
