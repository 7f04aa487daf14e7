"""Texts with classes from files, folders and TFDS: disjoint splits, and one sentence for each mistake."""

import csv

import numpy as np
import pytest
import tensorflow_datasets as tfds

from rnn_keras.data.splits import SPLITS, normalise_text
from rnn_keras.data.text_classification import COLUMNS, check_text_source, load_text_dataset
from rnn_keras.utils.errors import UserError


def rows_of(count, labels=("neg", "pos")):
    return [(f"text number {number}", labels[number % len(labels)]) for number in range(count)]


def write(path, rows, header=("text", "label")):
    with open(path, "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, delimiter="\t" if path.suffix == ".tsv" else ",").writerows([header, *rows])
    return str(path)


def keys_of(examples):
    return {normalise_text(text) for text in examples.texts}


def assert_disjoint(data):
    keys = [keys_of(data.splits[name]) for name in SPLITS]
    assert len(set.union(*keys)) == sum(map(len, keys))


@pytest.mark.parametrize("count", [10, 40, 400])
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_file_without_splits(tmp_path, count, suffix):
    data = load_text_dataset(write(tmp_path / f"own{suffix}", rows_of(count)))
    assert data.class_names == ["neg", "pos"]
    assert sum(len(examples) for examples in data.splits.values()) == count == len(data.everything)
    assert_disjoint(data)
    for examples in data.splits.values():
        assert set(examples.labels) == {0, 1}
        assert examples.labels.dtype == np.int32
        for text, label in zip(examples.texts, examples.labels, strict=True):
            assert int(text.split()[-1]) % 2 == label


def test_a_class_without_a_test_example_is_a_note(tmp_path):
    rows = [*rows_of(60, ("bug", "praise")), ("how nice", "thanks")]
    data = load_text_dataset(write(tmp_path / "own.csv", rows))
    notes = [note for note in data.notes if "no test example" in note]
    assert notes == ["no test example is of the class thanks, which no score covers"]
    assert not any(
        "no test example" in note for note in load_text_dataset(write(tmp_path / "b.csv", rows_of(60))).notes
    )


def test_repeated_texts_stay_together_and_all_keeps_them(tmp_path):
    rows = rows_of(60) + [(text.upper() + "  ", label) for text, label in rows_of(60)]
    data = load_text_dataset(write(tmp_path / "own.csv", rows))
    assert_disjoint(data)
    assert sum(len(examples) for examples in data.splits.values()) == 120
    assert data.everything.texts == [text for text, _ in rows]


def test_split_column_and_other_columns(tmp_path):
    rows = [(number, SPLITS[number // 20], f"t{number}", number % 2) for number in range(60)]
    data = load_text_dataset(write(tmp_path / "own.csv", rows, ("id", "Split", " TEXT", "label")))
    assert [data.splits[name].texts[0] for name in SPLITS] == ["t0", "t20", "t40"]
    assert data.class_names == ["0", "1"]


def test_folder(tmp_path):
    write(tmp_path / "train.csv", [*rows_of(100), ("Seen  before", "pos")])
    write(tmp_path / "test.tsv", [("seen before", "pos"), ("never", "neg")])
    data = load_text_dataset(str(tmp_path))
    assert data.splits["test"].texts == ["seen before", "never"]
    assert len(data.splits["validation"]) + len(data.splits["train"]) == 100
    assert_disjoint(data)
    assert data.notes[0] == "1 of 101 examples dropped from train, since they are also in test or validation"


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("1", "0"), ["0", "1"]),
        (("10", "9", "-1"), ["-1", "9", "10"]),
        (("positive", "negative"), ["negative", "positive"]),
        (("Pos", "neg", "pos"), ["neg", "Pos"]),
        (("c", "a", "b"), ["a", "b", "c"]),
        (("nan", "2", "inf"), ["2", "inf", "nan"]),
    ],
)
def test_order_of_the_classes(tmp_path, labels, names):
    assert load_text_dataset(write(tmp_path / "own.csv", rows_of(60, labels))).class_names == names


def test_labels_that_are_written_in_several_ways_are_one_class_and_said(tmp_path):
    rows = rows_of(40, ("ﬁne", "bad", "fine", "BAD"))
    data = load_text_dataset(write(tmp_path / "own.csv", rows))
    assert len(data.class_names) == 2
    assert "labels that differ only in how they are written are one class: 'fine' = 'ﬁne', 'BAD' = 'bad'" in data.notes


def test_texts_with_several_labels_are_counted(tmp_path):
    rows = [*rows_of(40), ("TEXT  number 3", "neg"), ("text number 3", "pos"), ("text number 8", "pos")]
    notes = load_text_dataset(write(tmp_path / "own.csv", rows)).notes
    assert any(note.startswith("2 of 40 distinct texts have more than one label") for note in notes)
    assert any("number 4, pos, and again number 41, neg" in note for note in notes)


def test_columns_by_other_names(tmp_path):
    path = write(tmp_path / "own.csv", [(*row, "x") for row in rows_of(40)], ("Review", "stars", "text"))
    columns = {"text": "review", "label": "stars"}
    check_text_source(path, columns=columns)
    assert load_text_dataset(path, columns=columns).everything.texts[3] == "text number 3"
    for missing, flag in (({"text": "body", "label": "stars"}, "--text-column"), (COLUMNS, "--label-column")):
        with pytest.raises(UserError, match=f"0 columns named .*{flag}"):
            check_text_source(path, columns=missing)


@pytest.mark.parametrize(
    ("labels", "wanted", "expected"),
    [
        (("1", "0"), ["neg", "pos"], [1, 0]),
        (("positive", "negative"), ["neg", "pos"], [1, 0]),
        (("NEG", "POS"), ["neg", "pos"], [0, 1]),
        (("1",), ["negative", "positive"], [1]),
        (("0.0", "1.0"), ["neg", "pos"], [0, 1]),
        (("neg", "pos"), ["0", "1"], [0, 1]),
        (("2", "0"), ["a", "b", "c"], [2, 0]),
        (("b", "a"), ["b", "a"], [0, 1]),
        (("1", "0"), ["ham", "spam"], [1, 0]),
    ],
)
def test_labels_of_other_data_for_a_trained_model(tmp_path, labels, wanted, expected):
    path = write(tmp_path / "own.csv", rows_of(len(labels), labels))
    data = load_text_dataset(path, class_names=wanted)
    assert data.class_names == wanted
    assert data.examples("all").labels.tolist() == expected


def test_labels_that_the_model_does_not_know(tmp_path):
    path = write(tmp_path / "own.csv", rows_of(4, ("pos", "meh")))
    with pytest.raises(UserError, match=r"labels of .*own\.csv are meh, pos; expected those of the model: neg, pos"):
        load_text_dataset(path, class_names=["neg", "pos"])


def test_an_empty_split_is_an_error(tmp_path):
    data = load_text_dataset(write(tmp_path / "own.csv", rows_of(1)), class_names=["neg", "pos"])
    assert len(data.examples("all")) == 1
    with pytest.raises(UserError, match=r"the test split of .* is empty.*--split all"):
        data.examples("test")
    with pytest.raises(UserError, match="unknown split 'dev'"):
        data.examples("dev")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("review,label\na,1\n", r"has 0 columns named 'text'.*names review, label"),
        ("text,label,text\na,1,b\n", r"has 2 columns named 'text'"),
        ("text|label\na|1\n", r"0 columns named 'text'.*names text\|label.*with --text-column"),
        ("text,label\n", "has a header and no rows"),
        ("text,label\na,1\nb,c,0\n", "line 3: 3 fields where the header names 2"),
        ("text,label\na,1\nb, \n", "line 3: the label is missing"),
        ("text,label,split\na,1,dev\n", "line 2: split 'dev'; expected train, validation or test"),
        ("text,label\n" + "".join(f"t{n},1\n" for n in range(20)), "every example of .* has the label '1'"),
        ("text,label\n" + "".join(f"t{n},{n % 2}\n" for n in range(9)), "has 9 distinct texts, too few"),
        ("text,label\n" + "".join(f"t{n},{n}\n" for n in range(20)), "has 20 different labels on 20 texts"),
        (
            "text,label,split\n" + "".join(f"t{n},{int(n < 10)},{'train' if n < 10 else 'test'}\n" for n in range(20)),
            "the train split of .* has only the label '1'",
        ),
        (
            "text,label,split\n" + "".join(f"t{n},{n % 2},test\n" for n in range(20)),
            "leaves no example for the train split",
        ),
    ],
)
def test_mistakes_in_a_file(tmp_path, content, words):
    path = tmp_path / "own.csv"
    path.write_text(content)
    with pytest.raises(UserError, match=words) as caught:
        load_text_dataset(str(path))
    assert "own.csv" in str(caught.value) and "\n" not in str(caught.value)


