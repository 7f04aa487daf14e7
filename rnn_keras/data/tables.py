"""Rows of the user's own delimited text files, with one sentence for each defect of such a file."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnn_keras.data.splits import SPLITS
from rnn_keras.utils.errors import UserError

LARGEST_FIELD = 16 * 2**20  # characters
LARGEST_LINE = 64 * 2**20  # bytes
CHUNK = 2**24  # bytes
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_rows(path: Path, *, tabs: bool | None = None) -> list[tuple[int, list[str]]]:
    """The rows of a UTF-8 file, each with the number of the line on which it begins, without blank lines.

    Args:
        path: the file.
        tabs: True: fields are separated by tabs, and a quotation mark is a character like others. False: the rules of
            CSV: commas, and quotation marks around fields that hold commas, line breaks or (doubled) quotation marks.
            Default: True for `.tsv`, False for any other file.

    Raises:
        UserError: the file cannot be read, is empty, is not UTF-8, holds NUL bytes, has broken quotation, a field of
            more than 16 Mi characters or a line of more than 64 MiB.
    """
    text = _decode(path)
    tabs = path.suffix.lower() == ".tsv" if tabs is None else tabs
    options: dict[str, Any] = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if tabs else {"strict": True}
    rows = []
    limit = csv.field_size_limit(LARGEST_FIELD)
    line = 0
    try:
        reader = csv.reader(io.StringIO(text, newline=""), **options)
        for row in reader:
            if any(field.strip() for field in row):
                rows.append((line + 1, row))
            line = reader.line_num
    except csv.Error as error:
        what = f"a field has more than {LARGEST_FIELD} characters" if "field limit" in str(error) else str(error)
        raise UserError(
            f"{path}, the row that begins on line {line + 1}: {what}; "
            "expected fields in quotation marks wherever they hold commas, line breaks or quotation marks"
        ) from error
    finally:
        csv.field_size_limit(limit)
    if not rows:
        raise UserError(f"{path} is empty: expected a header line and one example per row")
    return rows


def read_named_rows(
    path: Path, required: Sequence[str], optional: Sequence[str] = ()
) -> list[tuple[int, dict[str, str]]]:
    """The rows of a file whose first line names the columns: the number of the line, and the fields by name.

    Case and white space around a name make no difference; other columns are left out.

    Args:
        path: the file.
        required: names that the file must have once each.
        optional: names that it may have.

    Raises:
        UserError: as `read_rows`, or a column is missing, a row has more or fewer fields, or there is no row.
    """
    (_, header), *rows = read_rows(path)
    columns = [name.strip().casefold() for name in header]
    for name in (*required, *(name for name in optional if name in columns)):
        if columns.count(name) != 1:
            hint = "; separate the columns with commas" if len(header) == 1 and set(";\t") & set(header[0]) else ""
            named = ", ".join(field.strip() for field in header[:10])
            raise UserError(
                f"{path} has {columns.count(name)} columns named {name!r} where one is expected: its first line "
                f"names {named}; expected a header like {','.join(required)}{hint}"
            )
    found = {name: columns.index(name) for name in (*required, *optional) if name in columns}
    for line, row in rows:
        if len(row) != len(header):
            raise UserError(
                f"{path}, line {line}: {len(row)} fields where the header names {len(header)}; "
                "put a field that holds separators or line breaks in quotation marks"
            )
    if not rows:
        raise UserError(f"{path} has a header and no rows: expected one example per row")
    return [(line, {name: row[column] for name, column in found.items()}) for line, row in rows]


def list_split_files(folder: Path, suffixes: Sequence[str]) -> list[tuple[str, Path]]:
    """The files of a folder that are named after a split, such as `train.csv`, with the split's name.

    Raises:
        UserError: there is none.
    """
    files = [(split, folder / (split + suffix)) for split in SPLITS for suffix in suffixes]
    files = [(split, file) for split, file in files if file.is_file()]
    if not files:
        found = sorted(entry.name for entry in folder.iterdir())[:5]
        expected = ", ".join(split + suffixes[0] for split in SPLITS[:-1])
        others = f" (nor {' or '.join(suffixes[1:])})" if suffixes[1:] else ""
        raise UserError(
            f"{folder} holds none of {expected} and {SPLITS[-1]}{suffixes[0]}{others}; "
            f"it holds {', '.join(found) if found else 'nothing'}"
        )
    return files


def _decode(path: Path) -> str:
    try:
        _check_line_lengths(path)
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    if data.startswith(_UTF16_MARKS):
        raise UserError(f"{path} is UTF-16: expected UTF-8; save it again as UTF-8")
    if b"\0" in data:
        raise UserError(f"{path}, line {_count_line(data, data.index(0))}: a NUL byte, which a text file must not hold")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}, line {_count_line(data, error.start)}: byte 0x{data[error.start]:02x} is not UTF-8; "
            "save the file again as UTF-8"
        ) from error


def _check_line_lengths(path: Path) -> None:
    """Refuses a file without line breaks before it is read into memory, where it would take several times its size."""
    lines, length = 1, 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            last = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
            length = length + len(chunk) if last < 0 else len(chunk) - 1 - last
            lines += chunk.count(b"\n")
            if length > LARGEST_LINE:
                raise UserError(
                    f"{path}, line {lines}: more than {LARGEST_LINE} bytes without a line break; expected one example "
                    "per line"
                )


def _count_line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1
