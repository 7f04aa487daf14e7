"""The addition app on small numbers, by its commands and by its parts."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from apps.addition import data as addition_data
from apps.addition.__main__ import AdditionApp
from apps.addition.config import AdditionConfig
from apps.addition.data import Sums, drawn_columns, filled, hard, in_step, keys, learnable, load, unseen
from apps.addition.digit_columns import added, columns_of, numbers
from apps.addition.model import Adder, build_adder, build_sum_model, carry_probe
from apps.addition.paper import on_paper
from apps.addition.predict import questions
from apps.addition.reading import batches, build_network
from rnn_keras.data.batching import FixedBatches
from rnn_keras.training.losses import SmoothedCrossentropy

CELLS = ("simple_rnn", "lstm", "gru")
LONG = (30, 60)


def command(*arguments):
    AdditionApp().main([str(argument) for argument in arguments])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


@pytest.fixture(scope="module")
def shorter_tests():
    """Numbers of 30 and 60 digits instead of 100 and 500."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(addition_data, "LONG", LONG)
        patch.setattr(addition_data, "TESTED", 200)
        yield


@pytest.fixture(scope="module")
def addition_run(shorter_tests, tmp_path_factory):
    """A run that has learnt to add numbers of four digits, that no test changes."""
    run_dir = tmp_path_factory.mktemp("runs") / "addition"
    settings = ("--digits", 4, "--examples", 24_000, "--epochs", 5, "--batch-size", 96, "--learning-rate", 0.01)
    command("train", "--run-dir", run_dir, *settings)
    return run_dir


def test_what_was_learnt_from_short_numbers_holds_for_long_ones(addition_run):
    test = json.loads((addition_run / "metrics.json").read_text())["test"]

    names = [f"exact_{digits}{kind}" for digits in (4, *LONG) for kind in ("", "_carries")]
    assert set(names) < set(test)
    assert min(test[name] for name in names) > 0.9
    assert test["carry_probe"] > 0.99
    left = {path.name for path in (addition_run / "plots").iterdir()}
    assert left == {"learning_curves.png", "exact_by_digits.png", "state.png", "carry_by_age.png"}


def test_evaluate_gives_the_metrics_of_training_again(addition_run, capfd):
    command("evaluate", "--run-dir", addition_run, "--json")
    again = last_line(capfd)
    stored = json.loads((addition_run / "metrics.json").read_text())["test"]

    assert {name: again[name] for name in stored} == stored


def test_evaluate_takes_a_file_of_sums(addition_run, tmp_path, capfd):
    path = tmp_path / "sums.csv"
    path.write_text("what,first,second\na,5,7\nb,0012,9\nc,123456789012345678901234567890,1\n")
    command("evaluate", "--run-dir", addition_run, "--dataset", path, "--split", "all", "--json")
    metrics = last_line(capfd)

    assert metrics["sums"] == 3 and {"exact_1", "exact_2", "exact_30"} <= set(metrics)
    assert metrics["exact"] == 1.0


def test_predict_writes_the_sum_down_with_its_carries(addition_run, capfd):
    command("predict", "--run-dir", addition_run, "144", "177", "5+7", "999 1")
    out = capfd.readouterr().out

    assert "carry 1 1\n      1 4 4\n+     1 7 7\n      -----\n=     3 2 1\nright" in out
    assert "wrong" not in out
    assert (addition_run / "plots" / "prediction.png").stat().st_size > 1000

    command("predict", "--run-dir", addition_run, "144", "177", "5+7", "999 1", "--json")
    assert last_line(capfd)["predictions"] == ["321", "12", "1000"]
    (addition_run / "plots" / "prediction.png").unlink()


def test_the_users_mistakes_are_one_sentence(addition_run, tmp_path, capfd):
    (tmp_path / "bad.csv").write_text("first,second\n1,2\n3,x\n")
    (tmp_path / "few.csv").write_text("first,second\n1,2\n2,1\n")
    train = ("train", "--run-dir", tmp_path / "run")
    for arguments, sentence in (
        (("predict", "--run-dir", addition_run, "144"), "'144' is no sum: expected two whole numbers"),
        (("predict", "--run-dir", addition_run, "144", "x"), "is no sum"),
        (("predict", "--run-dir", addition_run, "-1+3"), "is no sum"),
        ((*train, "--dataset", tmp_path / "bad.csv"), "bad.csv, line 3: '3+x' is no sum"),
        ((*train, "--dataset", tmp_path / "few.csv"), "has 1 different sums, too few"),
        ((*train, "--dataset", "generatd"), "no such file: generatd; expected generated, or"),
        ((*train, "--digits", "1", "--examples", "50"), "--digits 1 leaves nothing to learn from: all of the 50 sums"),
        ((*train, "--units", "-1"), "--units must be at least 0 (0 chooses by the order), got -1"),
    ):
        with pytest.raises(SystemExit) as ended:
            command(*arguments)
        err = capfd.readouterr().err
        assert ended.value.code == 2 and "Traceback" not in err
        assert err.splitlines()[-1].startswith("error: ") and sentence in err.splitlines()[-1], err
    assert not (tmp_path / "run").exists()


