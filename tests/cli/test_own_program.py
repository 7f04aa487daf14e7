"""An app of somebody's own, with a layer in the program itself: its commands and their child processes find it."""

import importlib
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from rnn_keras.cli import App
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.processes import find_module_name, import_by_name, make_child_environment
from tests.helpers.environment import make_environment

PROGRAM = """
import dataclasses

import keras
import numpy as np

from rnn_keras.cli import App
from rnn_keras.data.batching import FixedBatches
from rnn_keras.export.regression import regression_spec
from rnn_keras.training.config import TrainingConfig


@keras.saving.register_keras_serializable(package=__name__)
class Halved(keras.layers.Layer):
    def call(self, inputs):
        return inputs / 2


@dataclasses.dataclass(frozen=True)
class NumbersConfig(TrainingConfig):
    dataset: str = "random"


class NumbersData:
    notes, summary = (), "random numbers"

    def __init__(self):
        self.inputs = np.random.default_rng(1).normal(size=(64, 3)).astype("float32")
        self.targets = self.inputs.sum(axis=1, keepdims=True)

    def training_batches(self, config):
        return FixedBatches((self.inputs, self.targets), 16, shuffle=True, seed=1)

    def validation_dataset(self):
        return FixedBatches((self.inputs, self.targets), 64, shuffle=False).dataset()


class NumbersApp(App):
    name = "numbers"
    description = "Numbers go in, and a number comes out."
    config_class = NumbersConfig

    def load_data(self, config):
        return NumbersData()

    def build_network(self, config, data, optimizer):
        network = keras.Sequential([keras.Input((3,)), Halved(), keras.layers.Dense(1)])
        network.compile(optimizer, "mse")
        return network

    def score(self, model, data, split):
        return {"mse": float(np.mean((model.predict(data.inputs, verbose=0) - data.targets) ** 2))}

    def predict(self, run, inputs):
        numbers = np.array([[float(number) for number in line.split()] for line in inputs])
        return [f"{value:.3f}" for value in run.model.predict(numbers, verbose=0)[:, 0]]

    def export_spec(self, model, config, examples):
        data = NumbersData()
        sample = lambda split, number: (list(data.inputs[:number]), data.targets[:number])
        return regression_spec(model, sample, examples)


GUARD
    NumbersApp().main()
"""


def write_program(path, guard="if __name__ == '__main__':"):
    path.parent.mkdir(exist_ok=True)
    path.write_text(PROGRAM.replace("GUARD", guard))


def run(command, folder):
    line, environment = [sys.executable, *command], make_environment()
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "command", "guard", "formats"),
    [
        ("numbers_app/__main__.py", ["-m", "numbers_app"], "if __name__ == '__main__':", ["saved_model"]),
        ("programs/numbers_program.py", ["programs/numbers_program.py"], "if __name__ == '__main__':", ["litert"]),
        # Nothing guards it.
        ("numbers_program.py", ["-m", "numbers_program"], "if True:", ["litert"]),
    ],
)
def test_a_layer_in_the_program_is_found_by_every_command(file, command, guard, formats, tmp_path):
    (tmp_path / "numbers_app").mkdir()
    (tmp_path / "numbers_app" / "__init__.py").write_text("")
    write_program(tmp_path / file, guard)
    run([*command, "train", "--epochs", "1", "--json"], tmp_path)
    if command[0] == "-m":  # each command is a process, which imports TensorFlow
        assert len(run([*command, "predict", "1 2 3", "--json"], tmp_path)["predictions"]) == 1
    report = run([*command, "export", "--formats", ",".join(formats), "--examples", "8", "--json"], tmp_path)["report"]
    assert [row["agreement"] for row in report] == [1] * (1 + len(formats))  # the first of them was measured in Keras

    code = "import json, rnn_keras; print(json.dumps(rnn_keras.load('runs/numbers').count_params()))"
    folder = tmp_path / Path(file).parent if file.startswith("programs") else tmp_path
    if folder != tmp_path:
        code = code.replace("runs/", "../runs/")
    assert run(["-c", code], folder) == 4


class Anything:
    pass


@pytest.fixture
def as_program(tmp_path, monkeypatch):
    """Makes a module with this content the program; returns its object of the class `Mine`."""

    def run(content, name, *, by_name):
        path = tmp_path / f"{name}.py"
        path.write_text(content)
        monkeypatch.syspath_prepend(tmp_path)
        program = types.ModuleType("__main__")
        program.__file__ = str(path)
        program.__spec__ = importlib.util.spec_from_file_location(name, path) if by_name else None
        monkeypatch.setitem(sys.modules, "__main__", program)
        exec(content, program.__dict__)
        return program.Mine()

    return run


@pytest.mark.parametrize("by_name", [True, False])
def test_a_program_is_imported_by_its_name(by_name, as_program):
    mine = as_program("class Mine:\n    pass\n", f"program_by_name_{by_name}", by_name=by_name)
    assert type(mine).__module__ == "__main__"
    found = import_by_name(mine)
    assert type(found).__module__ == find_module_name(mine) == f"program_by_name_{by_name}"
    assert import_by_name(found) is found


def test_an_object_with_attributes_stays_as_it_is(as_program):
    mine = as_program("class Mine:\n    pass\n", "program_with_attributes", by_name=True)
    mine.size = 3
    assert import_by_name(mine) is mine


def test_a_program_without_a_name_for_python(as_program, monkeypatch):
    mine = as_program("class Mine:\n    pass\n", "program_without_a_name", by_name=False)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "<stdin>")
    assert import_by_name(mine) is mine
    with pytest.raises(UserError, match="other processes import Mine by the name of its module, and <stdin> has none"):
        find_module_name(mine)

    monkeypatch.setattr(sys, "argv", ["own.py"])

    class Own(App):
        load_data = build_network = score = predict = None

    Own.__module__ = "__main__"
    assert Own().program == "python own.py" and Own().model_modules == ()


def test_a_child_process_finds_the_same_modules(monkeypatch):
    monkeypatch.setattr(sys, "path", ["", "/somewhere"])
    monkeypatch.setenv("PYTHONPATH", "/set/later")
    expected = [os.getcwd(), "/somewhere", "/set/later"]
    assert make_child_environment()["PYTHONPATH"] == os.pathsep.join(expected)
