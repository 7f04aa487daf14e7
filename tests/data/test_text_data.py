"""Texts as word ids, and what is said of texts from which little can be learnt."""

import pytest

from rnn_keras.data.text_data import load_text_data


@pytest.mark.parametrize(("separator", "is_said"), [("", True), (" ", False)])
def test_texts_of_one_word_each_are_said(tmp_path, separator, is_said):
    rows = [f"{separator.join(['abc', 'def', str(number)])},{number % 2}" for number in range(40)]
    (tmp_path / "own.csv").write_text("\n".join(["text,label", *rows]))
    notes = load_text_data(str(tmp_path / "own.csv"), None, 100, 20).notes
    assert any(note.startswith("100% of the training texts are one word") for note in notes) == is_said


def test_thai_is_divided_into_its_characters(tmp_path):
    rows = [f"{'ดีมาก' if number % 2 else 'แย่มาก'}{number},{number % 2}" for number in range(40)]
    (tmp_path / "own.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    data = load_text_data(str(tmp_path / "own.csv"), None, 100, 20)
    assert not any("one word" in note for note in data.notes) and min(map(len, data.inputs("train"))) > 3
