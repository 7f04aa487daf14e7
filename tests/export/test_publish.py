"""All files of an export are of one version, whatever happens while they are written."""

import dataclasses
import errno
import json
import os
import resource
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnn_keras.data.classification import label_layer
from rnn_keras.export import bundle, formats, publish
from rnn_keras.export.classification import classification_spec
from rnn_keras.export.litert import conversion as litert_conversion
from rnn_keras.export.saved_model import versions
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import UNFINISHED, lock_directory
from rnn_keras.utils.sums import require_sums

NAMES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def spec():
    steps = keras.Input((4,), name="x")
    classifier = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")], name="classifier")
    probabilities = classifier(steps)
    label = label_layer(NAMES)(keras.ops.argmax(probabilities, axis=-1))
    model = keras.Model({"x": steps}, {"label": label, "probabilities": probabilities}, name="model")
    spec = classification_spec(model, lambda split, number: ([], np.zeros(0)), 0, encode=list)
    comparison = dataclasses.replace(spec.comparison, inputs=[b""])  # so that there is a report
    return dataclasses.replace(spec, comparison=comparison)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """LiteRT files are a number, which each export raises; the report has that number too."""
    exports = []

    def convert_litert(spec, quantisation, notes):
        return f"{quantisation} {len(exports)}".encode()

    def report(spec, variants, log):
        exports.append(variants)
        return [{"export": len(exports) - 1}]

    monkeypatch.setattr(formats, "convert_litert", convert_litert)
    monkeypatch.setattr(bundle, "report", report)


def export(spec, directory, formats=("saved_model", "litert"), quantisations=("none",)):
    return bundle.export(spec, directory / "model.keras", directory, formats, quantisations, lambda line: None)


def read(directory):
    """What stands beside the versions: the numbers inside the files."""
    return {
        path.name: json.loads(path.read_text())[0]["export"] if path.suffix == ".json" else int(path.read_bytes()[5:6])
        for path in directory.iterdir()
        if path.is_file() and path.suffix != ".py"
    }


def test_the_files_of_an_export_are_one_version_and_the_links_lead_to_the_newest(spec, tmp_path):
    folder = tmp_path / "model"
    written = export(spec, folder)
    assert written["saved_model"] == str(folder / "1") and written["litert"] == [str(folder / "model.tflite")]
    names = {"saved_model.pb", "model.tflite", "report.json", "predict.py"}
    assert {path.name for path in (folder / "1").iterdir()} > names
    assert read(folder) == {"model.tflite": 0, "report.json": 0}

    assert export(spec, folder, ["litert"])["saved_model"] is None
    assert versions(folder) == [1] and os.readlink(folder / "latest") == "2-files"
    assert read(folder) == {"model.tflite": 1, "report.json": 1}

    lines = []
    bundle.export(spec, None, folder, ["saved_model"], ["none"], lines.append)
    gone = "model.tflite, predict.py, which this version does not have; earlier versions keep theirs"
    assert lines[-1] == f"no longer in {folder}: {gone}"
    assert versions(folder) == [1, 3] and read(folder) == {"report.json": 2}  # no older file beside it
    assert sorted(path.name for path in folder.iterdir()) == ["1", "2-files", "3", "latest", "report.json"]
    tf.saved_model.load(str(folder / "3"))
    for version in ("1", "2-files", "3"):
        require_sums(folder / version)


@pytest.mark.parametrize("moves", range(6))
def test_after_a_kill_at_any_move_the_files_are_of_one_export(moves, spec, tmp_path, monkeypatch):
    """The version is there and complete, or it is not; and what the links lead to is of one export."""

    class Killed(BaseException):
        pass

    folder = tmp_path / "model"
    export(spec, folder, quantisations=("none", "int8"))
    left = [moves]

    def count(move):
        def moved(*arguments):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return move(*arguments)

        return moved

    monkeypatch.setattr(publish.Path, "rename", count(publish.Path.rename))
    monkeypatch.setattr(publish.os, "replace", count(os.replace))
    monkeypatch.setattr(publish.Path, "unlink", count(publish.Path.unlink))
    monkeypatch.setattr(bundle.tempfile.TemporaryDirectory, "__exit__", lambda *arguments: None)  # as kill -9
    with pytest.raises(Killed):
        bundle.publish_variants(*prepare(spec, folder), folder)
    monkeypatch.undo()
    assert len(set(read(folder).values())) == 1
    for version in versions(folder):
        assert {path.name for path in (folder / str(version)).iterdir()} >= {"saved_model.pb", "report.json"}


