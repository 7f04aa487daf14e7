"""Recordings of tables and folders: splits that share no person, and one sentence for each mistake."""

import itertools

import numpy as np
import pytest

from apps.activity.people import assign_people, deal_people
from apps.activity.recording_folders import read_npz
from apps.activity.recording_tables import COLUMNS, read_table_file
from apps.activity.recordings import check_source, load_recordings
from rnn_keras.utils.errors import UserError


def write_csv(path, people=5, records=4, rows=30, header="person,record,time,x,y,label"):
    """Recordings of people who walk or sit."""
    lines = [header]
    for person, record, row in itertools.product(range(people), range(records), range(rows)):
        lines.append(f"p{person},{record},{row / 10},{row % 3},{-row / 2},{'walk' if record % 2 else 'sit'}")
    path.write_text("\n".join(lines) + "\n")
    return path


def write_unseen(path):
    """Recordings in which the one who tests does what nobody else does."""
    test = deal_people([f"p{number}" for number in range(5)], 5)[0][0]
    lines = write_csv(path).read_text().splitlines()
    path.write_text(
        "\n".join(line[:-3] + "c" if line.startswith(test) and line.endswith("sit") else line for line in lines)
    )
    return path


def load(path, **options):
    return load_recordings(str(path), None, COLUMNS, **options)


def test_a_table_becomes_recordings_in_splits_that_share_no_person(tmp_path):
    found = load(write_csv(tmp_path / "a.csv"))
    assert (found.channels, found.class_names, found.notes) == (["x", "y"], ["sit", "walk"], [])
    people = [{*examples.people} for examples in found.splits.values()]
    assert [len(group) for group in people] == [3, 1, 1] and len(set.union(*people)) == 5
    everything = found.everything
    assert len(everything) == 20 and everything.names[1] == "p0 1" and everything.people[1] == "p0"
    np.testing.assert_allclose(everything.signals[1][4], [1, -2])
    assert everything.signals[1].dtype == np.float32 and everything.labels[1].tolist() == [1] * 30


def test_each_person_tests_in_one_fold_and_validates_in_the_next():
    people = [f"p{number}" for number in range(11)]
    splits = [assign_people(people, 5, fold) for fold in range(1, 6)]
    for person in people:
        assert [split[person] for split in splits].count("test") == 1
        assert [split[person] for split in splits].count("validation") == 1
    assert {len(group) for group in deal_people(people, 5)} == {2, 3}
    assert assign_people(people[::-1], 5, 2) == splits[1]  # whatever the order


def test_a_fold_can_be_chosen(tmp_path):
    path = write_csv(tmp_path / "a.csv")
    testing = [load(path, fold=fold).splits["test"].people[0] for fold in range(1, 6)]
    assert len(set(testing)) == 5
    with pytest.raises(UserError, match=r"--folds 5: .* has 3 people; expected at most"):
        load(write_csv(tmp_path / "c.csv", people=3), fold=1)
    assert "nobody in the train split has the label c" in load(write_unseen(tmp_path / "d.csv")).notes[0]
    with pytest.raises(UserError, match="at least 3 people"):
        load(write_csv(tmp_path / "b.csv", people=2, records=8), fold=1)


def test_labels_may_change_within_a_recording(tmp_path):
    lines = ["person,x,label"]
    for person, step in itertools.product(range(4), range(20)):
        lines.append(f"{person},{step},{'b' if step >= 12 else 'a'}")
    (tmp_path / "a.csv").write_text("\n".join(lines))
    found = load(tmp_path / "a.csv")
    assert len(found.everything) == 4 and found.everything.labels[0].tolist() == [0] * 12 + [1] * 8


