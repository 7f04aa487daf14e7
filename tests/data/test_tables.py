"""Delimited files: what the csv rules allow is read, each defect is one sentence with the line."""

import csv
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnn_keras.data import tables
from rnn_keras.data.tables import read_named_rows, read_rows
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
    monkeypatch.setattr(tables, "LARGEST_FIELD", 100)
    before = csv.field_size_limit()
    with pytest.raises(UserError, match=words) as caught:
        read_rows(write(tmp_path / "a.csv", data))
    assert str(tmp_path / "a.csv") in str(caught.value)
    assert csv.field_size_limit() == before


def test_long_fields_are_read(tmp_path):
    assert len(read_rows(write(tmp_path / "a.csv", "text,label\n" + "x" * 2**20 + ",1\n"))[1][1][0]) == 2**20


def test_a_file_without_line_breaks_is_refused_before_it_is_in_memory(tmp_path):
    path = write(tmp_path / "a.csv", b"text,label\n" + b"x" * (tables.LARGEST_LINE + tables.CHUNK))
    process = [sys.executable, "-c", UNDER_A_LIMIT, str(path)]
    out = subprocess.run(process, capture_output=True, text=True)
    assert f"{path}, line 2: more than {tables.LARGEST_LINE} bytes without a line break" in out.stdout, out.stderr


UNDER_A_LIMIT = """
import resource, sys
from pathlib import Path
from rnn_keras.data.tables import read_rows
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
    path = tmp_path / "rows.tsv"
    path.write_text(" Last\tother\tFIRST\n\n1\t2\t3\n4\t5\t6\n")

    assert read_named_rows(path, ("first",), ("last", "middle")) == [
        (3, {"first": "3", "last": "1"}),
        (4, {"first": "6", "last": "4"}),
    ]
    for wanted, sentence in ((("middle",), "has 0 columns named 'middle'"), (("first", "x"), "a header like first,x")):
        with pytest.raises(UserError, match=sentence):
            read_named_rows(path, wanted)
