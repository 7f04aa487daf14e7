"""The translation app by its commands, on tiny data."""

import io
import json
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf

from apps.translation.__main__ import TranslationApp
from apps.translation.attention import AttentionWeights, compute_attention
from apps.translation.config import TranslationConfig
from apps.translation.data import load_pairs
from apps.translation.plots import find_font, format_legend, label_tokens, plot_attention
from apps.translation.stepwise import translate_stepwise
from rnn_keras.runtime import LiteRTSeq2Seq
from rnn_keras.training.run_directory import RunDirectory
from tests.helpers.new_process import load_in_a_new_process
from tests.helpers.run_files import RUN_FILES

pytestmark = pytest.mark.usefixtures("quick_models")


def command(*arguments):
    TranslationApp().main([str(argument) for argument in arguments])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


@pytest.fixture
def model(translation_run):
    return RunDirectory(translation_run).load_model(("apps.translation.model",))


def test_a_run_leaves_what_is_promised(translation_run):
    metrics = json.loads((translation_run / "metrics.json").read_text())

    assert metrics["test"]["bleu"] > 80 and metrics["test"]["chrf"] > 80
    assert metrics["test"]["signature"].startswith("nrefs:") and "tok:zh" in metrics["test"]["signature"]
    assert {path.name for path in translation_run.iterdir()} == RUN_FILES
    assert {"learning_curves.png", "bleu_by_length.png", "attention.png"} <= {
        path.name for path in (translation_run / "plots").iterdir()
    }


def test_evaluate_gives_the_metrics_of_training_again(translation_run, capfd):
    command("evaluate", "--run-dir", translation_run, "--json")
    captured = capfd.readouterr()
    metrics = json.loads(captured.out)
    stored = json.loads((translation_run / "metrics.json").read_text())["test"]

    for name in ("bleu", "chrf", "bleu_greedy", "chrf_greedy", "sentences", "signature"):
        assert metrics[name] == stored[name]
    assert "BLEU by length" in captured.err and "the worst by chrF" in captured.err


def test_evaluate_scores_other_data_in_the_models_script(translation_run, tmp_path, capfd):
    (tmp_path / "other.tsv").write_text("I see one red cats.\t貓紅，一隻。\nI see two big birds.\t鳥大，兩隻。\n")
    command("evaluate", "--run-dir", translation_run, "--dataset", tmp_path / "other.tsv", "--split", "all", "--json")

    metrics = last_line(capfd)
    assert metrics["sentences"] == 2
    assert metrics["bleu"] > 50  # the references were converted: 猫红，一只


def test_predict_answers_each_input_and_plots_the_attention(translation_run, capfd):
    inputs = ["I see three white ducks.", "", "🎉", "x " * 500]
    command("predict", "--run-dir", translation_run, "--json", *inputs)
    predictions = last_line(capfd)["predictions"]

    assert len(predictions) == 4
    assert predictions[0]["translation"] == "鸭白，三只。"
    assert all(isinstance(answer["translation"], str) for answer in predictions)
    assert (translation_run / "plots" / "prediction.png").stat().st_size > 5000


def test_predict_reads_lines_that_are_not_valid_text(translation_run, monkeypatch, capfd):
    lines = io.TextIOWrapper(io.BytesIO(b"I see \xff\xfe cats\n\nI see two big dogs.\x00\n"))
    monkeypatch.setattr(sys, "stdin", lines)
    command("predict", "--run-dir", translation_run, "--json")

    assert len(last_line(capfd)["predictions"]) == 3


def test_a_translation_does_not_depend_on_the_other_sentences_of_the_batch(model, phrases):
    config = TranslationConfig(dataset=str(phrases), script="simplified")
    sources, _ = load_pairs(config, config.dataset, None).splits["test"].references()
    together = model({"text": tf.constant(sources)})
    alone = [model({"text": tf.constant([text])}) for text in sources[:2]]
    again = model.translator.generate(sources, batch_size=5).texts

    # Neither on how far a sentence was padded.
    assert [text.decode() for text in together["translation"].numpy()] == again
    assert [answer["translation"].numpy()[0].decode() for answer in alone] == again[:2]
    np.testing.assert_allclose([answer["score"].numpy()[0] for answer in alone], together["score"][:2], atol=1e-5)


