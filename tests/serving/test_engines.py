"""The ONNX file of a version answers what its SavedModel answers, without TensorFlow, and says where it cannot."""

import json
import logging
import shutil
import subprocess
import sys
import urllib.request

import numpy as np
import pytest

pytest.importorskip("kserve")
pytest.importorskip("onnxruntime")
pytest.importorskip("tf2onnx")
import keras
from keras import ops

from rnn_keras.data.classification import label_layer
from rnn_keras.data.text import build_text_vectorization
from rnn_keras.export.bundle import export
from rnn_keras.export.classification import text_classification_spec
from rnn_keras.export.export_model import export_model
from rnn_keras.export.spec import Comparison, Conversion, ExportSpec
from rnn_keras.layers import LSTM
from rnn_keras.serving.application import parse, write
from rnn_keras.serving.engines import list_folders, load_model
from rnn_keras.serving.limits import Limits
from rnn_keras.serving.request import RequestError
from rnn_keras.serving.scheduler import compute_pieces, cut
from rnn_keras.serving.versions import Versions
from rnn_keras.utils.errors import UserError

TEXTS = ["a lovely film", "an awful one , and a bad one , " * 9, "", "\u6211 don't\x00 know", "a bad film", "lovely"]
FORMATS = ["saved_model", "onnx"]
NUMBERS = [
    {"steps": [[1, 2, 3], [4, 0.5, -1]], "person": [1, 0.5]},
    {"steps": [[0, 0, 0], [-1, 2, 1]], "person": [0, 3]},
]


def build_mood(classes):
    """Raw texts -> `score` and `label`; of three classes also `probabilities`."""
    keras.utils.set_random_seed(classes)
    vectorization = build_text_vectorization([*TEXTS, *TEXTS], 100, 12, "last")
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = keras.layers.Embedding(vectorization.vocabulary_size(), 4, mask_zero=True)(ids)
    x = keras.layers.Bidirectional(LSTM(4))(x)
    large = keras.initializers.RandomNormal(stddev=3)  # so that the labels differ
    x = keras.layers.Dense(1, "sigmoid", kernel_initializer=large)(x) if classes == 2 else x
    x = keras.layers.Dense(3, "softmax", kernel_initializer=large)(x) if classes == 3 else x
    classifier = keras.Model(ids, x, name="classifier")
    text = keras.Input((), dtype="string", name="text")
    outputs = classifier(vectorization(text))
    if classes == 2:
        score = ops.squeeze(outputs, -1)
        label = label_layer(["neg", "pos"])(ops.cast(score > 0.5, "int64"))
        return keras.Model({"text": text}, {"score": score, "label": label})
    label = label_layer(["a", "b", "c"])(ops.argmax(outputs, axis=-1))
    named = {"label": label, "score": ops.max(outputs, axis=-1), "probabilities": outputs}
    return keras.Model({"text": text}, named)


