"""Rows of the user's own delimited text files, every defect of such a file told in one sentence."""

import csv
import io
from pathlib import Path

from rnn_keras.errors import UserError

LARGEST_FIELD = 16 * 2**20  # characters
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """The rows of a UTF-8 file with the number of the line each begins on, blank lines left out.

    In `.tsv` fields are separated by tabs and a quotation mark is a character like others; in any other file
    the rules are those of CSV: commas, and quotation marks around fields that hold commas, line breaks or
    (doubled) quotation marks.

    Raises:
        UserError: the file cannot be read, is empty, is not UTF-8, holds NUL bytes, has broken quotation or a
            field of more than 16 Mi characters.
    """
    text = _decode(path)
    tabs = path.suffix.lower() == ".tsv"
    options = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if tabs else {"strict": True}
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
        raise UserError(f"{path} is empty: expected a header line and one example a row")
    return rows


def _decode(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    if data.startswith(_UTF16_MARKS):
        raise UserError(f"{path} is UTF-16: expected UTF-8; save it again as UTF-8")
    if b"\0" in data:
        raise UserError(f"{path}, line {_line(data, data.index(0))}: a NUL byte, which no text file holds")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}, line {_line(data, error.start)}: byte 0x{data[error.start]:02x} is not UTF-8; "
            "save the file again as UTF-8"
        ) from error


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1
