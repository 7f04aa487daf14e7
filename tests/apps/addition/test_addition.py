"""The commands of the addition app on small numbers."""

import json
import subprocess
import sys

import numpy as np
import pytest

from apps.addition import data as addition_data
from apps.addition import plots as addition_plots
from apps.addition.__main__ import AdditionApp
from apps.addition.config import AdditionConfig
from tests.helpers.new_process import load_in_a_new_process

LONG_DIGITS = (30, 60)
TINY = ("--cell", "simple_rnn", "--units", 8, "--digits", 2, "--examples", 400, "--epochs", 1)


def command(*arguments):
    AdditionApp().main([str(argument) for argument in arguments])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


@pytest.fixture(scope="module", autouse=True)
def shorter_sums():
    """Fewer sums, of 30 and 60 digits instead of 100 and 500."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(addition_data, "LONG_DIGITS", LONG_DIGITS)
        patch.setattr(addition_data, "TEST_SUMS", 200)
        patch.setattr(addition_data, "VALIDATION_SUMS", 60)
        patch.setattr(addition_plots, "LENGTHS", (8, 16, 32))
        yield


@pytest.fixture(scope="module")
def addition_run(tmp_path_factory):
    """A finished run that has learned next to nothing, that no test changes."""
    run_dir = tmp_path_factory.mktemp("runs") / "addition"
    command("train", "--run-dir", run_dir, *TINY)
    return run_dir


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory):
    """A run that has learned to add numbers of four digits, that no test changes."""
    run_dir = tmp_path_factory.mktemp("runs") / "addition"
    settings = ("--digits", 4, "--examples", 24_000, "--epochs", 5, "--batch-size", 96, "--learning-rate", 0.01)
    command("train", "--run-dir", run_dir, *settings)
    return run_dir


def test_a_run_leaves_what_is_promised(addition_run):
    metrics = json.loads((addition_run / "metrics.json").read_text())

    names = [f"exact_{digits}{kind}" for digits in (2, *LONG_DIGITS) for kind in ("", "_carries")]
    assert set(metrics["test"]) == {*names, "exact", "sums", "carry_probe"}
    figures = {path.name for path in (addition_run / "plots").iterdir()} - {"prediction.png"}
    assert figures == {"learning_curves.png", "exact_by_digits.png", "state.png", "carry_by_age.png"}


def test_evaluate_gives_the_metrics_of_training_again(addition_run, capfd):
    command("evaluate", "--run-dir", addition_run, "--json")
    metrics = last_line(capfd)
    stored = json.loads((addition_run / "metrics.json").read_text())["test"]

    assert {name: metrics[name] for name in stored} == stored


def test_predict_answers_every_sum(addition_run, capfd):
    command("predict", "--run-dir", addition_run, "144", "177", "5+7", "--json")
    out = capfd.readouterr()

    answers = json.loads(out.out)["predictions"]
    assert len(answers) == 2 and all(answer.isdecimal() for answer in answers)
    assert "carry " in out.err and " 1 4 4\n" in out.err and " 1 7 7\n" in out.err
    assert (addition_run / "plots" / "prediction.png").stat().st_size > 1000


@pytest.mark.slow
def test_a_new_process_loads_the_model_with_one_import(addition_run, capfd):
    command("predict", "--run-dir", addition_run, "144+177", "--json")
    expected = last_line(capfd)["predictions"]
    use = "print(model({'text': tf.constant(['144+177'])})['sum'].numpy()[0].decode())"
    assert [load_in_a_new_process("apps.addition.model", addition_run, use)] == expected


def test_the_users_mistakes_are_one_sentence(addition_run, tmp_path, capfd):
    (tmp_path / "bad.csv").write_text("first,second\n1,2\n3,x\n")
    (tmp_path / "few.csv").write_text("first,second\n1,2\n2,1\n")
    train = ("train", "--run-dir", tmp_path / "run")
    for arguments, sentence in (
        (("predict", "--run-dir", addition_run, "144"), "'144' is not a sum: expected two whole numbers"),
        (("predict", "--run-dir", addition_run, "144", "x"), "is not a sum"),
        (("predict", "--run-dir", addition_run, "-1+3"), "is not a sum"),
        ((*train, "--dataset", tmp_path / "bad.csv"), "bad.csv, line 3: '3+x' is not a sum"),
        ((*train, "--dataset", tmp_path / "few.csv"), "has 1 different sums, too few"),
        ((*train, "--dataset", "generatd"), "no such file: generatd; expected generated, or"),
        ((*train, "--digits", "1", "--examples", "50"), "--digits 1 leaves nothing to learn from: all of the 50 sums"),
        ((*train, "--units", "-1"), "--units must be at least 1, got -1"),
    ):
        with pytest.raises(SystemExit) as ended:
            command(*arguments)
        err = capfd.readouterr().err
        assert ended.value.code == 2 and "Traceback" not in err
        assert err.splitlines()[-1].startswith("error: ") and sentence in err.splitlines()[-1], err
    assert not (tmp_path / "run").exists()


def test_automatic_epochs_are_six_or_more():
    config = AdditionConfig()
    assert [config.count_epochs(steps) for steps in (1, 500, 782)] == [4000, 8, 6]
    assert AdditionConfig(epochs=3).count_epochs(1) == 3


@pytest.mark.slow
class TestTrained:
    def test_what_was_learned_from_short_numbers_works_for_long_ones(self, trained_run):
        test = json.loads((trained_run / "metrics.json").read_text())["test"]

        names = [f"exact_{digits}{kind}" for digits in (4, *LONG_DIGITS) for kind in ("", "_carries")]
        assert min(test[name] for name in names) > 0.9
        assert test["carry_probe"] > 0.99

    def test_evaluate_takes_a_file_of_sums(self, trained_run, tmp_path, capfd):
        path = tmp_path / "sums.csv"
        path.write_text("what,first,second\na,5,7\nb,0012,9\nc,123456789012345678901234567890,1\n")
        command("evaluate", "--run-dir", trained_run, "--dataset", path, "--split", "all", "--json")
        metrics = last_line(capfd)

        assert metrics["sums"] == 3 and {"exact_1", "exact_2", "exact_30"} <= set(metrics)
        assert metrics["exact"] == 1.0

    def test_predict_prints_the_sum_with_its_carries(self, trained_run, capfd):
        command("predict", "--run-dir", trained_run, "144", "177", "5+7", "999 1")
        out = capfd.readouterr().out

        assert "carry 1 1\n      1 4 4\n+     1 7 7\n      -----\n=     3 2 1\nright" in out
        assert "wrong" not in out

        command("predict", "--run-dir", trained_run, "144", "177", "5+7", "999 1", "--json")
        assert last_line(capfd)["predictions"] == ["321", "12", "1000"]

    def test_exported_files_add_as_keras_does(self, trained_run, tmp_path, export_here, capfd):
        command("export", "--run-dir", trained_run, "--saved-models", tmp_path, "--examples", 30, "--json")
        report = last_line(capfd)["report"]

        assert [(row["format"], row["quantisation"]) for row in report] == [
            ("keras", "none"),
            ("saved_model", "none"),
            ("litert", "none"),
        ]
        assert all(row["agreement"] == 1 for row in report) and report[2]["largest_difference"] < 1e-4

        by_streams = (
            "import sys\n"
            "import numpy as np\n"
            "from rnn_keras import LiteRTModel\n"
            "model = LiteRTModel(sys.argv[1])\n"
            "first, second = sys.argv[2:]\n"
            "columns = np.array([[int(a), int(b)] for a, b in zip(first[::-1], second[::-1])])\n"
            "answers = [model.run(column[None, None], reset=not n)[0] for n, column in enumerate(columns)]\n"
            "print(''.join(str(answer.argmax()) for answer in answers[::-1]))\n"
            "assert not {'tensorflow', 'keras', 'apps'} & set(sys.modules)\n"
        )
        file = tmp_path / "addition" / "addition.tflite"
        arguments = [sys.executable, "-c", by_streams, str(file), "0999144", "0000177"]
        printed = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
        assert printed.strip() == "0999321"


def test_what_is_loaded_depends_on_nothing_that_is_searched():
    """The trials of a search share the data."""
    app = AdditionApp()
    settings = {"cell": "gru", "units": 9, "learning_rate": 0.1, "clip_norm": 9.0, "batch_size": 7}
    assert set(settings) == set(app.search_space)
    plain, other = (app.load_data(AdditionConfig(digits=3, examples=500, **more)) for more in ({}, settings))
    np.testing.assert_array_equal(plain.train.columns, other.train.columns)
