"""`predict.py`, which travels with exported files: it needs neither rnn_keras nor TensorFlow and answers as they do."""

import ast
import importlib.metadata
import json
import subprocess
import sys
import types
import venv

import numpy as np
import pytest
from onnx import TensorProto, helper

from apps.sentiment.__main__ import SentimentApp
from rnn_keras.export.standalone import make_runner, write_runner
from rnn_keras.runtime import LiteRTModel, OnnxModel
from rnn_keras.runtime.checksum import ONNX_MARK, append_checksum
from rnn_keras.runtime.litert_model import append_associated_files
from rnn_keras.utils.errors import UserError


def write_onnx(path, files):
    """An ONNX file with a running sum: of the steps `(batch, steps, 2)`, and of what came before."""
    floats = TensorProto.FLOAT
    nodes = [
        helper.make_node("ReduceSum", ["steps", "axis"], ["sum"], keepdims=0),
        helper.make_node("Add", ["sum", "before"], ["total"]),
        helper.make_node("Identity", ["total"], ["after"]),
    ]
    inputs = [
        helper.make_tensor_value_info("steps", floats, [1, "steps", 2]),
        helper.make_tensor_value_info("before", floats, [1, 2]),
    ]
    outputs = [helper.make_tensor_value_info(name, floats, [1, 2]) for name in ("total", "after")]
    axis = helper.make_tensor("axis", TensorProto.INT64, [1], [1])
    graph = helper.make_graph(nodes, "sums", inputs, outputs, [axis])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    for name, content in files.items():
        model.metadata_props.add(key=name, value=content)
    path.write_bytes(append_checksum(model.SerializeToString(), ONNX_MARK))


@pytest.fixture
def sums(tmp_path):
    path = tmp_path / "sums.onnx"
    write_onnx(path, {"rnn_keras.json": json.dumps({"states": {"before": "after"}})})
    return path


def load(source):
    """The module that the source is."""
    module = types.ModuleType("predict")
    exec(compile(source, "predict.py", "exec"), module.__dict__)
    return module


def list_imports(nodes):
    """The top-level modules that these statements import."""
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(
    ("names", "engines"),
    [
        (["a.tflite"], {"ai_edge_litert"}),
        (["a.onnx"], {"onnxruntime"}),
        (["a.tflite", "a_int8.tflite", "a.onnx"], {"ai_edge_litert", "onnxruntime"}),
        (["writes.tflite"], {"ai_edge_litert", "PIL"}),
        (["writes_encoder.onnx", "writes_step.onnx"], {"onnxruntime", "PIL"}),
    ],
)
def test_it_imports_the_standard_library_numpy_and_the_engine_when_it_is_used(names, engines, tmp_path):
    for name in names:
        files = {"target.txt": b"a"} if name.startswith("writes") else {}
        (tmp_path / name).write_bytes(append_associated_files(bytes(64), files))
    source = make_runner([tmp_path / name for name in names])
    tree = ast.parse(source)

    at_the_top, anywhere = list_imports(tree.body), list_imports(list(ast.walk(tree)))
    assert at_the_top <= sys.stdlib_module_names | {"numpy"}
    assert anywhere - at_the_top - sys.stdlib_module_names == engines
    assert names[0] in ast.get_docstring(tree) and "Written by rnn_keras" in ast.get_docstring(tree)
    assert len(source.splitlines()) < 800
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert len(defined) == len(set(defined))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert set(defined) <= used  # nothing is there that nothing calls


