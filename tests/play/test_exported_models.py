"""An exported model answers where its app has no run: what it says is what the run said."""

import numpy as np
import pytest

from rnn_keras.cli.settings import load_finished_run
from rnn_keras.play.exported_models import ExportedFile, ExportedSavedModel, find_exported_model
from rnn_keras.utils.errors import UserError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_models")]
TEXT = "a lovely film"


@pytest.fixture
def export(apps, runs, tmp_path, export_here):
    def run(name, formats):
        arguments = ["--run-dir", str(runs / name), "--saved-models", str(tmp_path), "--examples", "0"]
        apps[f"apps.{name}"].main(["export", *arguments, "--formats", formats])
        return tmp_path / name

    return run


def test_files_are_preferred_and_both_answer_as_the_run_does(apps, runs, export):
    directory = export("sentiment", "saved_model,litert")
    found = find_exported_model(directory, reads_files=False)
    assert isinstance(found, ExportedFile) and found.takes == "text"
    run = load_finished_run(apps["apps.sentiment"], runs / "sentiment")
    [expected] = apps["apps.sentiment"].predict(run, [TEXT.encode()])
    saved = ExportedSavedModel(directory / "1", reads_files=False)
    for model in (found, saved):
        [answer] = model.predict(TEXT)
        assert answer["label"] == expected["label"]
        assert answer["score"] == pytest.approx(expected["score"], abs=1e-4)


def test_a_saved_model_that_reads_what_people_write_is_preferred_to_numbers(export):
    directory = export("addition", "saved_model,litert")
    found = find_exported_model(directory, reads_files=False)
    assert isinstance(found, ExportedSavedModel) and found.takes == "text"
    [answer] = found.predict("12+34")
    assert all(digit in "0123456789" for digit in answer["sum"])


def test_numbers_come_in_a_file(export, tmp_path):
    found = find_exported_model(export("activity", "litert"), reads_files=True)
    assert found is not None and found.takes == "numbers"
    np.save(tmp_path / "windows.npy", np.zeros((2, 32, 2)))
    assert [row["label"] in ("a", "b") for row in found.predict(tmp_path / "windows.npy")] == [True, True]


def test_a_tab_answers_from_the_export(apps, export, tmp_path):
    pytest.importorskip("httpx")
    from rnn_keras.play.page import list_tabs
    from rnn_keras.play.runs import RunStore

    export("sentiment", "litert")
    one = {"apps.sentiment": apps["apps.sentiment"]}
    tabs = {tab.name: tab for _, _, tab in list_tabs(one, RunStore(tmp_path / "no_runs"), tmp_path)}
    assert not tabs["sentiment"].needs_run and tabs["one-hot"].needs_run
    own = {tab.name: tab for _, _, tab in list_tabs(one, RunStore(tmp_path / "no_runs"), tmp_path / "none")}
    assert own["sentiment"].needs_run


def test_a_damaged_export_is_a_sentence(tmp_path):
    assert find_exported_model(tmp_path / "mood", reads_files=False) is None
    (tmp_path / "mood").mkdir()
    (tmp_path / "mood" / "mood.tflite").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"mood\.tflite"):
        find_exported_model(tmp_path / "mood", reads_files=False)
