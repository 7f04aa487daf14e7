"""Sentence pairs from files, folders and TFDS."""

import json

import pytest
import tensorflow_datasets as tfds

from apps.translation.sentence_pairs import SOURCE, Pairs, check_source, choose_texts, load_sentence_pairs
from rnn_keras.data import packaged_builder
from rnn_keras.data.splits import SPLITS, normalise_text
from rnn_keras.utils.errors import UserError

COUNTS = {"train": 3502, "validation": 373, "test": 479}


def make_lines(number, tail="\tby nobody"):
    return [f"sentence {index}\tSatz {index}{tail}" for index in range(number)]


def write(path, rows):
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return str(path)


def test_a_file_is_divided_by_source_sentence(tmp_path):
    rows = make_lines(200) + [f"Sentence  {index}\tnoch ein Satz {index}" for index in range(0, 200, 3)]
    pairs = load_sentence_pairs(write(tmp_path / "pairs.tsv", rows))

    keys = [{normalise_text(text) for text in pairs.splits[name].sources} for name in SPLITS]
    assert len(set.union(*keys)) == sum(map(len, keys)) == 200
    assert sum(map(len, pairs.splits.values())) == len(pairs.everything) == len(rows)
    sources, references = pairs.examples("all").references()
    assert len(sources) == 200 and references[0] == ["Satz 0", "noch ein Satz 0"] and references[1] == ["Satz 1"]


@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.txt"])
def test_the_format_has_no_header_but_one_is_skipped(tmp_path, name):
    path = write(tmp_path / name, ["Source\tTarget", *make_lines(30)])
    assert load_sentence_pairs(path).everything.sources[0] == "sentence 0"


def test_quotation_marks_are_characters(tmp_path):
    path = write(tmp_path / "pairs.tsv", ['"Hi," he said.\t„Hi“, sagte er.', *make_lines(30)])
    assert load_sentence_pairs(path).everything.sources[0] == '"Hi," he said.'


def test_a_folder_keeps_its_splits(tmp_path):
    write(tmp_path / "train.tsv", make_lines(100))
    write(tmp_path / "test.tsv", ["sentence 5\tSatz 5", "another\tein anderer"])
    pairs = load_sentence_pairs(str(tmp_path))

    assert pairs.splits["test"].sources == ["sentence 5", "another"]
    assert "sentence 5" not in pairs.splits["train"].sources + pairs.splits["validation"].sources
    assert any("dropped from train" in note for note in pairs.notes)


def test_pairs_with_an_empty_side_are_left_out_with_a_note(tmp_path):
    pairs = load_sentence_pairs(write(tmp_path / "pairs.tsv", [*make_lines(30), "alone\t", "\tallein"]))
    assert len(pairs.everything) == 30
    assert pairs.notes[0] == "2 of 32 pairs are left out, since one side is empty"


def test_sentences_that_are_equal_after_preparation_are_in_one_split(tmp_path):
    rows = [f"{word} {index}\tSatz {index}" for word in ("colour", "color") for index in range(100)]
    write(tmp_path / "train.tsv", rows)
    write(tmp_path / "test.tsv", [f"colour {index}\tSatz {index}" for index in range(5)])

    def american(pairs):
        return Pairs([text.replace("colour", "color") for text in pairs.sources], pairs.targets)

    for dataset in (tmp_path, tmp_path / "train.tsv"):
        pairs = load_sentence_pairs(str(dataset), prepare=american)
        keys = [set(pairs.splits[name].sources) for name in SPLITS]
        assert len(set.union(*keys)) == sum(map(len, keys)) == 100
        assert not any("colour" in text for text in pairs.everything.sources)


def test_references_keep_the_order_of_the_sources():
    pairs = Pairs(["b", "a", "B"], ["1", "2", "3"])
    assert pairs.references() == (["b", "a"], [["1", "3"], ["2"]])


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (["a\tb", "no tab"], "line 2: there is no tab in 'no tab'"),
        (["a\tb"], "1 distinct source sentences"),
    ],
)
def test_mistakes_in_a_file_are_one_sentence(tmp_path, rows, sentence):
    with pytest.raises(UserError, match=sentence):
        load_sentence_pairs(write(tmp_path / "pairs.tsv", rows))


def test_few_pairs_are_enough_to_score(tmp_path):
    path = write(tmp_path / "pairs.tsv", ["a\tb"])
    assert load_sentence_pairs(path, for_training=False).examples("all").sources == ["a"]


def test_missing_data_are_one_sentence(tmp_path):
    for dataset in (str(tmp_path / "none.tsv"), "none.txt"):
        with pytest.raises(UserError, match="no such file or folder"):
            check_source(dataset)
    with pytest.raises(UserError, match=r"holds none of train\.tsv, validation\.tsv and test\.tsv"):
        load_sentence_pairs(str(tmp_path))
    path = write(tmp_path / "pairs.tsv", ["en\tfr", *make_lines(30)])
    for names in ({"source": "en"}, {"source": "en", "target": "de"}):
        for read in (load_sentence_pairs, check_source):
            with pytest.raises(UserError, match="first line names en, fr; name one of these with each of --source"):
                read(path, **names)


