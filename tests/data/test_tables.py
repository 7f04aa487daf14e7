"""Delimited files: what the csv rules allow is read, each defect is one sentence with the line."""

import csv
import os
import subprocess
import sys
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnn_keras.data import delimited_files
from rnn_keras.data.delimited_files import read_rows
from rnn_keras.data.tables import check_columns, parse_number, read_table
from rnn_keras.utils import memory
from rnn_keras.utils.errors import UserError

FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1).filter(str.strip)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(FIELD, min_size=2, max_size=2), min_size=1, max_size=8), st.booleans())
def test_reads_what_csv_writes(tmp_path, rows, mark):
    path = tmp_path / "rows.csv"
    with open(path, "w", newline="", encoding="utf-8-sig" if mark else "utf-8") as stream:
        csv.writer(stream).writerows(rows)
    if mark or not rows[0][0].startswith("\ufeff"):
        assert [row for _, row in read_rows(path)] == rows


def write(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_line_numbers_count_lines_inside_fields_and_blank_ones(tmp_path):
    path = write(tmp_path / "a.csv", 'text,label\r\n"one\r\ntwo",1\r\n\r\n,\r\nthree,0')
    assert read_rows(path) == [(1, ["text", "label"]), (2, ["one\r\ntwo", "1"]), (6, ["three", "0"])]


def test_quotation_marks_are_plain_in_tsv(tmp_path):
    path = write(tmp_path / "a.tsv", 'text\tlabel\n"Odd, he said\t1\n')
    assert read_rows(path)[1] == (2, ['"Odd, he said', "1"])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"text,label\ngood,1\ncaf\xe9,1\n", r"line 3: byte 0xe9 is not UTF-8"),
        (b"text,label\ngo\0od,1\n", r"line 2: a NUL byte"),
        ("text,label\n".encode("utf-16"), r"is UTF-16"),
        (b'text,label\n"good",1\n"bad,0\n', r"the row that begins on line 3: unexpected end of data"),
        (b'text,label\n"good" film,1\n', r"the row that begins on line 2: ',' expected after '\"'"),
        (b'text,label\n"' + b"x" * 101 + b'",1\n', r"line 2: a field has more than 100 characters"),
    ],
)
def test_defects(tmp_path, monkeypatch, data, words):
    monkeypatch.setattr(delimited_files, "LARGEST_FIELD", 100)
    before = csv.field_size_limit()
    with pytest.raises(UserError, match=words) as caught:
        read_rows(write(tmp_path / "a.csv", data))
    assert str(tmp_path / "a.csv") in str(caught.value)
    assert csv.field_size_limit() == before


def test_long_fields_are_read(tmp_path):
    assert len(read_rows(write(tmp_path / "a.csv", "text,label\n" + "x" * 2**20 + ",1\n"))[1][1][0]) == 2**20


def test_a_file_without_line_breaks_is_refused_before_it_is_in_memory(tmp_path):
    path = write(tmp_path / "a.csv", b"text,label\n" + b"x" * (delimited_files.LARGEST_LINE + delimited_files.CHUNK))
    process = [sys.executable, "-c", UNDER_A_LIMIT, str(path)]
    out = subprocess.run(process, capture_output=True, text=True)
    assert f"{path}, line 2: more than {delimited_files.LARGEST_LINE} bytes without a line break" in out.stdout, (
        out.stderr
    )


UNDER_A_LIMIT = """
import resource, sys
from pathlib import Path
from rnn_keras.data.delimited_files import read_rows
from rnn_keras.utils.errors import UserError
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + 3 * 2**24, -1))  # three chunks, less than the file
try:
    read_rows(Path(sys.argv[1]))
except UserError as error:
    print(error)
"""


def test_folder_instead_of_file(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*directory"):
        read_rows(tmp_path)


def test_columns_are_found_by_their_names(tmp_path):
    path = write(tmp_path / "rows.tsv", " Last\tother\tFIRST\n\n1\t2\t3\n4\t5\t6\n")
    table = read_table(path, {"one": "first"}, {"two": "last", "three": "middle"})

    assert table.rows == [(3, {"one": "3", "two": "1"}), (4, {"one": "6", "two": "4"})]
    for wanted, sentence in (
        ({"text": "middle"}, r"0 columns named 'middle' .*first line names Last, other, FIRST.*with --text-column"),
        ({"first": "first", "x": "x"}, "a header like first,x, or name the column of yours with --x-column"),
        ({"text": "othr"}, "did you mean 'other'[?] Name it with --text-column"),
        ({"text": "middle"}, "FIRST; name one of these with --text-column"),
    ):
        for read in (read_table, check_columns):
            with pytest.raises(UserError, match=sentence):
                read(path, wanted)


COLUMNS = {"text": "text", "number": "caf\u00e9"}


@pytest.mark.parametrize(
    "content",
    [
        'text,caf\u00e9\n"a, b; c",0.5\n',
        'text;cafe\u0301\n"a, b; c";0,5\n',
        'sep=;\r\ntext;caf\u00e9\r\n"a, b; c";0,5\r\n',
        '\ufefftext\tcaf\u00e9\n"a, b; c"\t0,5\n',
        'text,"caf\u00e9"\r"a, b; c","0,5"\r',
        'text;caf\u00e9;"a column, with commas, and\nlines"\n"a, b; c";0,5;x\n',
    ],
)
def test_files_as_spreadsheets_write_them(tmp_path, content):
    path = write(tmp_path / "own.csv", content)
    check_columns(path, COLUMNS)
    table = read_table(path, COLUMNS)

    assert table.rows[0][1]["text"] == "a, b; c"
    assert table.parse_numbers("number") == [0.5]


@pytest.mark.parametrize(
    ("text", "with_point", "with_comma"),
    [
        ("3", 3, 3),
        (" -0.25 ", -0.25, -0.25),
        ("\N{MINUS SIGN}7", -7, -7),
        ("0,5", 0.5, 0.5),
        ("1,234", None, 1.234),
        ("1.234,5", None, None),
        ("1,234,567", None, None),
        ("1e-3", 0.001, 0.001),
        ("nan", None, None),
        ("1e999", None, None),
        ("1_000", None, None),
        ("", None, None),
    ],
)
def test_a_number_with_a_point_or_a_comma(text, with_point, with_comma):
    assert parse_number(text) == with_point
    assert parse_number(text, decimal_comma=True) == with_comma


def test_a_column_with_both_decimal_marks_is_an_error(tmp_path):
    path = write(tmp_path / "own.csv", "x;y\n0,5;1\n1.234;2\n")
    with pytest.raises(UserError, match=r"line 3: '1.234' in the column x has another decimal mark than line 2"):
        read_table(path, {"value": "x"}).parse_numbers("value")


def test_a_pipe_is_read_once_and_is_no_data_set(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("text,label\na,1\n",))
    writer.start()
    assert read_rows(path) == [(1, ["text", "label"]), (2, ["a", "1"])]
    writer.join()
    with pytest.raises(UserError, match="is a pipe, which can be read only once; save its content as a file first"):
        check_columns(path, {"text": "text"})


def test_a_file_that_needs_more_memory_than_there_is_is_refused_before_it_is_read(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("text,label\n" + "a,b\n" * 1000)
    monkeypatch.setattr(memory, "measure_free_memory", lambda: 10_000)
    with pytest.raises(UserError, match=r"a\.csv needs 12 kB of memory, and 10 kB are free; give a part of it"):
        read_rows(tmp_path / "a.csv")
