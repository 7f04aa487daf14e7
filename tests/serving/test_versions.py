"""New versions are served when they come, broken ones are not, and the one before is."""

import asyncio
import logging
import shutil

import pytest

pytest.importorskip("kserve")
import tensorflow as tf

from rnn_keras.serving import versions as module
from rnn_keras.serving.request import RequestError
from rnn_keras.serving.versions import Versions
from rnn_keras.serving.worker import Worker
from rnn_keras.utils.errors import UserError


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    """A SavedModel that doubles numbers."""

    class Double(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32, name="x")])
        def double(self, x):
            return {"y": 2 * x}

    folder = tmp_path_factory.mktemp("double")
    double = Double()
    tf.saved_model.save(double, str(folder), signatures={"serving_default": double.double, "again": double.double})
    return folder


@pytest.fixture
def folder(saved_model, tmp_path):
    """Versions 1 and 2."""
    for number in "12":
        shutil.copytree(saved_model, tmp_path / number)
    return tmp_path


def damage(version):
    (version / "saved_model.pb").write_bytes(b"no model")


def watch(versions, *steps):
    """The version that is served after each step, and those that were prepared; steps run while it is watched."""

    async def run():
        worker, prepared, served = Worker("load", asyncio.get_running_loop()), [], []
        watching = asyncio.create_task(versions.watch(worker, prepared.append))
        for step in steps:
            before = versions.current
            step()
            for _ in range(100):
                await asyncio.sleep(0.02)
                if versions.current is not before:
                    break
            served.append(versions.current.version)
        watching.cancel()
        worker.stop()
        return served, [model.version for model in prepared]

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr(module, "POLL_SECONDS", 0.02)


def test_the_newest_is_served(folder):
    versions = Versions(folder, "double")

    assert versions.current.version == 2 and versions.find(2) is versions.find() is versions.current
    for asked, sentence in (((1,), "version 1 is not served, but 2"), ((None, "x"), r"no label 'x'.*--labels")):
        with pytest.raises(RequestError, match=sentence) as refused:
            versions.find(*asked)
        assert refused.value.status == 404
    assert Versions(folder, "double", ("stable",)).find(None, "stable").version == 2


def test_a_version_that_comes_is_served_and_one_that_goes_is_not(folder, saved_model):
    versions = Versions(folder, "double")
    served, prepared = watch(
        versions,
        lambda: shutil.copytree(saved_model, folder / "10"),
        lambda: shutil.rmtree(folder / "10"),
        lambda: [shutil.rmtree(folder / number) for number in "12"],
    )
    assert served == [10, 2, 2] and prepared == [10, 2]


def test_a_broken_version_falls_back_with_a_loud_line(folder, caplog):
    damage(folder / "2")
    (folder / "3").mkdir()
    versions = Versions(folder, "double")

    assert versions.current.version == 1
    loud = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert [line[: len("VERSION 3 OF double IS NOT SERVED")] for line in loud] == [
        "VERSION 3 OF double IS NOT SERVED",
        "VERSION 2 OF double IS NOT SERVED",
    ]
    states = versions.describe()["model_version_status"]
    assert [(state["version"], state["state"]) for state in states] == [("1", "AVAILABLE"), ("2", "END"), ("3", "END")]
    assert "cannot be loaded" in states[1]["status"]["error_message"]


def test_a_broken_version_that_comes_changes_nothing_until_it_is_mended(folder, saved_model, caplog):
    def add_broken():
        shutil.copytree(saved_model, folder / "3")
        damage(folder / "3")

    versions = Versions(folder, "double")
    served, _ = watch(versions, add_broken, lambda: shutil.copy(saved_model / "saved_model.pb", folder / "3"))
    assert served == [2, 3]
    assert sum("VERSION 3" in record.getMessage() for record in caplog.records) == 1  # not at each look
    assert versions.failed == {}


def test_a_version_is_not_loaded_while_it_is_copied(folder, saved_model, monkeypatch):
    """Each look finds other files, until the last."""
    finds = []

    def find(path):
        finds.append(path.name)
        return (("file", min(len([name for name in finds if name == "3"]), 5), 0),)

    versions = Versions(folder, "double")
    monkeypatch.setattr(module, "find_files", find)
    shutil.copytree(saved_model, folder / "3")
    assert versions._load_newest(2) is None
    looks = [versions._load_newest(2) for _ in range(5)]
    assert [look is not None for look in looks[:4]] == [False] * 4 and looks[4].version == 3


def test_without_a_version_that_can_be_loaded_the_newest_is_named(folder):
    damage(folder / "1")
    damage(folder / "2")
    with pytest.raises(UserError, match=r"2 cannot be loaded as a SavedModel"):
        Versions(folder, "double")


def test_all_signatures_are_described(folder):
    model = Versions(folder, "double").current
    described = model.describe()["signature_def"]["signature_def"]

    assert set(described) == {"serving_default", "again"} and model.find_signature("").name == "serving_default"
    x = described["again"]["inputs"]["x"]
    assert x["dtype"] == "DT_FLOAT" and x["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]
    assert described["again"]["method_name"] == "tensorflow/serving/predict"
