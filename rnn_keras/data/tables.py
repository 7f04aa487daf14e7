"""Rows of the user's own delimited text files, every defect of such a file told in one sentence."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from rnn_keras.data.splits import SPLITS
from rnn_keras.errors import UserError

LARGEST_FIELD = 16 * 2**20  # characters
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_rows(path: Path, *, tabs: bool | None = None) -> list[tuple[int, list[str]]]:
    """The rows of a UTF-8 file with the number of the line each begins on, blank lines left out.

    In `.tsv` fields are separated by tabs and a quotation mark is a character like others; in any other file
    the rules are those of CSV: commas, and quotation marks around fields that hold commas, line breaks or
    (doubled) quotation marks. `tabs` says which of the two it is, whatever the name's ending.

    Raises:
        UserError: the file cannot be read, is empty, is not UTF-8, holds NUL bytes, has broken quotation or a
            field of more than 16 Mi characters.
    """
    text = _decode(path)
    tabs = path.suffix.lower() == ".tsv" if tabs is None else tabs
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


def split_files(folder: Path, suffixes: Sequence[str]) -> list[tuple[str, Path]]:
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