def test_without_people_or_records_each_run_of_a_label_is_a_recording(tmp_path):
    rows = [f"{number % 7},{'b' if number // 10 % 2 else 'a'}" for number in range(300)]
    (tmp_path / "a.csv").write_text("\n".join(["x,label", *rows]))
    found = load(tmp_path / "a.csv")
    assert len(found.everything) == 30
    assert "names no person and no record" in found.notes[0] and "may be far worse" in found.notes[1]
    for split in found.splits.values():  # each has both
        assert {int(labels[0]) for labels in split.labels} == {0, 1}


def test_two_people_are_divided_by_recording_and_told(tmp_path):
    found = load(write_csv(tmp_path / "a.csv", people=2, records=10))
    assert "has 2 people, too few" in found.notes[0]
    assert all(len(examples) for examples in found.splits.values())


def test_a_pause_of_the_clock_begins_a_new_recording(tmp_path):
    times = [*np.arange(20) * 0.02, *(5 + np.arange(20) * 0.02)]
    rows = [f"a,{time:.3f},{time:.1f},{'s' if time < 0.2 else 't'}" for time in times]
    (tmp_path / "a.csv").write_text("\n".join(["person,time,x,label", *rows]))
    found = read_table_file(tmp_path / "a.csv", COLUMNS)
    assert [len(signals) for signals in found.signals] == [20, 20] and found.names == ["a", "a, part 2"]
    assert "1 pause(s)" in found.notes[0] and "line 22" in found.notes[0]


def test_dates_are_times_and_an_uneven_clock_is_told(tmp_path):
    seconds = [0, 1, 2, 4.0, 5, 7, 8]
    rows = [f"2026-01-31T09:30:0{second:.2f},{second / 2},a" for second in seconds]
    (tmp_path / "a.csv").write_text("\n".join(["time,x,label", *rows]))
    found = read_table_file(tmp_path / "a.csv", COLUMNS)
    assert len(found.signals) == 1 and "33% of the steps" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("x,y\n1,2\n", "0 columns named 'label'"),
        ("label\na\n", "has no channels"),
        ("x,label\n1,a\nfast,b\n", "line 3: 'fast' in the column x is not a number"),
        ("x,label\n1,a\n,b\n", "line 3: '' in the column x is not a number"),
        ("x,label\n1,a\n2,\n", "line 3: the label is empty"),
        ("x,label\n1,a\n2\n", "line 3: 1 fields where the header names 2"),
        ("person,x,label\nann,1,a\n,2,b\n", "line 3: the person is empty"),
        ("time,x,label\n1,1,a\n1,2,b\n", "line 3: the time 1 is not after"),
        ("time,x,label\n1,1,a\nnoon,2,b\n", "line 3: 'noon' in the column time is not a time"),
        ("x,label\n1,a\n1e39,b\n", "line 3: a number is too large"),
        ("x,label\n1,a\n2,a\n4,a\n", "every sample of .* has the label 'a'"),
        ("person,x,label\nann,1,a\nann,2,b\n", "leaves no recording for the"),
    ],
)
def test_a_mistake_in_a_table_is_one_sentence(tmp_path, text, words):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(UserError, match=words):
        load(tmp_path / "a.csv")


