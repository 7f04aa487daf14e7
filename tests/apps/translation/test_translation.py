"""The translation app on tiny data, by its commands and by its parts."""

import io
import json
import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import sacrebleu
import tensorflow as tf

from apps.translation import predict
from apps.translation.__main__ import TranslationApp
from apps.translation.attention import attention_map, find_font, labels, legend
from apps.translation.config import TranslationConfig
from apps.translation.data import in_script, is_chinese, load, load_pairs
from apps.translation.metrics import corpus_scores, tokenize_for
from apps.translation.model import build_network
from apps.translation.sentence_pairs import Pairs
from rnn_keras.data.open_vocabulary import OpenVocabulary
from rnn_keras.data.pair_batches import PairBatches
from rnn_keras.data.text import Tokenizer
from rnn_keras.seq2seq.text_to_text import TextWriter
from rnn_keras.training.losses import SmoothedCrossentropy

VARIANTS = [
    {"cell": "lstm", "attention": "dot"},
    {"cell": "gru", "attention": "additive", "encoder_layers": 2, "tied": False},
    {"cell": "simple_rnn", "attention": "none", "decoder_layers": 1},
]


def command(*arguments):
    TranslationApp().main([str(argument) for argument in arguments])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


def small(**settings):
    return TranslationConfig(**{"units": 12, "embedding_units": 10, "maximum_length": 9, **settings})


def test_a_run_leaves_what_is_promised(translation_run):
    metrics = json.loads((translation_run / "metrics.json").read_text())

    assert metrics["test"]["bleu"] > 80 and metrics["test"]["chrf"] > 80
    assert metrics["test"]["signature"].startswith("nrefs:") and "tok:zh" in metrics["test"]["signature"]
    assert {path.name for path in translation_run.iterdir()} == {
        "config.json",
        "model.keras",
        "metrics.json",
        "history.csv",
        "logs",
        "plots",
    }
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


def test_predict_answers_each_input_and_pictures_the_attention(translation_run, capfd):
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


def test_a_saved_model_file_translates_the_same(translation_run, phrases):
    model = keras.models.load_model(translation_run / "model.keras")
    config = TranslationConfig(dataset=str(phrases), script="simplified")
    sources, _ = load(config).pairs.splits["test"].references()
    together = model.predict({"text": np.array(sources, dtype=object)}, verbose=0)
    alone = [model({"text": tf.constant([text])}) for text in sources[:4]]
    again = TextWriter(model).write(sources, batch_size=5).texts

    # The translation depends neither on the batch, nor on how far a sentence was padded.
    assert [text.decode() for text in together["translation"]] == again
    assert [answer["translation"].numpy()[0].decode() for answer in alone] == again[:4]
    np.testing.assert_allclose([answer["score"].numpy()[0] for answer in alone], together["score"][:4], atol=1e-5)


def test_exported_files_translate_as_keras_does(translation_run, tmp_path, capfd):
    command("export", "--run-dir", translation_run, "--saved-models", tmp_path, "--json")
    report = last_line(capfd)["report"]
    assert [row["format"] for row in report] == ["keras", "saved_model", "litert"]
    assert all(row["agreement"] == 1 and row["largest_difference"] is None and row["bleu"] > 80 for row in report)

    texts = ["I see three white ducks.", "I see a hippopotamus!", "", "I see two big dogs."]
    command("predict", "--run-dir", translation_run, "--json", *texts)
    expected = [answer["translation"] for answer in last_line(capfd)["predictions"]]
    served = (
        "import json, sys, tensorflow as tf\n"
        "model = tf.saved_model.load(sys.argv[1])\n"
        "out = model.signatures['serving_default'](text=tf.constant(json.loads(sys.argv[2])))\n"
        "print(json.dumps([text.decode() for text in out['translation'].numpy()]))\n"
        "assert not [name for name in sys.modules if name.startswith(('rnn_keras', 'apps'))]\n"
    )
    written = (
        "import json, sys\n"
        "from rnn_keras.runtime.litert_seq2seq import LiteRTSeq2Seq\n"
        "answers = LiteRTSeq2Seq(sys.argv[1]).predict(json.loads(sys.argv[2]))\n"
        "print(json.dumps([answer['translation'] for answer in answers]))\n"
        "assert not {'tensorflow', 'keras', 'apps'} & set(sys.modules)\n"
    )
    for program, path in ((served, "1"), (written, "translation.tflite")):
        arguments = [sys.executable, "-c", program, str(tmp_path / "translation" / path), json.dumps(texts)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True)
        answers = json.loads(done.stdout.splitlines()[-1])
        # The LiteRT file's search is greedy: of sentences like those learnt it finds the same.
        assert answers[0] == expected[0] and answers[3] == expected[3]
        assert program is written or answers == expected