def test_exported_files_add_as_keras_does(addition_run, tmp_path, capfd):
    command("export", "--run-dir", addition_run, "--saved-models", tmp_path, "--examples", 30, "--json")
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
        "from rnn_keras.export import LiteRTModel\n"
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


@pytest.mark.parametrize("cell", CELLS)
class TestAdder:
    def compiled(self, cell):
        keras.utils.set_random_seed(1)
        adder = build_adder(AdditionConfig(cell=cell, units=16))
        adder.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
        sums = learnable(np.random.default_rng(1), 32, 3)
        return adder, sums, FixedBatches(in_step(sums), 32, shuffle=False).dataset()

    def test_one_step_moves_every_weight(self, cell):
        adder, _, batch = self.compiled(cell)
        before = [weight.numpy() for weight in adder.trainable_variables]
        adder.fit(batch, epochs=1, verbose=0, shuffle=False)

        for weight, old in zip(adder.trainable_variables, before, strict=True):
            assert np.any(weight.numpy() != old), weight.path

    def test_it_overfits_one_batch_and_a_saved_model_adds_the_same(self, cell, tmp_path):
        adder, sums, batch = self.compiled(cell)
        adder.fit(batch.repeat(), steps_per_epoch=250, verbose=0, shuffle=False)
        assert adder.evaluate(batch, verbose=0)[1] == 1.0

        model = build_sum_model(adder, carry_probe(adder, sums))
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        texts = keras.ops.convert_to_tensor(sums.questions)
        answers = [text.decode() for text in loaded({"text": texts})["sum"].numpy()]
        assert answers == sums.answers == [str(sum(map(int, question.split("+")))) for question in sums.questions]
        digits, carries = Adder(loaded)(sums.columns)
        assert numbers(digits) == answers
        np.testing.assert_allclose(carries, Adder(model)(sums.columns)[1], atol=1e-6)
        np.testing.assert_allclose(carries, model({"text": texts})["carry"], atol=1e-6)


def test_the_probe_reads_what_is_linear_in_the_state(monkeypatch):
    """A state that has the carry in it, and one that has not."""
    keras.utils.set_random_seed(1)
    adder = build_adder(AdditionConfig(cell="simple_rnn", units=4))
    sums = learnable(np.random.default_rng(1), 300, 5)
    carries = added(sums.columns)[1]
    noise = np.random.default_rng(2).normal(size=(*carries.shape, 4))
    blind = max(carries.mean(), 1 - carries.mean())  # what one who always says the same is right in
    for weight, least, most in ((1.0, 0.99, 1.0), (0.0, blind - 0.02, blind + 0.02)):
        state = noise + 20 * weight * carries[..., np.newaxis]
        monkeypatch.setattr("apps.addition.model.with_states", lambda adder, state=state: Known(state))
        probe = carry_probe(adder, sums)
        right = ((probe(state).numpy()[..., 0] > 0.5) == carries).mean()
        assert least <= right <= most


class Telling:
    """States in which the carry is."""

    def predict(self, columns, **kwargs):
        return {"state": 20.0 * added(columns)[1][..., np.newaxis] - 10}


def test_the_probe_is_fitted_on_sums_of_all_lengths_and_on_those_without_any_carry(monkeypatch):
    monkeypatch.setattr("apps.addition.model.PROBED", 100)
    monkeypatch.setattr("apps.addition.model.with_states", lambda adder: Telling())
    easy = Sums(columns_of([("1", "2")] * 200, 3))
    hard_ones = Sums(columns_of([("999", "1")] * 100, 3))
    both = Sums(np.concatenate([easy.columns, hard_ones.columns]))  # as a file's are, the shorter first
    for sums, examples in ((both, hard_ones), (easy, easy)):
        probe = carry_probe(None, sums)
        found = probe(Telling().predict(examples.columns)["state"]).numpy()[..., 0] > 0.5
        np.testing.assert_array_equal(found, added(examples.columns)[1])


class Known:
    def __init__(self, state):
        self.state = state

    def predict(self, columns, **kwargs):
        return {"state": self.state}


def test_no_sum_is_in_two_splits_in_whatever_order():
    splits = load(AdditionConfig(digits=2, examples=3000)).splits
    sets = [{key for sums in groups.values() for key in keys(sums)} for groups in splits.values()]

    assert all(sets) and not sets[0] & sets[1] and not sets[0] & sets[2]
    assert len(splits["train"]["2"]) > 300