def test_mistakes_about_paths(tmp_path):
    for name in ("", "x" * 5000):
        with pytest.raises(UserError, match="unknown dataset"):
            load_text_dataset(name)
    for name in ("nothing.csv", "./nothing", "~nobody/nothing", str(tmp_path / "nothing")):
        with pytest.raises(UserError, match="no such file or folder"):
            load_text_dataset(name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"holds none of train\.csv.*it holds nothing"):
        load_text_dataset(str(tmp_path / "empty"))


class _Tiny(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    VERSION = tfds.core.Version("1.0.0")

    FEATURES = {  # noqa: RUF012
        "sentence": tfds.features.Text(),
        "label": tfds.features.ClassLabel(names=["bad", "good"]),
    }

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(self.FEATURES))

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples(rows) for name, rows in self.ROWS.items()}

    def _generate_examples(self, rows):
        for number, (text, label) in enumerate(rows):
            yield number, {"sentence": text, "label": label}


TRAIN = [(f"train {number}", number % 2) for number in range(200)]


class TinyReviewsForTest(_Tiny):
    ROWS = {  # noqa: RUF012
        "train": [*TRAIN, ("In both", 1)],
        "test": [("in  both", 1), ("test", 0)],
        "unsupervised": [("no label", -1)],
    }