def test_what_cannot_be_exported_is_a_sentence(translation_run, tmp_path, capfd):
    for options, sentence in ((("--formats", "onnx"), "no ONNX form"), (("--quantize", "int8"), "no int8 file")):
        with pytest.raises(SystemExit):
            command("export", "--run-dir", translation_run, "--saved-models", tmp_path, "--examples", 0, *options)
        assert sentence in capfd.readouterr().err


def test_the_attention_looks_at_the_word_that_is_translated(translation_run):
    model = keras.models.load_model(translation_run / "model.keras")
    shown = attention_map(model, "I see four old rabbits.")

    assert "".join(shown.written) == "兔老，四只。(end)"
    np.testing.assert_allclose(shown.weights.sum(axis=1), 1, atol=1e-5)
    assert shown.weights.shape == (len(shown.written), len(shown.read))


def test_tokens_that_no_font_has_bear_numbers():
    model_map = type("Map", (), {"read": ["a", "b"], "written": ["猫", "。"]})
    assert labels(["猫", "。"], None) == ["1", "2"]
    assert labels(["a", "b"], None) == ["a", "b"]
    assert find_font({"a", "é"}) and find_font({"a", "\U0010fffd"}) is None  # a code point that stands for nothing
    assert legend(model_map) == "read: 1 a  2 b\nwritten: 1 猫  2 。"


def test_any_language_pair_trains_from_a_file(tmp_path, capfd):
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
    command("train", "--dataset", tmp_path / "de_fr.txt", "--run-dir", tmp_path / "run", *options, "--json")

    metrics = last_line(capfd)
    assert "tok:13a" in metrics["test"]["signature"]


class TestData:
    def test_words_become_ids_and_chinese_one_script(self, phrases):
        config = TranslationConfig(dataset=str(phrases), script="traditional")
        data = load(config)
        target = data.targets["train"][0]

        assert target[0] == 2 and target[-1] == 3
        everything = "".join(data.pairs.everything.targets)
        assert "貓" in everything and "猫" not in everything
        assert in_script([everything], "simplified") != [everything] == in_script([everything], "traditional")

    def test_a_sentence_in_both_scripts_is_in_one_split(self, tmp_path):
        kinds, animals = "红白大小", "猫马鸟"
        simplified = [
            f"{kind}{animal}，{number}只。" for number in "一两三四五" for kind in kinds for animal in animals
        ]
        rows = [f"{text}\tNumber {place}." for place, text in enumerate(simplified)]
        rows += [f"{text}\tNo. {place}." for place, text in enumerate(in_script(simplified, "traditional"))]
        (tmp_path / "both.tsv").write_text("\n".join(rows), encoding="utf-8")
        splits = load_pairs(TranslationConfig(), str(tmp_path / "both.tsv"), None).splits.values()

        assert sum(len(set(part.sources)) for part in splits) == len(simplified)
        assert len(set().union(*(part.sources for part in splits))) == len(simplified)

    @pytest.mark.parametrize(
        ("sources", "asked", "read"),
        [
            (["国会へ行きました。", "学校の写真を見ました。"] * 3, "国会の写真", "国会の写真"),
            (["他来国会了。", "我在学校看照片。"] * 3, "国会的照片", "國會的照片"),
            (["He went to 国会.", "I see a cat."] * 3, "国会", "国会"),
        ],
        ids=["japanese", "chinese", "english"],
    )
    def test_what_is_asked_is_converted_where_the_sources_were(self, monkeypatch, tmp_path, sources, asked, read):
        learn = {"size": 500, "minimum_count": 1, "maximum_length": 20, "name": "source_vocabulary"}
        vocabulary = OpenVocabulary.learn(sources, Tokenizer(20), mark="##", **learn)
        given = []
        writer = SimpleNamespace(write=lambda texts: given.extend(texts) or SimpleNamespace(texts=texts))
        monkeypatch.setattr(predict, "TextWriter", lambda model: writer)
        monkeypatch.setattr(predict, "attention_map", lambda model, text: None)
        model = SimpleNamespace(get_layer={"source_vocabulary": vocabulary}.get)
        predict.predict(model, TranslationConfig(script="traditional"), tmp_path, [asked.encode()])

        assert given == [read]

    def test_chinese_is_told_from_japanese_and_english(self):
        assert is_chinese(["我看到了猫。", "OK，三只。"])
        assert not is_chinese(["猫を見ました。", "三匹です。"])
        assert not is_chinese(["I see a cat."]) and not is_chinese([""])


