"""The wardrobe app: its rules against a plain retelling of them, its commands on few diaries, and its parts."""

import csv
import dataclasses
import datetime
import json

import keras
import numpy as np
import pytest

from apps.wardrobe.__main__ import WardrobeApp
from apps.wardrobe.config import WardrobeConfig
from apps.wardrobe.data import UNKNOWN, DayBatches, load, load_to_score, steps
from apps.wardrobe.memory import heeded, with_last_days
from apps.wardrobe.metrics import best_without_memory, metrics, score
from apps.wardrobe.model import build_dresser, build_wardrobe_model
from apps.wardrobe.rules import CLOTHES, LIKING, NAMES, SEASONS, WEATHER, by_rules, generated, season_of, weather
from rnn_keras.utils.errors import UserError

CELLS = ("simple_rnn", "lstm", "gru")


def command(*arguments):
    WardrobeApp().main([str(argument) for argument in arguments])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


def told_again(days):
    """The rules for one diary after the other, in sets and words: `(diaries, time, clothes)`."""
    answers = np.zeros((*days.clothes.shape, len(NAMES)))
    for diary in range(len(days)):
        basket, yesterday = set(), None
        for day in range(days.clothes.shape[1]):
            degrees, kind = days.temperature[diary, day], WEATHER[days.weather[diary, day]]
            warmth = "cold" if degrees < 12 else "mild" if degrees < 21 else "hot"
            suiting = [
                name
                for name, (kinds, keeps_dry) in CLOTHES.items()
                if warmth in kinds.split() and (keeps_dry or kind not in ("rainy", "snowy")) and name != yesterday
            ]
            clean = [name for name in suiting if name not in basket] or suiting
            liked = {name: LIKING[NAMES.index(name)] for name in clean}
            for name, weight in liked.items():
                answers[diary, day, NAMES.index(name)] = weight / sum(liked.values())
            yesterday = NAMES[days.clothes[diary, day]]
            basket.add(yesterday)
            if days.weekday[diary, day] == 6:
                basket.clear()
    return answers


@pytest.fixture(scope="module")
def diaries():
    return generated(np.random.default_rng(5), 120, 28)


@pytest.fixture(scope="module")
def wardrobe_run(tmp_path_factory):
    """A run on few diaries, that no test changes."""
    run_dir = tmp_path_factory.mktemp("runs") / "wardrobe"
    command("train", "--run-dir", run_dir, "--diaries", 300, "--epochs", 6, "--units", 24, "--cell", "gru")
    return run_dir


