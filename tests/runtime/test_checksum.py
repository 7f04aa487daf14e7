"""An exported file that is not as it was written, to the last bit, is refused in a sentence."""

import hashlib
import io
import json
import os
import zipfile

import keras
import numpy as np
import pytest

from rnn_keras.export.litert import conversion as litert_conversion
from rnn_keras.export.litert import converter
from rnn_keras.export.onnx import conversion as onnx_conversion
from rnn_keras.runtime import LiteRTModel, LiteRTSeq2Seq, OnnxModel, open_litert
from rnn_keras.runtime.checksum import LITERT_MARK, append_checksum, require_checksum
from rnn_keras.runtime.litert_model import append_associated_files, read_associated_files
from rnn_keras.utils.errors import UserError

FILES = {"rnn_keras.json": json.dumps({"labels": ["a", "b", "c"]}).encode(), "vocabulary.txt": b"\nx\ny"}
X = np.random.default_rng(1).normal(size=(1, 5, 4)).astype("float32")


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((5, 4)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])


@pytest.fixture(scope="module")
def litert_content(network):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(litert_conversion, "run_converter", converter.main)
        return append_associated_files(litert_conversion.convert(network, 5, "none"), FILES)


@pytest.fixture(scope="module")
def onnx_content(network):
    pytest.importorskip("tf2onnx")
    return onnx_conversion.convert(network, {name: content for name, content in FILES.items() if content})


def open_model(path, content):
    path.write_bytes(content)
    return OnnxModel(path) if path.suffix == ".onnx" else LiteRTModel(path)


@pytest.fixture(params=["model.tflite", "model.onnx"])
def file(request, tmp_path):
    fixture = "litert_content" if request.param.endswith("tflite") else "onnx_content"
    return tmp_path / request.param, request.getfixturevalue(fixture)


def test_a_whole_file_answers_as_keras_does_and_other_programs_can_read_it(file, network):
    path, content = file
    model = open_model(path, content)
    np.testing.assert_allclose(model.run(X)[0], network(X), atol=1e-6)
    assert model.description == {"labels": ["a", "b", "c"]} and model.vocabulary == ["", "x", "y"]

    if path.suffix == ".onnx":
        onnx = pytest.importorskip("onnx")
        loaded = onnx.load(path)
        onnx.checker.check_model(loaded)
        assert [entry.key for entry in loaded.metadata_props] == [*FILES, "sha256"]
    else:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None and archive.namelist() == [*FILES]
        assert read_associated_files(content) == FILES


def test_a_bit_that_flips_anywhere_is_noticed(file):
    path, content = file
    generator = np.random.default_rng(7)
    places = [*range(0, len(content), 7), *range(len(content) - 200, len(content))]
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(generator.integers(8))
        with pytest.raises(UserError, match=r"model\.\w+ is not as `export` wrote it: it is damaged, was changed"):
            open_model(path, bytes(damaged))
    assert len(places) > 300


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: content[:-90],
        lambda content: content + b"\0",
        lambda content: content[1:],
        lambda content: bytes(len(content)),
        lambda content: content * 2,
    ],
)
def test_other_damage_is_the_same_sentence(damage, file):
    path, content = file
    with pytest.raises(UserError, match="is not as `export` wrote it"):
        open_model(path, damage(content))
    if path.suffix == ".tflite":
        for runner in (open_litert, LiteRTSeq2Seq):
            with pytest.raises(UserError, match="is not as `export` wrote it"):
                runner(path)


def test_a_whole_file_that_is_no_model_is_a_sentence(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(append_associated_files(b"no model", {}))
    with pytest.raises(UserError, match="is not a LiteRT model"):
        LiteRTModel(path)


@pytest.mark.parametrize("runner", [LiteRTModel, LiteRTSeq2Seq, OnnxModel, open_litert])
def test_a_pipe_or_a_folder_is_a_sentence(runner, tmp_path):
    """A pipe would keep the reader waiting for ever."""
    os.mkfifo(tmp_path / "pipe")
    for path, what in ((tmp_path / "pipe", "a pipe"), (tmp_path, "a folder")):
        with pytest.raises(UserError, match=f"is {what}; expected a file"):
            runner(path)


def test_files_are_added_to_those_inside():
    content = append_associated_files(b"a model", {})
    assert read_associated_files(content) == {}
    content = append_associated_files(append_associated_files(content, {"a": b"1"}), {"b": b"2"})
    assert read_associated_files(content) == {"a": b"1", "b": b"2"} and content.startswith(b"a model")
    require_checksum(content, LITERT_MARK, "x")


def test_what_the_converter_returns_is_a_file(network, tmp_path, monkeypatch):
    monkeypatch.setattr(litert_conversion, "run_converter", converter.main)
    model = open_model(tmp_path / "model.tflite", litert_conversion.convert(network, 5, "none"))
    np.testing.assert_allclose(model.run(X)[0], network(X), atol=1e-6)


def test_a_checksum_completes_its_content():
    content = append_checksum(b"abc", LITERT_MARK)
    assert content == b"abcsha256:" + hashlib.sha256(b"abc").hexdigest().encode()
    require_checksum(content, LITERT_MARK, "x")
    with pytest.raises(UserError, match=r"^x is not as"):
        require_checksum(b"abc", LITERT_MARK, "x")
