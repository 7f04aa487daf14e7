"""What the translation app makes of texts before training, and how it scores translations."""

from types import SimpleNamespace

import pytest
import sacrebleu

from apps.translation import predict
from apps.translation.config import TranslationConfig
from apps.translation.data import convert_script, is_chinese, load_data, load_pairs
from apps.translation.metrics import choose_tokenizer, score_corpus
from apps.translation.sentence_pairs import Pairs
from rnn_keras.data.open_vocabulary import OpenVocabulary
from rnn_keras.data.text import Tokenizer


def test_words_become_ids_and_chinese_one_script(phrases):
    config = TranslationConfig(dataset=str(phrases), script="traditional")
    data = load_data(config)
    target = data.targets["train"][0]

    assert target[0] == 2 and target[-1] == 3
    everything = "".join(data.pairs.everything.targets)
    assert "貓" in everything and "猫" not in everything
    assert convert_script([everything], "simplified") != [everything] == convert_script([everything], "traditional")


def test_a_sentence_in_both_scripts_is_in_one_split(tmp_path):
    kinds, animals = "红白大小", "猫马鸟"
    simplified = [f"{kind}{animal}，{number}只。" for number in "一两三四五" for kind in kinds for animal in animals]
    rows = [f"{text}\tNumber {index}." for index, text in enumerate(simplified)]
    rows += [f"{text}\tNo. {index}." for index, text in enumerate(convert_script(simplified, "traditional"))]
    (tmp_path / "both.tsv").write_text("\n".join(rows), encoding="utf-8")
    splits = load_pairs(TranslationConfig(), str(tmp_path / "both.tsv"), None).splits.values()

    assert sum(len(set(part.sources)) for part in splits) == len(simplified)
    assert len(set().union(*(part.sources for part in splits))) == len(simplified)


@pytest.mark.parametrize(
    ("sources", "text", "read"),
    [
        (["国会へ行きました。", "学校の写真を見ました。"] * 3, "国会の写真", "国会の写真"),
        (["他来国会了。", "我在学校看照片。"] * 3, "国会的照片", "國會的照片"),
        (["He went to 国会.", "I see a cat."] * 3, "国会", "国会"),
    ],
    ids=["japanese", "chinese", "english"],
)
def test_an_input_is_converted_where_the_sources_were(monkeypatch, tmp_path, sources, text, read):
    learn = {"size": 500, "minimum_count": 1, "maximum_length": 20, "name": "source_vocabulary"}
    vocabulary = OpenVocabulary.learn(sources, Tokenizer(20), mark="##", **learn)
    inputs = []
    translator = SimpleNamespace(generate=lambda texts: inputs.extend(texts) or SimpleNamespace(texts=texts))
    monkeypatch.setattr(predict, "compute_attention", lambda model, texts: [])
    model = SimpleNamespace(get_layer={"source_vocabulary": vocabulary}.get, translator=translator)
    predict.predict(model, TranslationConfig(script="traditional"), tmp_path, [text.encode()])

    assert inputs == [read]


def test_chinese_is_distinguished_from_japanese_and_english():
    assert is_chinese(["我看到了猫。", "OK，三只。"])
    assert not is_chinese(["猫を見ました。", "三匹です。"])
    assert not is_chinese(["I see a cat."]) and not is_chinese([""])


def test_references_are_grouped_by_source():
    sources, references = Pairs(["A b.", "c", "a  B."], ["1", "2", "3"]).references()
    assert sources == ["A b.", "c"] and references == [["1", "3"], ["2"]]


def test_bleu_is_sacrebleus_over_all_references():
    texts = ["我看到一只猫。", "他走了。"]
    references = [["我看见一只猫。", "我看到了一只猫。"], ["他走了。"]]
    scores, signature = score_corpus(texts, references)

    columns = [["我看见一只猫。", "他走了。"], ["我看到了一只猫。", None]]
    expected = sacrebleu.corpus_bleu(texts, columns, tokenize="zh")
    assert scores["bleu"] == pytest.approx(expected.score, abs=0.01)
    assert "tok:zh" in signature and "nrefs:var" in signature


def test_the_tokenizer_is_chosen_by_the_references():
    assert choose_tokenizer([["我看到了猫。"]]) == "zh"
    assert choose_tokenizer([["Je vois un chat."]]) == "13a"
    assert choose_tokenizer([["猫を見ました。"]]) == "char"