def build_flow():
    """Two inputs of numbers, two outputs."""
    steps, person = keras.Input((None, 3), name="steps"), keras.Input((2,), name="person")
    x = keras.layers.Concatenate()([LSTM(5)(steps), person])
    return keras.Model([steps, person], [keras.layers.Dense(2, name="speed")(x), keras.layers.Dense(1, name="risk")(x)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Exports `mood`, `three`, `flow` and, without a SavedModel, `files`; `larger` does more than its network."""
    folder = tmp_path_factory.mktemp("saved_models")
    for name, classes in (("mood", 2), ("three", 3)):
        spec = text_classification_spec(build_mood(classes), lambda: None, 0, conversion=Conversion(steps=12))
        export(spec, None, folder / name, FORMATS, [], print)
    flow = build_flow()
    nothing = Comparison([], lambda outputs: 0.0)
    export(ExportSpec(flow, flow, list, nothing, output=None), None, folder / "flow", FORMATS, [], print)
    export(ExportSpec(flow, flow, list, nothing, output=None), None, folder / "files", ["onnx"], [], print)
    number = keras.Input((2,), name="number")
    double = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)], name="double")
    larger = keras.Model({"number": number}, {"sum": double(number) + 3 * number})
    export(ExportSpec(larger, double, list, nothing), None, folder / "larger", FORMATS, [], print)
    return folder


def answer(model, body):
    """The JSON of an answer, computed as the server does it, without its threads."""
    signature, arrays, costs, by_rows = parse(model, json.dumps(body).encode(), "", Limits())
    [outputs] = compute_pieces(signature, [cut(signature, arrays, costs)[0].arrays])
    if isinstance(outputs, Exception):
        raise outputs
    return json.loads(write(outputs, len(costs), by_rows))


def assert_equal_answers(one, other):
    """Numbers up to rounding, everything else equal."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert_equal_answers(value, other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            assert_equal_answers(left, right)
    elif isinstance(one, float):
        assert one == pytest.approx(other, abs=1e-5)
    else:
        assert one == other


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "bodies"),
    [
        ("mood", [{"instances": TEXTS}, {"inputs": {"text": TEXTS}}, {"instances": [{"text": "a lovely film"}]}]),
        ("three", [{"instances": [{"b64": "YSBiYWQgZmlsbf8="}, *TEXTS]}, {"inputs": TEXTS, "signature_name": "serve"}]),
        ("flow", [{"instances": NUMBERS}, {"inputs": {key: [row[key] for row in NUMBERS] for key in NUMBERS[0]}}]),
    ],
)
def test_both_engines_answer_the_same(folder, name, bodies):
    by_onnx = load_model(name, folder / name / "1")
    by_tensorflow = load_model(name, folder / name / "1", "tensorflow")
    assert (by_onnx.computed_by, by_tensorflow.computed_by) == ("onnx", "tensorflow")
    for body in bodies:
        came = answer(by_onnx, body)
        assert_equal_answers(came, answer(by_tensorflow, body))
    if name == "mood":
        assert len({row["label"] for row in answer(by_onnx, bodies[0])["predictions"]}) == 2

    # Batches, the limits and the metadata depend on these.
    for key in ("serving_default", "serve"):
        one, other = by_onnx.find_signature(key), by_tensorflow.find_signature(key)
        assert one.inputs == other.inputs and set(one.outputs) == set(other.outputs)
        assert one.can_batch and other.can_batch and one.name == other.name == key
    described = [strip_names(model.describe()) for model in (by_onnx, by_tensorflow)]
    assert described[0] == described[1]


def strip_names(described):
    """A description without the names of a SavedModel's tensors, which an ONNX file does not have."""
    if not isinstance(described, dict):
        return described
    return {key: strip_names(value) for key, value in described.items() if not (key == "name" and value)}


@pytest.mark.slow
def test_texts_of_a_batch_do_not_change_each_other(folder):
    signature = load_model("mood", folder / "mood" / "1").find_signature("")
    pieces = [{"text": np.array([text.encode()], object)} for text in TEXTS]
    alone = [compute_pieces(signature, [piece])[0]["score"] for piece in pieces]
    together = [outputs["score"] for outputs in compute_pieces(signature, pieces)]
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.slow
def test_values_that_the_model_cannot_take_are_refused(folder):
    signature = load_model("flow", folder / "flow" / "1").find_signature("")
    arrays = {"steps": np.zeros((2, 3, 3), np.float32), "person": np.zeros((1, 2), np.float32)}
    with pytest.raises(RequestError, match="the model refused the values of these instances"):
        signature.compute(arrays)


@pytest.mark.slow
def test_what_the_onnx_file_cannot_answer_tensorflow_does(folder, tmp_path, caplog):
    version = folder / "larger" / "1"
    assert load_model("larger", version).computed_by == "tensorflow"
    [line] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert line.startswith("version 1 of larger is served by TensorFlow: ") and "does more than the network" in line
    with pytest.raises(UserError, match=r"larger\.onnx does not say how to answer as the SavedModel does"):
        load_model("larger", version, "onnx")

    shutil.copytree(folder / "flow" / "1", tmp_path / "1")
    (tmp_path / "1" / "SHA256SUMS").unlink()
    (tmp_path / "1" / "flow.onnx").unlink()
    caplog.clear()
    assert load_model("flow", tmp_path / "1").computed_by == "tensorflow" and not caplog.records
    with pytest.raises(UserError, match="1 holds no ONNX file; export with --formats saved_model,onnx"):
        load_model("flow", tmp_path / "1", "onnx")