def test_exported_files_translate_as_keras_does(translation_run, model, tmp_path, export_here, capfd):
    command("export", "--run-dir", translation_run, "--saved-models", tmp_path, "--examples", 0, "--json")
    assert last_line(capfd)["report"] == []
    folder = tmp_path / "translation"
    assert sorted(path.name for path in folder.iterdir()) == ["1", "latest", "predict.py", "translation.tflite"]

    texts = ["I see three white ducks.", "I see a hippopotamus!", "", "I see two big dogs."]
    served = tf.saved_model.load(str(folder / "1")).signatures["serving_default"](text=tf.constant(texts))
    expected = model.translator.generate(texts).texts
    assert [text.decode() for text in served["translation"].numpy()] == expected
    answers = [answer["translation"] for answer in LiteRTSeq2Seq(folder / "translation.tflite").predict(texts)]
    assert answers == model.translator.generate(texts, "greedy").texts


@pytest.mark.slow
def test_exported_files_run_without_this_project(translation_run, tmp_path, export_here, capfd):
    formats = ("--formats", "saved_model,litert,onnx")
    command("export", "--run-dir", translation_run, "--saved-models", tmp_path, *formats, "--json")
    report = last_line(capfd)["report"]
    assert [row["format"] for row in report] == ["keras", "saved_model", "onnx", "litert"]
    assert all(row["agreement"] == 1 and row["largest_difference"] is None and row["bleu"] > 80 for row in report)

    texts = ["I see three white ducks.", "I see a hippopotamus!", "", "I see two big dogs."]
    command("predict", "--run-dir", translation_run, "--json", *texts)
    expected = [answer["translation"] for answer in last_line(capfd)["predictions"]]
    use_saved_model = (
        "import json, sys, tensorflow as tf\n"
        "model = tf.saved_model.load(sys.argv[1])\n"
        "out = model.signatures['serving_default'](text=tf.constant(json.loads(sys.argv[2])))\n"
        "print(json.dumps([text.decode() for text in out['translation'].numpy()]))\n"
        "assert not [name for name in sys.modules if name.startswith(('rnn_keras', 'apps'))]\n"
    )
    use_litert = (
        "import json, sys\n"
        "from rnn_keras.runtime import LiteRTSeq2Seq\n"
        "answers = LiteRTSeq2Seq(sys.argv[1]).predict(json.loads(sys.argv[2]))\n"
        "print(json.dumps([answer['translation'] for answer in answers]))\n"
        "assert not {'tensorflow', 'keras', 'apps'} & set(sys.modules)\n"
    )
    for program, path in ((use_saved_model, "1"), (use_litert, "translation.tflite")):
        answers = json.loads(run_python(program, tmp_path / "translation" / path, json.dumps(texts)))
        # The LiteRT file's search is greedy: for sentences like those of the training data it finds the same.
        assert answers[0] == expected[0] and answers[3] == expected[3]
        assert program is use_litert or answers == expected


@pytest.mark.slow
def test_a_new_process_loads_the_model_with_one_import(translation_run, model):
    text = "I see four old rabbits."
    use = "print(model({'text': tf.constant([sys.argv[2]])})['translation'].numpy()[0].decode())"
    answer = load_in_a_new_process("apps.translation.model", translation_run, use, text)
    assert answer == model.translator.generate([text]).texts[0]


def run_python(program, *arguments):
    line = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout


def test_what_cannot_be_exported_is_a_sentence(translation_run, tmp_path, capfd):
    export = ("export", "--run-dir", translation_run, "--saved-models", tmp_path, "--examples", 0, "--formats")
    for options, sentence in (
        (("litert", "--quantize", "int8"), "no int8 file"),
        (("litert,pmml",), "--formats"),
    ):
        with pytest.raises(SystemExit):
            command(*export, *options)
        assert sentence in capfd.readouterr().err


