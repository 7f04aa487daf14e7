"""The rows of the report: what is measured, and what is refused. Measured here inside the test process."""

import subprocess

import keras
import numpy as np
import pytest

from rnn_keras.data.classification import label_layer
from rnn_keras.export import bundle, measure, parity
from rnn_keras.export.classification import classification_spec
from rnn_keras.export.litert import conversion as litert_conversion
from rnn_keras.export.parity import Variant, compare
from rnn_keras.export.saved_model import export_saved_model, make_endpoint
from rnn_keras.export.spec import description_file
from rnn_keras.runtime.litert_model import append_associated_files
from rnn_keras.utils.errors import UserError

NAMES = ["a", "b", "c"]
LENGTHS = (3, 1, 4)


def sample(split, number):
    generator = np.random.default_rng(len(split))
    steps = [generator.normal(size=(length, 2)).astype("float32") for length in LENGTHS[:number]]
    return steps, generator.integers(0, 3, sum(map(len, steps)))


@pytest.fixture
def spec():
    """Of a model with an output for each step."""
    keras.utils.set_random_seed(1)
    steps, lengths = keras.Input((None, 2), name="steps"), keras.Input((), dtype="int32", name="lengths")
    dense = keras.layers.Dense(3, activation="softmax")
    classifier = keras.Sequential([keras.Input((None, 2)), dense], name="classifier")
    outputs = classifier(steps)
    label = label_layer(NAMES)(keras.ops.argmax(outputs, axis=-1))
    total = keras.ops.cast(lengths, "float32")
    model = keras.Model(
        {"steps": steps, "lengths": lengths}, {"label": label, "probabilities": outputs, "total": total}
    )
    options = {"encode": list, "outputs": ("label", "probabilities"), "per_step": True, "metric_name": "frame_accuracy"}
    return classification_spec(model, sample, len(LENGTHS), **options)


@pytest.fixture(autouse=True)
def measure_in_process(monkeypatch):
    def run(command, **options):
        assert command[1:3] == ["-m", "rnn_keras.export.measure"]
        measure.main(*command[3:])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(parity.subprocess, "run", run)


@pytest.fixture
def saved_model(spec, tmp_path):
    endpoint = make_endpoint(spec.model, spec.outputs)
    return Variant("saved_model", export_saved_model(spec.model, endpoint, tmp_path))


def test_a_row_holds_what_was_measured(spec, saved_model):
    expected = bundle.compute_outputs(spec)
    row = compare(saved_model, spec, expected)

    assert expected.shape == (sum(LENGTHS), 3)
    assert row["format"] == "saved_model" and row["agreement"] == 1 and row["largest_difference"] < 1e-6
    assert row["examples"] == len(LENGTHS) and row["metric"] == "frame_accuracy"
    assert row["frame_accuracy"] == pytest.approx(np.mean(expected.argmax(axis=1) == sample("test", 3)[1]))
    assert row["bytes"] > 1000 and row["ops"] > 5 and row["latency_ms"] > 0 and row["peak_mb"] > 10


def test_a_litert_file_gives_the_same(spec, tmp_path, in_process):
    content = litert_conversion.convert(spec.network, 4, "none")
    path = tmp_path / "model.tflite"
    path.write_bytes(append_associated_files(content, description_file({"labels": NAMES, "per_step": True})))
    row = compare(Variant("litert", path), spec, bundle.compute_outputs(spec))
    assert row["agreement"] == 1 and row["largest_difference"] < 1e-6 and row["ops"] > 0


def test_the_model_in_keras_is_timed(spec, tmp_path):
    spec.model.save(tmp_path / "model.keras")
    row = compare(Variant("keras", tmp_path / "model.keras"), spec, bundle.compute_outputs(spec))
    assert row["agreement"] == 1 and row["largest_difference"] == 0 and row["ops"] is None and row["latency_ms"] > 0


def test_other_decisions_than_those_of_keras_are_refused(spec, saved_model):
    other = np.roll(bundle.compute_outputs(spec), 1, axis=1)
    with pytest.raises(UserError, match=r"\(saved_model\) decides differently from Keras in 100.00% of 3 examples"):
        compare(saved_model, spec, other)


def test_a_file_that_does_not_run_is_a_sentence(spec, saved_model, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "Traceback\nValueError: no such file\n\n")
    monkeypatch.setattr(parity.subprocess, "run", lambda *arguments, **options: failed)
    with pytest.raises(UserError, match=r"does not run \(exit status 1: ValueError: no such file\)"):
        compare(saved_model, spec, bundle.compute_outputs(spec))
