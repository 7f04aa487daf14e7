"""Exports of models that take numbers and give numbers: tensors of any shape and type, and a tolerance."""

import subprocess

import keras
import numpy as np
import pytest

from rnn_keras.export import bundle, measure, parity
from rnn_keras.export.example_file import read_examples, write_examples
from rnn_keras.export.parity import Variant, compare
from rnn_keras.export.regression import regression_spec
from rnn_keras.export.saved_model import export_saved_model, make_endpoint
from rnn_keras.export.spec import Comparison, ExportSpec
from rnn_keras.utils.errors import UserError


@pytest.fixture(autouse=True)
def measure_in_process(monkeypatch):
    def run(command, **options):
        measure.main(*command[3:])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(parity.subprocess, "run", run)


def make_predictor():
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])


def sample(split, number):
    generator = np.random.default_rng(len(split))
    inputs = generator.normal(size=(7, 4, 1))  # float64, as NumPy makes them
    return list(inputs[:number]), inputs.sum(axis=1)[:number]


def measure_saved_model(spec, folder):
    saved_model = export_saved_model(spec.model, make_endpoint(spec.model, spec.outputs), folder)
    expected = bundle.compute_outputs(spec)
    return compare(Variant("saved_model", saved_model), spec, expected), expected


def test_a_sequential_model_of_numbers_is_exported(tmp_path):
    spec = regression_spec(make_predictor(), sample, 7)
    row, expected = measure_saved_model(spec, tmp_path)
    assert expected.shape == (7, 1) and row["agreement"] == 1 and row["largest_difference"] < 1e-6
    assert row["mse"] == pytest.approx(np.mean((expected - sample("test", 7)[1]) ** 2))
    assert spec.comparison.tolerance == pytest.approx(0.05 * np.std(sample("test", 7)[1]))

    spec.model.save(tmp_path / "model.keras")
    assert compare(Variant("keras", tmp_path / "model.keras"), spec, expected)["latency_ms"] > 0


def test_a_difference_above_the_tolerance_is_refused(tmp_path):
    spec = regression_spec(make_predictor(), sample, 7, tolerance=0.1)
    saved_model = Variant("saved_model", export_saved_model(spec.model, make_endpoint(spec.model), tmp_path))
    expected = bundle.compute_outputs(spec)
    assert compare(saved_model, spec, expected + 0.09)["agreement"] == 1
    with pytest.raises(UserError, match=r"differs from Keras by more than 0\.1 \(at most 0\.11\) in 100\.00% of 7"):
        compare(saved_model, spec, expected + 0.11)
    with pytest.raises(UserError, match=r"gives outputs of shape \(7, 1\), and Keras of shape \(14, 1\)"):
        compare(saved_model, spec, np.concatenate([expected, expected]))


def test_a_model_of_several_inputs_takes_dicts(tmp_path):
    numbers, places = keras.Input((2,), name="numbers"), keras.Input((), dtype="int32", name="places")
    text = keras.Input((), dtype="string", name="text")
    known = keras.ops.cast(keras.ops.not_equal(keras.layers.StringLookup(vocabulary=["a"])(text), 0), "float32")
    total = keras.ops.sum(numbers, axis=1) + keras.ops.cast(places, "float32") + known
    model = keras.Model({"numbers": numbers, "places": places, "text": text}, {"total": total})
    inputs = [{"numbers": [index, 2.5], "places": np.int64(index), "text": b"a"} for index in range(3)]
    expected = np.array([2 * index + 3.5 for index in range(3)], "float32")
    comparison = Comparison(inputs, lambda outputs: 0.0, expected=lambda format: expected, tolerance=1e-6)
    spec = ExportSpec(model, None, list, comparison, output="total")
    saved_model = export_saved_model(model, make_endpoint(model), tmp_path)
    assert compare(Variant("saved_model", saved_model), spec, expected)["largest_difference"] == 0

    wrong = [{"numbers": [1.0, 2.0], "places": 1}]
    spec = ExportSpec(model, None, list, Comparison(wrong, len), output="total")
    with pytest.raises(UserError, match="the examples have no text; expected the model's inputs"):
        compare(Variant("saved_model", saved_model), spec, expected[:1])
    spec = ExportSpec(model, None, list, Comparison([np.ones(2)], len), output="total")
    with pytest.raises(UserError, match=r"the model has the inputs .*; expected examples that are dicts with these"):
        compare(Variant("saved_model", saved_model), spec, expected[:1])


def test_examples_of_another_type_are_a_sentence(tmp_path):
    spec = regression_spec(make_predictor(), sample, 7)
    saved_model = Variant("saved_model", export_saved_model(spec.model, make_endpoint(spec.model), tmp_path))
    spec = ExportSpec(spec.model, spec.network, list, Comparison([b"a text"], len), output="output")
    with pytest.raises(UserError, match="takes float32; got examples that are bytes"):
        compare(saved_model, spec, np.ones((1, 1)))


@pytest.mark.parametrize(
    "examples",
    [
        [np.ones((2, 3), "float32"), np.zeros((1, 3), "float32")],
        [np.float64(1.5), np.float64(2.5)],
        [np.arange(3), np.arange(0)],
        [b"a text", b""],
        [np.array(["a", "bc"]), np.array(["d"])],
        [{"x": np.ones(2), "y/z": b"1"}, {"x": np.ones(3), "y/z": b"22"}],
    ],
)
def test_examples_of_any_kind_are_read_as_they_were_written(examples, tmp_path):
    write_examples(tmp_path / "examples.npz", examples, per_step=False, output="total")
    read, facts = read_examples(tmp_path / "examples.npz")
    assert facts == {"per_step": False, "output": "total"}
    keras.tree.map_structure(np.testing.assert_array_equal, read, examples)
    assert keras.tree.map_structure(type, read) == keras.tree.map_structure(
        lambda value: bytes if isinstance(value, bytes) else np.ndarray, examples
    )


def test_the_real_error_of_a_child_process_is_shown():
    """Not the last line of a message of several, which says nothing."""
    inputs = keras.Input((1,))
    with pytest.raises(NotImplementedError) as raised:
        keras.layers.Layer()(inputs)
    assert "inspect._empty" in str(raised.value).splitlines()[-1]
    assert "Layer does not have a `call` method implemented" in measure.describe_error(raised.value)
    assert not {"\x1b", "\n"} & set(measure.describe_error(raised.value))
    error = TypeError("Binding inputs to tf.function failed due to `missing`\n  Received args: ()\n  kwargs={}\n")
    printed = f"Traceback\n{measure.REASON}{measure.describe_error(error)}\nExiting\n"
    failed = subprocess.CompletedProcess([], 2, "", printed)
    assert parity.find_reason(failed) == (
        "TypeError: Binding inputs to tf.function failed due to `missing` Received args: () kwargs={}"
    )
    assert parity.find_reason(subprocess.CompletedProcess([], -9, "", "")) == "exit status -9: no reason given"