def test_streams_arrays_and_lines(sums, tmp_path, capsys):
    module = load(make_runner([sums]))
    steps = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    np.save(tmp_path / "steps.npy", steps)
    expected = OnnxModel(sums).predict(list(steps))

    assert module.main([str(sums), str(tmp_path / "steps.npy"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"predictions": expected}
    assert module.main([str(sums), *(json.dumps({"steps": part.tolist()}) for part in steps)]) == 0
    assert list(map(json.loads, capsys.readouterr().out.splitlines())) == [one["output"] for one in expected]
    assert module.main([str(sums), str(tmp_path / "steps.npy"), "--json", "--stream"]) == 0
    parts = [json.loads(line)["predictions"][0]["output"] for line in capsys.readouterr().out.splitlines()]
    np.testing.assert_allclose(parts, np.cumsum(steps.sum(axis=1), axis=0))


def test_mistakes_are_one_sentence(sums, tmp_path, capsys):
    module = load(make_runner([sums]))
    np.savez(tmp_path / "two.npz", steps=np.zeros((2, 3, 2)), more=np.zeros((3, 1)))
    (tmp_path / "text.npy").write_text("1 2 3")
    (tmp_path / "damaged.onnx").write_bytes(sums.read_bytes()[:-9])
    for arguments, sentence in (
        (["none.onnx"], "none.onnx cannot be read"),
        (["sums.tflite"], "sums.tflite does not exist; expected an exported file that ends in .onnx"),
        ([tmp_path / "text.npy"], "is not an exported file that can be run; expected one that ends in .onnx"),
        ([tmp_path / "damaged.onnx"], "is not as `export` wrote it"),
        ([sums, "a text"], "'a text' is not an input of this model; expected numbers as JSON"),
        ([sums, "[[1], [2, 3]]"], "is not an input of this model"),
        ([sums, "[[1, 2, 3]]"], "takes steps of shape (1, None, 2); got (1, 1, 3)"),
        ([sums, '{"other": [[1, 2]]}'], "takes the inputs steps; got other"),
        ([sums, tmp_path / "none.npy"], "none.npy cannot be read"),
        ([sums, tmp_path / "text.npy"], "text.npy cannot be read"),
        ([sums, tmp_path / "two.npz"], "not as many for each input"),
    ):
        assert module.main(list(map(str, arguments)) if len(arguments) > 1 else [str(arguments[0]), "[[1, 2]]"]) == 2
        out, err = capsys.readouterr()
        assert err.startswith("error: ") and err.count("\n") == 1 and sentence in err and not out
    with pytest.raises(UserError, match=r"no file to run; expected one that ends in \.tflite or \.onnx"):
        make_runner([tmp_path / "two.npz"])


def make_bare_python(folder, *distributions):
    """A Python of its own with these alone; they are links to what is installed here, so that nothing is fetched."""
    venv.create(folder, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    for name in distributions:
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files} - {"..", "__pycache__"}:
            (site / top).symlink_to(distribution.locate_file(top))
    return folder / "bin" / "python"


def run(python, *arguments, **options):
    """In the interpreter's own folder, not in the clone, from which this project could be imported."""
    options |= {"cwd": python.parent, "capture_output": True, "text": True, "check": False}
    return subprocess.run([python, *map(str, arguments)], **options)


@pytest.mark.slow
def test_it_answers_alike_where_nothing_else_is_installed(sentiment_run, sums, export_here, tmp_path):
    folder = tmp_path / "sentiment"
    options = ("--formats", "litert,onnx", "--examples", "0", "--saved-models", str(tmp_path))
    SentimentApp().main(["export", "--run-dir", str(sentiment_run), *options])
    texts = ["a lovely film", "An AWFUL film<br />really", "", "\N{PARTY POPPER}", "the plot " * 300]
    for engine, file, runner in (
        ("ai-edge-litert", folder / "sentiment.tflite", LiteRTModel),
        ("onnxruntime", folder / "sentiment.onnx", OnnxModel),
    ):
        program = write_runner(tmp_path, [file])
        python = make_bare_python(tmp_path / f"with {engine}", "numpy", engine)
        assert run(python, "-c", "import rnn_keras").returncode and run(python, "-c", "import tensorflow").returncode
        done = run(python, program, file, *texts, "--json")
        assert json.loads(done.stdout) == {"predictions": runner(file).predict(texts)}, done.stderr
        done = run(python, program, file, input="\n".join(texts))
        labels = [line.partition("\t")[0] for line in done.stdout.splitlines()]
        assert labels == [answer["label"] for answer in runner(file).predict(texts)], done.stderr

    done = run(python, program, sums, "--stream", input="[[1, 2]]\n[[3, 4], [5, 6]]\n")
    assert done.stdout == "[1.0, 2.0]\n[9.0, 12.0]\n", done.stderr
    done = run(make_bare_python(tmp_path / "with neither", "numpy"), program, file, *texts)
    assert (done.returncode, done.stderr) == (2, "error: onnxruntime is not installed: pip install onnxruntime\n")