class TinyHiddenForTest(_Tiny):
    ROWS = {"train": TRAIN, "validation": [("v", 0), ("w", 1)], "test": [("x", -1)]}  # noqa: RUF012


class TinyNumbersForTest(_Tiny):
    ROWS = {"train": [(0, 0)]}  # noqa: RUF012
    FEATURES = {"sentence": np.int32, "label": np.int32}  # noqa: RUF012


def test_tfds_with_train_and_test(tmp_path):
    data = load_text_dataset("tiny_reviews_for_test", str(tmp_path))
    assert data.class_names == ["bad", "good"]
    assert sorted(data.splits["test"].texts) == [b"in  both", b"test"]
    assert_disjoint(data)
    assert 5 <= len(data.splits["validation"]) <= 40
    assert len(data.splits["train"]) + len(data.splits["validation"]) == 200
    assert len(data.everything) == 203
    assert data.notes == ["1 of 201 examples dropped from train, since they are also in test or validation"]


def test_tfds_with_a_hidden_test_split(tmp_path):
    data = load_text_dataset("tiny_hidden_for_test", str(tmp_path))
    assert sorted(data.splits["test"].texts) == [b"v", b"w"]
    assert len(data.splits["train"]) + len(data.splits["validation"]) == 200


class TinyWithoutClassesForTest(_Tiny):
    ROWS = {"train": [("a", 0)]}  # noqa: RUF012
    FEATURES = {"sentence": tfds.features.Text(), "label": np.int64}  # noqa: RUF012


class TinyWithBooleansForTest(_Tiny):
    ROWS = {"train": [("a", True)]}  # noqa: RUF012
    FEATURES = {"sentence": tfds.features.Text(), "label": np.bool_}  # noqa: RUF012


@pytest.mark.parametrize(("name", "kind"), [("without_classes", "int64"), ("with_booleans", "bool")])
def test_tfds_with_a_number_for_a_label_is_told_what_a_label_is(name, kind, tmp_path):
    expected = (
        rf"sentence \(Text\), label \({kind}\); label is a number, and a label must be a tfds\.features\.ClassLabel"
    )
    with pytest.raises(UserError, match=expected):
        load_text_dataset(f"tiny_{name}_for_test", str(tmp_path))


def test_tfds_without_texts(tmp_path):
    with pytest.raises(UserError, match=r"not a set of texts with one class each.*sentence \(int32\), label"):
        load_text_dataset("tiny_numbers_for_test", str(tmp_path))