def test_the_attention_is_on_the_word_that_is_translated(model):
    texts = ["I see four old rabbits.", "I see one red birds."]
    attention = compute_attention(model, texts)

    assert "".join(attention[0].target) == "兔老，四只。(end)"
    for text, (source, target, weights) in zip(texts, attention, strict=True):
        assert weights.shape == (len(target), len(source)) and len(source) == len(text.split()) + 1
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)


def test_drafts_end_with_what_the_model_answers(model):
    text = "I see four old rabbits."
    *drafts, last = translate_stepwise(model, text)

    assert [draft.is_finished for draft in drafts] == [False] * len(drafts) and last.is_finished
    assert last.candidates == drafts[-1].candidates
    answer = model({"text": tf.constant([text])})
    assert last.candidates[0][0] == answer["translation"].numpy()[0].decode()
    assert last.candidates[0][1] == pytest.approx(float(answer["score"][0]), abs=1e-5)
    written = [draft.candidates[0][0] for draft in drafts]
    assert len(written[0]) == 1 and last.candidates[0][0].startswith(written[0])  # a small network that knows its task
    [expected] = compute_attention(model, [text])
    assert last.attention.target == expected.target
    np.testing.assert_allclose(last.attention.weights, expected.weights, atol=1e-5)


def test_tokens_without_a_font_are_numbered():
    attention = AttentionWeights(["a", "$b$"], ["猫", "\U0010fffd"], np.eye(2))  # a code point without a character
    assert label_tokens(["猫", "。"], None) == ["1", "2"]
    assert label_tokens(["a", "b"], None) == ["a", "b"]
    assert find_font({"a", "é"}) and find_font({"a", "\U0010fffd"}) is None
    assert format_legend(attention) == "source: 1 a  2 $b$\ntranslation: 1 猫  2 \U0010fffd"
    figure = plot_attention([attention])
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["a", "$b$"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["1", "2"]
    plt.close(figure)


@pytest.mark.slow
def test_any_language_pair_trains_from_a_file(tmp_path, eager_functions, capfd):
    days = ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"]
    jours = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"]
    times = {"heute": "aujourd'hui", "gestern": "hier", "morgen": "demain", "bald": "bientôt"}
    rows = [
        f"{time.capitalize()} ist {day}.\tC'est {jour} {times[time]}, voilà."
        for day, jour in zip(days, jours, strict=True)
        for time in times
    ]
    (tmp_path / "de_fr.txt").write_text("source\ttarget\n" + "\n".join(rows), encoding="utf-8")
    options = ("--units", 16, "--embedding-units", 16, "--epochs", 2, "--batch-size", 8, "--beam-width", 2)
    options += ("--cell", "simple_rnn", "--decoder-layers", 1)
    command("train", "--dataset", tmp_path / "de_fr.txt", "--run-dir", tmp_path / "run", *options, "--json")

    metrics = last_line(capfd)
    assert "tok:13a" in metrics["test"]["signature"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("one\tein\nno tab here\n", "line 2: there is no tab"),
        ("a\tb\n" * 50, "1 distinct source sentences"),
        ("", "is empty"),
    ],
)
def test_data_that_cannot_be_learned_from_are_one_sentence(tmp_path, capfd, content, sentence):
    (tmp_path / "bad.tsv").write_text(content)
    with pytest.raises(SystemExit) as exit:
        command("train", "--dataset", tmp_path / "bad.tsv", "--run-dir", tmp_path / "run")

    assert exit.value.code == 2
    assert sentence in capfd.readouterr().err


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--dropout", "1"), "--dropout must be"),
        (("--beam-width", "0"), "--beam-width must be at least 1"),
        (("--dataset", "nowhere.tsv"), "no such file or folder: nowhere.tsv"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path, capfd, flags, sentence):
    with pytest.raises(SystemExit) as exit:
        command("train", "--run-dir", tmp_path / "run", *flags)

    assert exit.value.code == 2
    assert sentence in capfd.readouterr().err
