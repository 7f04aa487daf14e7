"""The commands of the wardrobe app on few diaries."""

import csv
import datetime
import json

import numpy as np
import pytest

from apps.wardrobe import data as wardrobe_data
from apps.wardrobe import metrics as wardrobe_metrics
from apps.wardrobe import plots as wardrobe_plots
from apps.wardrobe.__main__ import WardrobeApp
from apps.wardrobe.config import WardrobeConfig
from apps.wardrobe.days import WEATHER
from apps.wardrobe.diary import check_source, read_diary
from apps.wardrobe.rules import CLOTHES, CLOTHES_NAMES
from rnn_keras.utils.errors import UserError
from tests.helpers.new_process import load_in_a_new_process

TINY = ("--cell", "simple_rnn", "--units", 8, "--diaries", 40, "--epochs", 1)


def command(*arguments):
    WardrobeApp().main([str(argument) for argument in arguments])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


@pytest.fixture(scope="module")
def fewer_diaries():
    """Fewer diaries to validate and test with, and fewer days for the figures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wardrobe_data, "HELD_OUT_DIARIES", {"validation": 20, "test": 50})
        patch.setattr(wardrobe_metrics, "SIMULATED_DIARIES", 2000)
        patch.setattr(wardrobe_plots, "MAXIMUM_LOOKBACK", 2)
        wardrobe_metrics.estimate_best_today_only.cache_clear()
        yield
    wardrobe_metrics.estimate_best_today_only.cache_clear()


@pytest.fixture(scope="module")
def wardrobe_run(fewer_diaries, tmp_path_factory):
    """A finished run that has learned next to nothing, that no test changes."""
    run_dir = tmp_path_factory.mktemp("runs") / "wardrobe"
    command("train", "--run-dir", run_dir, *TINY)
    return run_dir


def write_diary(path):
    """A person's own diary: mostly the hat of two days ago is worn again, in any weather."""
    generator = np.random.default_rng(1)
    day = datetime.date(2025, 3, 1)
    hats = ["cap", "Beret"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Date", "weather", "temperature", "clothes", "remark"])
        for number in range(200):
            hats.append(hats[-2] if generator.random() < 0.93 else str(generator.choice(["cap", "Beret", "hat"])))
            kind = WEATHER[generator.integers(len(WEATHER))]
            writer.writerow([day + datetime.timedelta(number), kind.title(), generator.normal(15, 5), hats[-1], "x"])


def test_a_run_leaves_what_is_promised(wardrobe_run):
    metrics = json.loads((wardrobe_run / "metrics.json").read_text())["test"]

    assert {"accuracy", "today_only_accuracy", "loss", "best_today_only_accuracy"} < set(metrics)
    assert 0.7 < metrics["best_accuracy"] < 0.83 and metrics["days"] == 50 * 28
    plots = {path.name for path in (wardrobe_run / "plots").iterdir()}
    assert plots == {"learning_curves.png", "week.png", "memory.png"}


def test_evaluate_gives_the_metrics_of_training_again(wardrobe_run, capfd):
    command("evaluate", "--run-dir", wardrobe_run, "--json")
    metrics = last_line(capfd)
    for name, value in json.loads((wardrobe_run / "metrics.json").read_text())["test"].items():
        assert metrics[name] == pytest.approx(value, abs=1e-6), name


def test_predict_suggests_clothes_for_the_last_day(wardrobe_run, tmp_path, capfd):
    path = tmp_path / "mine.csv"
    rows = ["2026-07-06,sunny,29,linen shirt", "2026-07-07,Sunny,30.4,striped T-shirt", "2026-07-08,rainy,24,"]
    path.write_text("\n".join(["date,weather,temperature,clothes", *rows]))
    command("predict", "--run-dir", wardrobe_run, path, "--json")
    (answer,) = last_line(capfd)["predictions"]

    assert answer["clothes"] in CLOTHES and 0 < answer["score"] <= 1
    assert len({answer["clothes"], *answer["alternatives"]}) == 3


@pytest.mark.slow
def test_a_new_process_loads_the_model_with_one_import(wardrobe_run):
    use = "print(model({'steps': np.array([[[0, 2, 0, 29, 0]]])})['clothes'].numpy()[0, 0].decode())"
    assert load_in_a_new_process("apps.wardrobe.model", wardrobe_run, use) in CLOTHES


def test_what_is_loaded_depends_on_nothing_that_is_searched(fewer_diaries):
    """The trials of a search share the data."""
    app = WardrobeApp()
    settings = {"cell": "gru", "units": 9, "layers": 2, "dropout": 0.3}
    settings |= {"learning_rate": 0.1, "clip_norm": 9.0, "batch_size": 7}
    assert set(settings) == set(app.search_space)
    plain, other = (app.load_data(WardrobeConfig(diaries=20, **more)) for more in ({}, settings))
    np.testing.assert_array_equal(plain.splits["train"].clothes, other.splits["train"].clothes)


@pytest.mark.slow
def test_exported_files_predict_as_keras_does(wardrobe_run, tmp_path, export_here, capfd):
    command("export", "--run-dir", wardrobe_run, "--saved-models", tmp_path, "--examples", 40, "--json")
    report = last_line(capfd)["report"]

    assert [row["format"] for row in report] == ["keras", "saved_model", "litert"]
    assert all(row["agreement"] == 1 and row["largest_difference"] < 1e-5 for row in report)


@pytest.mark.slow
def test_the_recurrent_network_learns_more_than_today_tells(tmp_path):
    settings = ("--diaries", 300, "--epochs", 6, "--units", 24, "--cell", "gru")
    command("train", "--run-dir", tmp_path / "run", *settings)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())["test"]

    assert metrics["accuracy"] > metrics["today_only_accuracy"] + 0.05
    assert 0.74 < metrics["best_accuracy"] < 0.79


