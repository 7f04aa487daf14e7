"""A model of another app in a run's directory is one sentence for every command, before and after it is loaded."""

import keras
import pytest

from tests.helpers.tiny_app import ExportableApp, PlainApp, TinyApp
from tests.helpers.tiny_runs import copy_run


def test_a_model_that_another_app_saved_is_refused(finished_run, refuse):
    for app, command in ((TinyApp, "predict"), (TinyApp, "evaluate"), (ExportableApp, "export")):
        inputs = ["1 1"] if command == "predict" else []
        sentence = refuse(app(), command, "--run-dir", finished_run, *inputs)
        assert f"model.keras is a model of plain, not of {app.name}; name the directory of a run" in sentence


def test_a_model_that_no_app_saved_is_used_or_refused(finished_run, tmp_path, refuse, capfd):
    run = copy_run(finished_run, tmp_path)
    run.load_model().save(run.model)  # as somebody who trains on in a notebook
    PlainApp().main(["predict", "--run-dir", str(run.path), "1 1", "--json"])
    assert '"predictions"' in capfd.readouterr().out

    keras.Sequential([keras.Input((3, 3)), keras.layers.GRU(1)]).save(run.model)
    for command in (("predict", "1 1"), ("evaluate",)):
        sentence = refuse(PlainApp(), *command, "--run-dir", run.path)
        assert (
            "model.keras was not saved by python -m tests.helpers.tiny_app train, and is not a model of it" in sentence
        )


def test_the_faults_of_an_app_are_shown_as_they_are(finished_run, monkeypatch):
    def fail(*arguments):
        raise KeyError("a fault")

    monkeypatch.setattr(PlainApp, "score", fail)
    with pytest.raises(KeyError, match="a fault"):
        PlainApp().main(["evaluate", "--run-dir", str(finished_run)])