@pytest.mark.slow
def test_an_export_without_a_saved_model_and_a_damaged_one(folder, tmp_path):
    files = folder / "files"
    assert Versions(files, "files").current.computed_by == "onnx"
    assert list_folders(files, "onnx") == {1: files / "1-files"} and not list_folders(files, "tensorflow")
    with pytest.raises(UserError, match="has no SavedModel, which the engine `tensorflow` needs"):
        load_model("files", files / "1-files", "tensorflow")

    shutil.copytree(folder / "flow" / "1", tmp_path / "1")
    shutil.copytree(files / "1-files", tmp_path / "2-files")
    assert list_folders(tmp_path, "auto") == {1: tmp_path / "1"}  # as TF Serving
    assert Versions(tmp_path, "flow", engine="onnx").current.version == 2
    damaged = tmp_path / "1" / "flow.onnx"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match=r"flow\.onnx is damaged or was changed; export it again"):
        load_model("flow", tmp_path / "1")


@pytest.mark.slow
def test_any_model_is_served_by_one_command_without_tensorflow(folder):
    """A process of its own, by REST and gRPC; what it has imported is printed at its end."""
    grpc = pytest.importorskip("grpc")
    predict_pb2 = pytest.importorskip("tensorflow_serving.apis.predict_pb2")
    import tensorflow as tf

    heavy = "import sys; from rnn_keras.__main__ import main\ntry:\n    main(sys.argv[1:])\nfinally:\n    "
    heavy += "print([name for name in ('tensorflow', 'keras', 'kserve') if name in sys.modules])"
    command = ["serve", str(folder / "mood"), "--port", "0", "--grpc-port", "0", "--json"]
    process = subprocess.Popen([sys.executable, "-c", heavy, *command], stdout=subprocess.PIPE, text=True)
    try:
        addresses = json.loads(process.stdout.readline())
        assert addresses["engine"] == "onnx" and addresses["rest"].endswith("/v1/models/mood:predict")
        body = json.dumps({"instances": TEXTS}).encode()
        with urllib.request.urlopen(addresses["rest"], body) as response:
            rows = json.loads(response.read())["predictions"]
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "mood"
        request.inputs["text"].CopyFrom(tf.make_tensor_proto(TEXTS))
        with grpc.insecure_channel(addresses["grpc"]) as channel:
            call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
            response = predict_pb2.PredictResponse.FromString(call(request.SerializeToString()))
    finally:
        process.terminate()
        out, _ = process.communicate(timeout=20)
    assert out.splitlines()[-1] == "[]"
    assert [row["label"].encode() for row in rows] == tf.make_ndarray(response.outputs["label"]).tolist()
    expected = load_model("mood", folder / "mood" / "1", "tensorflow")
    assert_equal_answers({"predictions": rows}, answer(expected, {"instances": TEXTS}))


@pytest.mark.slow
def test_a_model_of_a_class_of_its_own_is_answered_too(tmp_path, export_here):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.rnn, self.dense = LSTM(3), keras.layers.Dense(2)

        def call(self, steps):
            return self.dense(self.rnn(steps))

    model = Own()
    examples = np.random.default_rng(0).normal(size=(4, 6, 2)).astype("float32")
    export_model(model, tmp_path / "own", FORMATS, examples=examples)
    served = load_model("own", tmp_path / "own" / "1")
    assert served.computed_by == "onnx"
    came = answer(served, {"instances": examples.tolist()})["predictions"]
    np.testing.assert_allclose(came, model(examples), atol=1e-5)