def test_the_hard_sums_have_carries_of_every_length():
    sums = hard(np.random.default_rng(3), 60, 20)
    first, second = zip(*(question.split("+") for question in sums.questions), strict=True)
    assert (first[0], second[0]) == ("9" * 20, "1")

    carries = added(sums.columns)[1]
    of_nine = sums.columns.sum(axis=2) == 9
    handed_on = set()
    for row, nine in zip(carries, of_nine, strict=True):
        length = 0
        for place in range(1, 20):
            length = length + 1 if nine[place] and row[place] else 0
            handed_on.add(length)
    assert handed_on >= set(range(1, 20))


def test_random_sums_have_as_many_digits_as_they_say():
    groups = unseen(np.random.default_rng(3), 50, (7,))
    assert all(len(number) == 7 for question in groups["7"].questions for number in question.split("+"))


def test_nine_columns_are_as_many_as_asked():
    columns = drawn_columns(np.random.default_rng(1), 4, 2000, np.array([0.0, 0.5, 0.9, 1.0]))
    shares = (columns.sum(axis=2) == 9).mean(axis=1)
    np.testing.assert_allclose(shares, [0.1, 0.55, 0.91, 1.0], atol=0.03)
    assert filled(columns).shape == (4, 2001, 2)


def test_two_numbers_one_behind_the_other_are_one_sum():
    assert questions([b"144", b"177"]) == [b"144+177"]
    assert questions([b"1+2", b"3", b"4 ", b"5 6"]) == [b"1+2", b"3+4", b"5 6"]
    assert questions([b"1", b"2", b"3"]) == [b"1+2", b"3"]


def test_a_long_sum_is_written_in_blocks():
    text = on_paper("9" * 12, "1", "1" + "0" * 12, [True] * 12 + [False], width=6 + 2 * 5)
    blocks = text.split("\n\n")

    assert [block.splitlines()[-1] for block in blocks] == ["=     1 0 0", "=     0 0 0 0 0", "=     0 0 0 0 0"]
    assert blocks[0].splitlines()[0] == "carry 1 1 1" and blocks[-1].splitlines()[0] == "carry 1 1 1 1"


class TestReading:
    def test_questions_and_answers_become_ids(self):
        sums = Sums(columns_of([("144", "177"), ("5", "7")]))
        (source, written), wanted, weights = next(iter(batches(sums, 2, shuffle=False).dataset()))

        ids = {digit: place + 4 for place, digit in enumerate("0123456789+")}
        assert [row[row > 0].tolist() for row in source.numpy()] == [
            [ids[character] for character in text] for text in ("5+7", "144+177")
        ]
        assert wanted.numpy().tolist() == [[ids["1"], ids["2"], 3, 0], [ids["3"], ids["2"], ids["1"], 3]]
        assert written.numpy()[:, 0].tolist() == [2, 2] and weights.numpy()[0].tolist() == [1, 1, 1, 0]

    @pytest.mark.parametrize("cell", CELLS)
    def test_one_step_moves_every_weight_and_it_overfits_one_batch(self, cell):
        keras.utils.set_random_seed(1)
        network = build_network(AdditionConfig(order="reading", cell=cell, units=32))
        network.compile(keras.optimizers.Adam(0.01), SmoothedCrossentropy(0.0), weighted_metrics=["accuracy"])
        batch = batches(learnable(np.random.default_rng(1), 32, 2), 32, shuffle=False).dataset()
        before = [weight.numpy() for weight in network.trainable_variables]
        network.fit(batch, epochs=1, verbose=0, shuffle=False)
        for weight, old in zip(network.trainable_variables, before, strict=True):
            assert np.any(weight.numpy() != old), weight.path

        network.fit(batch.repeat(), steps_per_epoch=150, verbose=0, shuffle=False)
        assert network.evaluate(batch, verbose=0)[1] == 1.0

    def test_the_commands(self, tmp_path, capfd):
        run = ("--run-dir", tmp_path / "run")
        settings = ("--order", "reading", "--digits", 1, "--examples", 2000, "--units", 32, "--epochs", 40)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(addition_data, "TESTED", 4)
            patch.setattr(addition_data, "VALIDATED", 3)
            command("train", *run, *settings, "--batch-size", 64, "--learning-rate", 0.02, "--patience", 60)
            command("evaluate", *run, "--split", "train", "--json")
            assert last_line(capfd)["exact_1"] > 0.8
            command("predict", *run, "3", "4", "1+0", "--json")
            answers = last_line(capfd)["predictions"]
            assert len(answers) == 2 and all(answer.isdecimal() for answer in answers)
            command("export", *run, "--saved-models", tmp_path, "--examples", 8, "--json")
            report = last_line(capfd)["report"]
        assert [row["format"] for row in report] == ["keras", "saved_model", "litert"]
        assert all(row["agreement"] == 1 for row in report)
