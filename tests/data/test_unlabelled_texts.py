"""Texts without labels, in every form that is read, and what is refused."""

import pytest

from rnn_keras.data.unlabelled_texts import check_unlabelled_texts, load_unlabelled_texts
from rnn_keras.utils.errors import UserError


def test_lines_tables_and_folders_are_read_each_text_once(tmp_path):
    lines, table, folder = tmp_path / "own.txt", tmp_path / "own.csv", tmp_path / "own"
    lines.write_text("A fine film.\n\na  FINE film.\r\nDull.\N{LINE SEPARATOR}Long.\n", encoding="utf-8")
    table.write_text('id;Review\n1;"A fine; film."\n2;Dull.\n', encoding="utf-8")
    folder.mkdir()
    (folder / "1.txt").write_text("A fine\nfilm.")
    (folder / "2.txt").write_text("Dull.")
    (folder / "notes.md").write_text("not a text")

    assert load_unlabelled_texts(str(lines)) == (["A fine film.", "Dull.\N{LINE SEPARATOR}Long."], [])
    assert load_unlabelled_texts(str(table), "review") == (["A fine; film.", "Dull."], [])
    assert load_unlabelled_texts(str(folder)) == (["A fine\nfilm.", "Dull."], [])


def test_texts_of_other_splits_are_left_out_with_a_note(tmp_path):
    file = tmp_path / "own.txt"
    file.write_text("A fine film.\nDull.\n")
    texts, (note,) = load_unlabelled_texts(str(file), without={"dull."})
    assert texts == ["A fine film."] and note.startswith("1 texts of") and "validation or test" in note
    with pytest.raises(UserError, match="holds no text that is not in the validation or test split"):
        load_unlabelled_texts(str(file), without={"dull.", "a fine film."})


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none.txt", None, "no such file or folder: .*expected a .txt file with a text on each line"),
        ("own.pdf", "x", "own.pdf is of an unknown kind; expected a .txt file"),
        ("own.csv", "id,review\n1,x\n", "0 columns named 'text'.*--text-column"),
    ],
)
def test_mistakes_are_a_sentence(tmp_path, name, content, sentence):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=sentence):
        check_unlabelled_texts(str(tmp_path / name))
    (tmp_path / "empty").mkdir(exist_ok=True)
    with pytest.raises(UserError, match=r"empty holds no .txt file"):
        check_unlabelled_texts(str(tmp_path / "empty"))