@pytest.fixture
def diary(tmp_path):
    """A person's own: mostly the hat of two days ago is worn again, in any weather."""
    generator = np.random.default_rng(1)
    path, day = tmp_path / "diary.csv", datetime.date(2025, 3, 1)
    hats = ["cap", "Beret"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Date", "weather", "temperature", "clothes", "remark"])
        for number in range(200):
            hats.append(hats[-2] if generator.random() < 0.93 else str(generator.choice(["cap", "Beret", "hat"])))
            kind = WEATHER[generator.integers(len(WEATHER))]
            writer.writerow([day + datetime.timedelta(number), kind.title(), generator.normal(15, 5), hats[-1], "x"])
    return path


class TestRules:
    def test_they_are_what_they_are_told_to_be(self, diaries):
        np.testing.assert_allclose(by_rules(diaries)[0], told_again(diaries), atol=1e-12)

    def test_what_is_drawn_follows_the_probabilities(self):
        days = generated(np.random.default_rng(6), 3000, 14)
        likely = by_rules(days)[0]
        worn = np.eye(len(NAMES))[days.clothes]

        assert likely[worn > 0].min() > 0
        spread = np.sqrt((likely * (1 - likely)).sum(axis=(0, 1)))
        assert (np.abs((worn - likely).sum(axis=(0, 1))) < 4.5 * spread).all()
        best = likely.max(axis=2)
        right = likely.argmax(axis=2) == days.clothes
        assert abs(right.mean() - best.mean()) < 4.5 * np.sqrt((best * (1 - best)).sum()) / best.size

    def test_days_follow_each_other(self):
        days = weather(np.random.default_rng(2), 500, 28)

        assert ((days.weekday[:, 1:] - days.weekday[:, :-1]) % 7 == 1).all()
        assert set(np.unique(days.weather)) == set(range(len(WEATHER)))
        means = [days.temperature[days.season == season].mean() for season in range(4)]
        assert means[0] < 6 < means[1] < 14 < 18 < means[2] and 8 < means[3] < 16
        assert (days.temperature[days.weather == WEATHER.index("snowy")] <= 1).all()

    def test_seasons_are_by_the_month(self):
        found = [SEASONS[season_of(datetime.date(2026, month, 15))] for month in (1, 3, 6, 9, 12)]
        assert found == ["winter", "spring", "summer", "autumn", "winter"]

    def test_the_best_without_memory_is_far_below_the_best(self, diaries):
        alone = best_without_memory(28)
        assert 0.3 < alone < 0.45 < by_rules(diaries)[0].max(axis=2).mean()


class Knowing:
    """Stands for a network: the rules themselves, given the clothes that the steps tell of."""

    def __init__(self, back=None):
        self.back = back  # how many days' clothes it heeds

    def predict(self, given, **kwargs):
        from apps.wardrobe.rules import Days

        clothes = np.pad(given[:, 1:, 4] - 1, [(0, 0), (0, 1)])
        days = Days(*np.moveaxis(given[:, :, :4], 2, 0), np.maximum(clothes, 0))
        if self.back is None:
            likely = by_rules(days)[0]
        else:
            likely = np.zeros((*clothes.shape, len(NAMES)))
            for day in range(clothes.shape[1]):
                shown = days_part(days, max(0, day - self.back), day + 1)
                likely[:, day] = by_rules(shown)[0][:, -1]
        return {"clothes": likely, "today_only": likely}


def days_part(days, first, last):
    columns = (getattr(days, field.name)[:, first:last] for field in dataclasses.fields(days))
    return type(days)(*columns)


class TestMemory:
    def test_the_rules_themselves_reach_the_best_score(self, diaries):
        found = metrics(Knowing(), diaries, follows_rules=True)

        assert found["accuracy"] == found["rules_accuracy"]
        assert found["loss_above_best"] == pytest.approx(0, abs=1e-9)
        assert found["best_accuracy"] == pytest.approx(by_rules(diaries)[0].max(axis=2).mean())

    def test_more_days_shown_are_more_known(self, diaries):
        scores = with_last_days(Knowing(), diaries)

        assert scores[0] < 0.55 < scores[-1]
        assert scores[-1] == pytest.approx(scores[7])  # nothing reaches farther back than a week

    def test_what_is_heeded_ends_where_the_memory_ends(self, diaries):
        changes = heeded(Knowing(back=3), diaries, np.random.default_rng(1))

        assert len(changes["network"]) == len(changes["rules"]) == 10
        assert min(changes["network"][:3]) > 0.02 and max(changes["network"][3:]) == 0
        assert min(changes["rules"][:6]) > 0.001 and max(changes["rules"][7:]) == 0


class TestCommands:
    def test_a_run_leaves_what_is_promised(self, wardrobe_run):
        metrics = json.loads((wardrobe_run / "metrics.json").read_text())["test"]

        assert metrics["accuracy"] > metrics["today_only_accuracy"] + 0.05
        assert 0.74 < metrics["best_accuracy"] < 0.79
        plots = {path.name for path in (wardrobe_run / "plots").iterdir()}
        assert plots == {"learning_curves.png", "week.png", "memory.png"}

    def test_evaluate_gives_the_metrics_of_training_again(self, wardrobe_run, capfd):
        command("evaluate", "--run-dir", wardrobe_run, "--json")
        again = last_line(capfd)
        for name, value in json.loads((wardrobe_run / "metrics.json").read_text())["test"].items():
            assert again[name] == pytest.approx(value, abs=1e-6), name

    def test_predict_suggests_clothes_for_the_last_day(self, wardrobe_run, tmp_path, capfd):
        path = tmp_path / "mine.csv"
        rows = ["2026-07-06,sunny,29,linen shirt", "2026-07-07,Sunny,30.4,striped T-shirt", "2026-07-08,rainy,24,"]
        path.write_text("\n".join(["date,weather,temperature,clothes", *rows]))
        command("predict", "--run-dir", wardrobe_run, path, "--json")
        (answer,) = last_line(capfd)["predictions"]

        assert answer["clothes"] in NAMES and 0 < answer["score"] <= 1
        assert len({answer["clothes"], *answer["else"]}) == 3

    def test_a_diary_of_ones_own(self, diary, tmp_path, capfd):
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

    def test_exported_files_answer_as_keras_does(self, wardrobe_run, tmp_path, capfd):
        command("export", "--run-dir", wardrobe_run, "--saved-models", tmp_path, "--examples", 40, "--json")
        report = last_line(capfd)["report"]

        assert [row["format"] for row in report] == ["keras", "saved_model", "litert"]
        assert all(row["agreement"] == 1 and row["largest_difference"] < 1e-5 for row in report)

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
    def test_a_mistake_in_a_diary_is_one_sentence(self, wardrobe_run, tmp_path, row, sentence, capfd):
        path = tmp_path / "mine.csv"
        path.write_text(f"date,weather,temperature,clothes\n{row}\n")
        with pytest.raises(SystemExit) as ended:
            command("predict", "--run-dir", wardrobe_run, path)
        err = capfd.readouterr().err
        assert ended.value.code == 2 and "Traceback" not in err
        assert err.splitlines()[-1].startswith("error: ") and sentence in err.splitlines()[-1], err

    def test_a_file_that_cannot_be_learnt_from_is_refused(self, tmp_path, capfd):
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


def test_a_split_without_known_clothes_is_told(tmp_path):
    path = tmp_path / "mine.csv"
    days = [f"2026-01-{day:02},sunny,3,{'hoodie' if day < 28 else ''}" for day in range(1, 31)]
    path.write_text("\n".join(["date,weather,temperature,clothes", *days]))
    data = load_to_score(WardrobeConfig(), str(path), NAMES)
    with pytest.raises(UserError, match="no clothes on any day of the test split"):
        score(Knowing(), data, "test")
    assert score(Knowing(), data, "train")["days"] == 24


@pytest.mark.parametrize("cell", CELLS)
class TestModel:
    def compiled(self, cell, days):
        keras.utils.set_random_seed(1)
        config = WardrobeConfig(cell=cell, units=32, learning_rate=0.02)
        data = load(dataclasses.replace(config, diaries=10))
        dresser = WardrobeApp().build(config, data, keras.optimizers.Adam(0.02))
        return dresser, DayBatches(days.chosen(slice(8)), 8, shuffle=False).dataset()

    def test_one_step_moves_every_weight(self, cell, diaries):
        dresser, batch = self.compiled(cell, diaries)
        before = [weight.numpy() for weight in dresser.trainable_variables]
        dresser.fit(batch, epochs=1, verbose=0, shuffle=False)

        for weight, old in zip(dresser.trainable_variables, before, strict=True):
            assert np.any(weight.numpy() != old), weight.path

    def test_it_overfits_one_batch_as_no_network_without_memory_can(self, cell, diaries):
        dresser, batch = self.compiled(cell, diaries)
        dresser.fit(batch.repeat(), steps_per_epoch=250, verbose=0, shuffle=False)
        values = dresser.evaluate(batch, verbose=0, return_dict=True)

        assert values["clothes_accuracy"] > 0.97

    def test_a_saved_model_suggests_the_same(self, cell, diaries, tmp_path):
        dresser = build_dresser(WardrobeConfig(cell=cell, units=8, layers=2), len(NAMES))
        model = build_wardrobe_model(dresser, NAMES)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        given = keras.ops.convert_to_tensor(steps(diaries))
        out = loaded({"steps": given})

        np.testing.assert_allclose(out["probabilities"], dresser(given)["clothes"], atol=1e-6)
        first = np.asarray(out["probabilities"][0]).argmax(axis=1)
        assert [name.decode() for name in out["clothes"][0].numpy()] == [NAMES[place] for place in first]


def test_days_without_known_clothes_do_not_count(diaries):
    clothes = diaries.clothes.copy()
    clothes[:, 20:] = UNKNOWN
    (given, worn, known), *_ = DayBatches(dataclasses.replace(diaries, clothes=clothes), 200, shuffle=False).dataset()

    assert known["clothes"].numpy().sum() == 20 * len(diaries) and worn["clothes"].numpy().min() == 0
    assert (given.numpy()[:, 21:, 4] == 0).all() and (given.numpy()[:, 1:21, 4] == clothes[:, :20] + 1).all()