def prepare(spec, folder):
    """What `export` hands to `publish_variants` of a second export."""
    temporary = folder / f"{UNFINISHED}x"
    temporary.mkdir()
    variants = formats.convert(spec, temporary, "model", ["saved_model", "litert"], ["none"], lambda line: None)
    return variants, [{"export": 1}], temporary


def test_a_second_export_at_the_same_time_is_refused(spec, tmp_path):
    folder = tmp_path / "model"
    program = (
        "import pathlib, sys\nfrom rnn_keras.utils.files import lock_directory\n"
        "with lock_directory(pathlib.Path(sys.argv[1])):\n print('locked', flush=True)\n sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"locked\n"
        (folder / f"{UNFINISHED}other").mkdir()
        with pytest.raises(UserError, match=r"another process is writing in .*name another folder with --saved-models"):
            export(spec, folder)
        assert [path.name for path in folder.iterdir()] == [f"{UNFINISHED}other"]
        other.stdin.close()
    export(spec, folder)
    assert read(folder) == {"model.tflite": 0, "report.json": 0} and not list(folder.glob(f"{UNFINISHED}*"))


@pytest.mark.parametrize("name", ["report.json", "model.tflite", "latest"])
def test_a_file_that_no_export_wrote_is_left_as_it_is(name, spec, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / name).write_text("theirs")
    with pytest.raises(UserError, match=f"{name} is in the way: .* no export of it wrote this"):
        export(spec, tmp_path / "model")
    assert [(path.name, path.read_text()) for path in (tmp_path / "model").iterdir()] == [(name, "theirs")]


FULL = os.strerror(errno.ENOSPC)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, FULL),
        tf.errors.ResourceExhaustedError(None, None, f"variables/x; {FULL}"),
        RuntimeError(f"Unable to write (errno = 28, error message = '{FULL}')"),
    ],
)
@pytest.mark.parametrize("place", ["convert_litert", "make_endpoint", "report", "publish"])
def test_a_full_disk_is_one_sentence_and_loses_nothing(error, place, spec, tmp_path, monkeypatch):
    folder = tmp_path / "model"
    export(spec, folder)

    def fail(*arguments, **options):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(formats if hasattr(formats, place) else bundle, place, fail)
        with pytest.raises(UserError, match=f"cannot write to .*model: {FULL}; .*what was there is unchanged"):
            export(spec, folder)
    assert versions(folder) == [1] and read(folder) == {"model.tflite": 0, "report.json": 0}
    assert not list(folder.glob(f"{UNFINISHED}*"))
    with lock_directory(folder):
        pass


def test_files_that_really_cannot_be_written_are_one_sentence(spec, tmp_path):
    folder = tmp_path / "model"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))  # bytes of a file
    try:
        with pytest.raises(UserError, match=f"cannot write to {folder}: File too large; free some space"):
            export(spec, folder, ["saved_model"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(folder.iterdir())


def test_a_full_disk_in_the_converters_process_is_no_fault_of_the_network(monkeypatch, tmp_path):
    failed = subprocess.CompletedProcess([], 1, "", f"Traceback\nOSError: [Errno 28] {FULL}\n")
    monkeypatch.setattr(litert_conversion.subprocess, "run", lambda *arguments, **options: failed)
    with pytest.raises(UserError, match=f"cannot write {tmp_path}: {FULL}; free some space"):
        litert_conversion.run_converter(str(tmp_path), "none")


def test_a_name_that_is_not_utf8_is_a_sentence(spec, tmp_path):
    with pytest.raises(UserError, match="is not a name in UTF-8"):
        export(spec, tmp_path / "caf\udce9")
    assert not list(tmp_path.iterdir())
