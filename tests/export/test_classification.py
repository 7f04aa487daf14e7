"""What is exported of models that choose among classes."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from rnn_keras.data.classification import label_layer
from rnn_keras.data.text import build_text_vectorization
from rnn_keras.data.text_classification import TextExamples
from rnn_keras.export import bundle
from rnn_keras.export.classification import classification_spec, text_classification_spec
from rnn_keras.export.saved_model import make_endpoint
from rnn_keras.export.spec import decide_class
from rnn_keras.runtime.runner import DESCRIPTION, VOCABULARY
from rnn_keras.utils.errors import UserError

NAMES = ["a", "b", "c"]


def build_model():
    """Vectors `(batch, 4)` -> `label` and `probabilities`."""
    inputs = keras.Input((4,), name="x")
    classifier = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")], name="classifier")
    probabilities = classifier(inputs)
    label = label_layer(NAMES)(keras.ops.argmax(probabilities, axis=-1))
    return keras.Model({"x": inputs}, {"label": label, "probabilities": probabilities}, name="model")


def sample(split, number):
    generator = np.random.default_rng({"train": 0, "test": 1}[split])
    return list(generator.normal(size=(number, 4)).astype("float32")), generator.integers(0, 3, number)


def test_the_examples_are_those_of_the_test_split_and_calibration_is_sampled_when_it_is_needed():
    asked = []

    def sample_and_record(split, number):
        asked.append((split, number))
        return sample(split, number)

    spec = classification_spec(build_model(), sample_and_record, 5, encode=list, description={"score": "of_label"})
    assert asked == [("test", 5)] and len(spec.comparison.inputs) == 5
    assert json.loads(spec.files("none")[DESCRIPTION]) == {"labels": NAMES, "score": "of_label"}
    truth = sample("test", 5)[1]
    assert spec.comparison.metric(np.eye(3)[truth]) == 1
    assert spec.comparison.metric(np.eye(3)[(truth + 1) % 3]) == 0
    np.testing.assert_allclose(bundle.compute_outputs(spec).sum(axis=1), 1, atol=1e-6)
    assert len(spec.calibration()) == 200 and asked[1:] == [("train", 200)]

    assert not len(classification_spec(build_model(), sample_and_record, 0, encode=list).comparison.inputs)
    assert len(asked) == 2


def test_a_file_of_texts_has_the_vocabulary_inside():
    texts = ["good film", "bad film", "good", "bad"]
    vectorization = build_text_vectorization(texts, 10, 5)
    text = keras.Input((), dtype="string", name="text")
    embed = keras.layers.Embedding(vectorization.vocabulary_size(), 3)
    ids = keras.Input((None,), dtype="int32")
    dense = keras.layers.Dense(2, activation="softmax")
    classifier = keras.Model(ids, dense(keras.layers.GlobalAveragePooling1D()(embed(ids))), name="classifier")
    probabilities = classifier(vectorization(text))
    label = label_layer(["neg", "pos"])(keras.ops.argmax(probabilities, axis=-1))
    model = keras.Model({"text": text}, {"label": label, "probabilities": probabilities})

    class Dataset:
        def sample(self, split, number):
            return TextExamples(texts[:number], np.array([1, 0, 1, 0][:number]))

    spec = text_classification_spec(model, Dataset, 3)
    assert spec.comparison.inputs == [b"good film", b"bad film", b"good"]
    assert [ids.tolist() for ids in spec.encode(["good film", "unknown"])] == [[4, 3], [1]]
    files = spec.files("int8")
    assert files[VOCABULARY].decode().split("\n") == vectorization.get_vocabulary()
    description = json.loads(files[DESCRIPTION])
    assert description["labels"] == ["neg", "pos"] and description["xnnpack"] is False
    assert json.loads(spec.files("none")[DESCRIPTION])["xnnpack"] is True


def test_decisions():
    assert decide_class(np.array([[0.2], [0.7]])).tolist() == [False, True]
    assert decide_class(np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])).tolist() == [1, 0]


def test_an_endpoint_has_the_names_of_the_model():
    model = build_model()
    x = np.ones((2, 4), "float32")
    results = make_endpoint(model)(x)
    assert set(results) == {"label", "probabilities"}
    np.testing.assert_allclose(results["probabilities"], model({"x": x})["probabilities"])
    endpoint = make_endpoint(model, ["label"])
    assert list(endpoint(x)) == ["label"]
    assert [spec.name for spec in endpoint.input_signature] == ["x"]


def test_what_has_no_examples_or_no_network_is_refused_before_anything_is_written(tmp_path):
    spec = classification_spec(build_model(), lambda split, number: ([], np.zeros(0)), 0, encode=list)
    with pytest.raises(UserError, match="no examples to calibrate int8 with"):
        bundle.export(spec, tmp_path / "model.keras", tmp_path / "files", ["litert"], ["int8"], lambda line: None)
    without_network = dataclasses.replace(spec, network=None)
    with pytest.raises(UserError, match="has no ONNX form"):
        bundle.export(without_network, tmp_path / "model.keras", tmp_path / "files", ["onnx"], [], lambda line: None)
    assert list((tmp_path / "files").iterdir()) == []