class TestScores:
    def test_bleu_is_sacrebleus_over_all_references(self):
        texts = ["我看到一只猫。", "他走了。"]
        references = [["我看见一只猫。", "我看到了一只猫。"], ["他走了。"]]
        scores, signature = corpus_scores(texts, references)

        columns = [["我看见一只猫。", "他走了。"], ["我看到了一只猫。", None]]
        expected = sacrebleu.corpus_bleu(texts, columns, tokenize="zh")
        assert scores["bleu"] == pytest.approx(expected.score, abs=0.01)
        assert "tok:zh" in signature and "nrefs:var" in signature

    def test_the_references_decide_on_the_tokenizer(self):
        assert tokenize_for([["我看到了猫。"]]) == "zh"
        assert tokenize_for([["Je vois un chat."]]) == "13a"
        assert tokenize_for([["猫を見ました。"]]) == "char"


@pytest.mark.parametrize("settings", VARIANTS, ids=lambda settings: "-".join(map(str, settings.values())))
class TestModel:
    SOURCE, TARGET = 20, 15

    def batches(self):
        generator = np.random.default_rng(2)
        sources = [generator.integers(4, self.SOURCE, generator.integers(2, 7)).astype("int32") for _ in range(8)]
        targets = [generator.integers(4, self.TARGET, generator.integers(1, 6)).astype("int32") for _ in range(8)]
        targets = [np.concatenate([[2], ids, [3]]).astype("int32") for ids in targets]
        return PairBatches(sources, targets, 8, shuffle=False)

    def compiled(self, settings):
        keras.utils.set_random_seed(1)
        config = small(**settings, dropout=0.0, word_dropout=0.0)
        network = build_network(config, self.SOURCE, self.TARGET)
        loss = SmoothedCrossentropy(0.0)
        network.compile(optimizer=keras.optimizers.Adam(0.02), loss=loss, weighted_metrics=["accuracy"])
        return network, config

    def test_one_step_moves_every_weight(self, settings):
        network, _ = self.compiled(settings)
        before = [weight.numpy() for weight in network.trainable_variables]
        network.fit(self.batches().dataset(), epochs=1, verbose=0)

        for weight, old in zip(network.trainable_variables, before, strict=True):
            assert np.any(weight.numpy() != old), weight.path

    def test_it_overfits_one_batch(self, settings):
        network, _ = self.compiled(settings)
        network.fit(self.batches().dataset().repeat(), steps_per_epoch=120, verbose=0)

        assert network.evaluate(self.batches().dataset(), verbose=0)[1] == 1.0

    def test_steps_one_by_one_give_what_teacher_forcing_gives(self, settings):
        network, _ = self.compiled(settings)
        (source, written), _, _ = next(iter(self.batches().dataset()))
        expected = network([source, written]).numpy()
        decoder = network.get_layer("decoder")
        memory, states = decoder.begin(*network.get_layer("encoder")(source), tf.not_equal(source, 0))
        for place in range(written.shape[1]):
            logits, states = decoder.step(written[:, place], states, memory)
            np.testing.assert_allclose(logits, expected[:, place], atol=1e-5)

    def test_padding_of_the_source_changes_nothing(self, settings):
        network, _ = self.compiled(settings)
        (source, written), _, _ = next(iter(self.batches().dataset()))

        padded = tf.pad(source, [(0, 0), (0, 5)])
        np.testing.assert_allclose(network([padded, written]), network([source, written]), atol=1e-5)


def test_the_fast_path_is_taken_in_training():
    network = build_network(small(units=128), 20, 15)
    network.compile(loss=SmoothedCrossentropy())
    network.fit(TestModel().batches().dataset(), verbose=0)
    (both,) = network.get_layer("encoder").recurrent
    layers = [both.forward_layer, both.backward_layer, *network.get_layer("decoder").recurrent]

    assert [layer.execution_path for layer in layers] == ["fast"] * 4


def test_references_are_grouped_by_source():
    sources, references = Pairs(["A b.", "c", "a  B."], ["1", "2", "3"]).references()
    assert sources == ["A b.", "c"] and references == [["1", "3"], ["2"]]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("one\tein\nno tab here\n", "line 2: there is no tab"),
        ("a\tb\n" * 50, "1 distinct source sentences"),
        ("", "is empty"),
    ],
)
def test_what_cannot_be_learnt_from_is_a_sentence(tmp_path, capfd, content, sentence):
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