@pytest.mark.parametrize(
    ("header", "is_header"),
    [
        (("english", "arabic"), True),
        (("English", "\u0627\u0644\u0639\u0631\u0628\u064a\u0629"), True),
        (("en", "zh-CN"), True),
        (("Source text", "Target (German)"), True),
        (("question", "answer"), True),
        (("Hello.", "Bonjour."), False),
        (("Is it?", "De la."), False),
        (("no", "no"), False),
        (("English breakfast", "Petit-d\u00e9jeuner"), False),
    ],
)
def test_a_first_line_that_names_the_columns_is_no_pair(tmp_path, header, is_header):
    data = load_sentence_pairs(write(tmp_path / "pairs.tsv", ["\t".join(header), *make_lines(30)]))

    assert (header[0] in data.everything.sources) != is_header
    assert any("names the columns" in note for note in data.notes) == is_header


def test_columns_are_chosen_by_the_first_line(tmp_path):
    rows = [f"{number},ville {number},town {number}" for number in range(30)]
    (tmp_path / "pairs.csv").write_text("\n".join(["id,French,English", *rows]))
    data = load_sentence_pairs(str(tmp_path / "pairs.csv"), source="english", target="french")
    assert (data.everything.sources[3], data.everything.targets[3]) == ("town 3", "ville 3")
    assert len(data.everything) == 30


def test_targets_that_nobody_sees_are_empty(tmp_path):
    lines = [*make_lines(30), "Seen.\t\u200e\u00ad", "\u2060\u200b\tVu."]
    data = load_sentence_pairs(write(tmp_path / "pairs.tsv", lines))
    assert len(data.everything) == 30 and "2 of 32 pairs are left out, since one side is empty" in data.notes


def test_targets_are_written_composed_and_without_marks(tmp_path):
    persian = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"  # with a non-joiner
    lines = [*make_lines(30), "Coffee.\tcafe\u0301 no\u00adir", f"I want.\t{persian}"]
    targets = load_sentence_pairs(write(tmp_path / "pairs.tsv", lines)).everything.targets
    assert targets[-2:] == ["caf\u00e9 noir", persian]


@pytest.fixture
def sentences(tmp_path, monkeypatch):
    rows = [
        {"id": f"x-{n}", "translation": {"en": f"Number {n % 50}."}, "chinese": f"号{n}", "traditional": f"號{n}"}
        for n in range(60)
    ]
    path = tmp_path / "sentences.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    monkeypatch.setattr(packaged_builder, "fetch", lambda file, cache_dir: path)
    return str(tmp_path / "tfds")


def test_the_builder_reads_the_file_of_the_package(sentences, capsys):
    builder = SOURCE.prepare("hsk_sentences", sentences)
    assert capsys.readouterr().out == ""
    examples = [example for name in SPLITS for example in tfds.as_numpy(builder.as_dataset(split=name))]
    assert sorted(example["traditional"].decode() for example in examples) == sorted(f"號{n}" for n in range(60))
    assert builder.info.supervised_keys == ("english", "traditional")


def test_tfds_texts_are_chosen_by_name_or_as_tfds_has_them(sentences):
    default = load_sentence_pairs("hsk_sentences", sentences)
    other = load_sentence_pairs("hsk_sentences", sentences, source="simplified", target="english")

    assert default.everything.sources[0].startswith("Number") and "號" in default.everything.targets[0]
    assert "号" in other.everything.sources[0] and other.everything.targets[0].startswith("Number")
    for source, target in (("english", "english"), ("english", "pinyin")):
        with pytest.raises(UserError, match="name two of its texts with --source and --target"):
            load_sentence_pairs("hsk_sentences", sentences, source=source, target=target)


def test_the_languages_of_a_tfds_translation_data_set():
    info = tfds.builder("ted_hrlr_translate/pt_to_en").info
    assert choose_texts("ted", info, None, None) == ("pt", "en")
    for source, target in (("en", None), (None, "pt")):
        assert choose_texts("ted", info, source, target) == ("en", "pt")


@pytest.fixture(scope="session")
def real(tmp_path_factory):
    try:
        return load_sentence_pairs("hsk_sentences", str(tmp_path_factory.mktemp("tfds")))
    except UserError as error:
        if "pip could not fetch" in str(error):
            pytest.skip(f"no package index: {error}")
        raise


@pytest.mark.slow
def test_real_sentences(real):
    assert len(real.everything) == 4354
    assert {name: len(pairs) for name, pairs in real.splits.items()} == COUNTS
    assert max(len(text.split()) for text in real.everything.sources) <= 15