def save(folder, number=0, **changes):
    """A recording that is in order, but for the changes."""
    arrays = {"signals": np.ones((6, 2), np.float32), "label": np.array("ab"[number % 2]), "person": number // 2}
    np.savez(
        folder / f"{number}.npz", **{name: value for name, value in (arrays | changes).items() if value is not None}
    )
    return folder / f"{number}.npz"


def test_a_folder_becomes_recordings(tmp_path):
    for number in range(8):
        save(tmp_path, number, label=np.array([number % 2] * 6) if number < 4 else number % 2, channels=["ax", "ay"])
    found = load(tmp_path)
    assert (found.channels, found.class_names) == (["ax", "ay"], ["0", "1"]) and found.everything.people[2:4] == [
        "1",
        "1",
    ]
    people = [{*examples.people} for examples in found.splits.values()]
    assert len(set.union(*people)) == sum(map(len, people)) == 4


def test_splits_of_a_folder_are_kept(tmp_path):
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        for number in range(20):
            save(tmp_path / split, number, signals=np.full((6, 2), number + 50 * (split == "test")), person=None)
    found = load(tmp_path)
    assert len(found.splits["test"]) == 20 and len(found.splits["validation"]) >= 1
    assert (found.everything.names[0], found.everything.names[20]) == ("train 0", "test 0")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"signals": None}, "has no signals, it holds label, person"),
        ({"label": None}, "has no label"),
        ({"signals": np.ones(6)}, "signals has the shape"),
        ({"signals": np.ones((0, 2))}, "signals has the shape"),
        ({"signals": np.full((6, 2), np.nan)}, "not a finite number at sample 0"),
        ({"signals": np.array([["a", "b"]])}, "signals has the shape"),
        ({"label": np.zeros(5, int)}, "label has the shape"),
        ({"label": np.array(0.5)}, "label has the shape"),
        ({"label": np.array("")}, "label holds an empty word"),
        ({"person": np.array([1, 2])}, "person has the shape"),
        ({"channels": np.array(["a"])}, "channels has the shape"),
        ({"label": np.array({"a": 1}, object)}, "Python objects"),
    ],
)
def test_a_mistake_in_a_file_is_one_sentence(tmp_path, changes, words):
    with pytest.raises(UserError, match=words):
        read_npz(save(tmp_path, **changes))


def test_files_that_do_not_fit_together_are_refused(tmp_path):
    save(tmp_path, 0)
    save(tmp_path, 1, signals=np.ones((6, 3)))
    with pytest.raises(UserError, match="has 3 channels where"):
        load(tmp_path)
    save(tmp_path, 1, person=None)
    with pytest.raises(UserError, match="names no person and other files do"):
        load(tmp_path)


def load_all(path):
    return read_table_file(path, COLUMNS).signals[0]


def test_columns_that_are_not_channels_are_left_out_and_told(tmp_path):
    rows = [f"{number},{number % 7},left,5,{number % 3},{'ab'[number % 2]},p{number % 3}" for number in range(60)]
    (tmp_path / "a.csv").write_text("\n".join(["row,x,arm,fixed,y,label,person", *rows]))
    found = read_table_file(tmp_path / "a.csv", COLUMNS)
    assert found.channels == ["x", "fixed", "y"]
    words = ("row of a.csv only numbers the rows", "arm of a.csv holds no numbers", "fixed of a.csv is the same in all")
    assert all(word in note for word, note in zip(words, found.notes, strict=True))


def test_other_data_for_a_trained_model(tmp_path):
    path = write_csv(tmp_path / "a.csv", people=1, records=2)
    found = load(path, class_names=["WALK", "run", "Sit"], channels=["y", "X"])
    np.testing.assert_array_equal(found.everything.signals[0][:, ::-1], load_all(path))
    assert found.class_names == ["WALK", "run", "Sit"]
    assert [int(labels[0]) for labels in found.everything.labels] == [2, 0]
    with pytest.raises(UserError, match="include walk, which the model does not know"):
        load(path, class_names=["sit", "run"])
    with pytest.raises(UserError, match="has 2 channels, x, y; the model takes 3, x, y, z"):
        load(path, class_names=["sit", "walk"], channels=["x", "y", "z"])


def test_what_is_not_there_is_refused_at_once(tmp_path):
    for dataset, words in (
        (str(tmp_path / "none.csv"), "no such file"),
        (str(tmp_path / "none"), "no such folder"),
        (str(tmp_path), "holds no .npz files"),
        ("shoulder_exercise", "shoulder_exercises"),
    ):
        with pytest.raises(UserError, match=words):
            check_source(dataset, None, COLUMNS)
    (tmp_path / "a.csv").write_text("x,y\n")
    with pytest.raises(UserError, match="--label-column"):
        check_source(str(tmp_path / "a.csv"), None, COLUMNS)