@pytest.mark.slow
def test_a_persons_own_diary(tmp_path, capfd):
    diary = tmp_path / "diary.csv"
    write_diary(diary)
    run = ("--run-dir", tmp_path / "run")
    settings = ("--dataset", diary, "--epochs", 50, "--units", 16, "--patience", 50, "--batch-size", 1)
    command("train", *run, *settings, "--cell", "simple_rnn")
    command("evaluate", *run, "--split", "all", "--json")
    metrics = last_line(capfd)

    assert metrics["days"] == 200 and "best_accuracy" not in metrics
    assert metrics["accuracy"] > 0.75 and metrics["accuracy"] > metrics["today_only_accuracy"] + 0.05
    assert (tmp_path / "run" / "plots" / "memory.png").exists()
    with diary.open("a") as file:
        file.write("2026-01-01,sunny,3,,\n")
    command("predict", *run, diary, "--json")
    (answer,) = last_line(capfd)["predictions"]
    assert answer["clothes"] in ("cap", "Beret", "hat")


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("2026-13-01,sunny,3,cap", "date '2026-13-01'; expected a day such as"),
        ("2026-01-01,hail,3,cap", "weather 'hail'; expected one of sunny, cloudy"),
        ("2026-01-01,sunny,warm,cap", "temperature 'warm'; expected degrees Celsius from -60 to 60"),
        ("2026-01-01,sunny,300,cap", "temperature '300'; expected degrees"),
        ("2026-01-01,sunny,3,cap\n2026-01-01,sunny,4,cap", "line 3: 2026-01-01 is there twice"),
        ("2026-01-01,sunny,3", "line 2: 3 fields where the header names 4"),
        ("2026-01-01,sunny,3,fez\n2026-01-02,sunny,3,", "clothes 'fez'; expected one of"),
        ("2026-01-01,sunny,3,hoodie", "says what was worn on 2026-01-01, its last day; expected a last row"),
    ],
)
def test_a_mistake_in_a_diary_is_one_sentence(wardrobe_run, tmp_path, row, sentence, capfd):
    path = tmp_path / "mine.csv"
    path.write_text(f"date,weather,temperature,clothes\n{row}\n")
    with pytest.raises(SystemExit) as ended:
        command("predict", "--run-dir", wardrobe_run, path)
    err = capfd.readouterr().err
    assert ended.value.code == 2 and "Traceback" not in err
    assert err.splitlines()[-1].startswith("error: ") and sentence in err.splitlines()[-1], err


def test_a_file_that_cannot_be_learned_from_is_refused(tmp_path, capfd):
    short = tmp_path / "short.csv"
    short.write_text("date,weather,temperature,clothes\n2026-01-01,sunny,3,cap\n")
    other = tmp_path / "other.csv"
    other.write_text("day,clothes\n1,cap\n")
    for dataset, sentence in (
        (short, "has 1 days with clothes, too few to learn from"),
        (other, "columns named 'date' where one is expected"),
        ("generate", "no such file: generate; expected generated, or a diary"),
    ):
        with pytest.raises(SystemExit) as ended:
            command("train", "--run-dir", tmp_path / "run", "--dataset", dataset)
        err = capfd.readouterr().err
        assert ended.value.code == 2 and sentence in err.splitlines()[-1], err


def test_a_gap_in_a_diary_is_noted(tmp_path):
    path = tmp_path / "mine.csv"
    days = [f"2026-01-{day:02},sunny,3,hoodie" for day in (*range(1, 9), *range(12, 20))]
    path.write_text("\n".join(["date,weather,temperature,clothes", *days]))
    data = wardrobe_data.load_diaries(WardrobeConfig(dataset=str(path)), CLOTHES_NAMES)
    assert len(data.everything) == 2 and "days are missing in 1 places" in data.notes[0]


def test_automatic_epochs_are_25_or_more():
    assert [WardrobeConfig().count_epochs(steps) for steps in (1, 79)] == [400, 25]
    assert WardrobeConfig(epochs=3).count_epochs(1) == 3


def test_a_diary_as_excel_writes_it(tmp_path):
    path = tmp_path / "diary.csv"
    path.write_text("Tag;weather;temperature;clothes\n2026-05-02;rainy;-0,6;\n2026-05-01;Sunny;12,4;coat\n")
    columns = WardrobeConfig(date_column="tag").file_columns
    check_source(str(path), columns)
    diary = read_diary(path, columns)
    assert [(row.temperature, row.clothes) for row in diary.rows] == [(12, "coat"), (-1, "")]
    with pytest.raises(UserError, match=r"0 columns named 'date'.*with --date-column"):
        check_source(str(path), WardrobeConfig().file_columns)
