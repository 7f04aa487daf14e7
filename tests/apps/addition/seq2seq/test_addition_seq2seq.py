"""The second task of the addition app, texts of sums to texts of answers, on small numbers."""

import json

import keras
import numpy as np
import pytest

from apps.addition import data as addition_data
from apps.addition.data import load_sums
from apps.addition.digit_columns import to_columns
from apps.addition.generate import generate_training_sums
from apps.addition.seq2seq.__main__ import AdditionSeq2SeqApp
from apps.addition.seq2seq.config import AdditionSeq2SeqConfig
from apps.addition.seq2seq.data import count_question_characters, make_text_batches
from apps.addition.seq2seq.model import build_network
from apps.addition.sums import Sums
from rnn_keras.training.losses import SmoothedCrossentropy
from tests.helpers.new_process import load_in_a_new_process


def command(*arguments):
    AdditionSeq2SeqApp().main([str(argument) for argument in arguments])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


def test_questions_and_answers_become_ids():
    sums = Sums(to_columns([("144", "177"), ("5", "7")]))
    (source, written), wanted, weights = next(iter(make_text_batches(sums, 2, shuffle=False).dataset()))

    ids = {character: index + 4 for index, character in enumerate("0123456789+")}
    assert [row[row > 0].tolist() for row in source.numpy()] == [
        [ids[character] for character in text] for text in ("5+7", "144+177")
    ]
    assert wanted.numpy().tolist() == [[ids["1"], ids["2"], 3, 0], [ids["3"], ids["2"], ids["1"], 3]]
    assert written.numpy()[:, 0].tolist() == [2, 2] and weights.numpy()[0].tolist() == [1, 1, 1, 0]


def test_the_task_is_a_program_of_its_own():
    app = AdditionSeq2SeqApp()
    assert app.program == "python -m apps.addition.seq2seq"
    assert app.model_modules == ("apps.addition.seq2seq.model",)
    assert str(app.default_run_dir()) == "runs/addition_seq2seq"


def test_only_numbers_of_the_trained_length_are_tested():
    config = AdditionSeq2SeqConfig(examples=2000)
    data = load_sums(config, make_text_batches)
    assert set(data.splits["test"]) == {"3", "3_carries"}
    assert count_question_characters(data.train) == 64
    assert [config.count_epochs(steps) for steps in (1, 391)] == [4000, 15]


def test_long_questions_are_read_to_their_end():
    sums = Sums(to_columns([("9" * 50, "1")]))
    ((source, _), _, _) = next(iter(make_text_batches(sums, 1, shuffle=False).dataset()))
    assert source.shape[1] == 52 and count_question_characters(sums) == 103


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["simple_rnn", "gru"])  # the LSTM is in the run below
def test_one_step_moves_every_weight_and_it_overfits_one_batch(cell):
    keras.utils.set_random_seed(1)
    network = build_network(AdditionSeq2SeqConfig(cell=cell, units=32))
    network.compile(keras.optimizers.Adam(0.01), SmoothedCrossentropy(0.0), weighted_metrics=["accuracy"])
    sums = generate_training_sums(np.random.default_rng(1), 32, 2)
    batch = make_text_batches(sums, 32, shuffle=False).dataset()
    before = [weight.numpy() for weight in network.trainable_variables]
    network.fit(batch, epochs=1, verbose=0, shuffle=False)
    for weight, old in zip(network.trainable_variables, before, strict=True):
        assert np.any(weight.numpy() != old), weight.path

    network.fit(batch.repeat(), steps_per_epoch=150, verbose=0, shuffle=False)
    assert network.evaluate(batch, verbose=0)[1] == 1.0


@pytest.mark.slow
def test_the_commands(tmp_path, export_here, capfd):
    run = ("--run-dir", tmp_path / "run")
    settings = ("--digits", 2, "--examples", 6000, "--units", 32, "--epochs", 8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(addition_data, "TEST_SUMS", 20)
        patch.setattr(addition_data, "VALIDATION_SUMS", 20)
        command("train", *run, *settings, "--batch-size", 64, "--learning-rate", 0.01)
        plots = {path.name for path in (tmp_path / "run" / "plots").iterdir()}
        assert plots == {"learning_curves.png", "exact_by_carries.png"}
        capfd.readouterr()
        command("evaluate", *run, "--split", "train", "--json")
        assert last_line(capfd)["exact_2"] > 0.6
        command("predict", *run, "3", "4", "1+0", "--json")
        answers = last_line(capfd)["predictions"]
        assert len(answers) == 2 and all(answer.isdecimal() for answer in answers)
        command("export", *run, "--saved-models", tmp_path, "--examples", 8, "--json")
        report = last_line(capfd)["report"]
    assert [row["format"] for row in report] == ["keras", "saved_model", "litert"]
    assert all(row["agreement"] == 1 for row in report)
    assert (tmp_path / "addition_seq2seq" / "addition_seq2seq.tflite").exists()
    use = "print(*[text.decode() for text in model({'text': tf.constant(sys.argv[2:])})['sum'].numpy()])"
    module = "apps.addition.seq2seq.model"
    assert load_in_a_new_process(module, tmp_path / "run", use, "3+4", "1+0").split() == answers
