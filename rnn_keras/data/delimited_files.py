"""Delimited text files as rows of fields, with one sentence for each defect of such a file."""

import contextlib
import csv
import io
import itertools
import re
from pathlib import Path
from typing import Any

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import describe_entry
from rnn_keras.utils.memory import require_memory

LARGEST_FIELD = 16 * 2**20  # characters
LARGEST_LINE = 64 * 2**20  # bytes
CHUNK = 2**24  # bytes
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}  # of a .csv file; the first where none occurs
_SAMPLE, _SAMPLED_ROWS = 2**20, 100  # characters and rows from which the delimiter is guessed
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


def read_rows(path: Path, *, tabs: bool | None = None) -> list[tuple[int, list[str]]]:
    """The rows of a UTF-8 file, each with the number of the line on which it begins, without blank lines.

    Args:
        path: the file; a pipe is read once.
        tabs: True: fields are separated by tabs, and a quotation mark is a character like others. False: the rules of
            CSV: fields are separated by commas, semicolons or tabs, whichever fit the first rows, and there are
            quotation marks around fields that hold these, line breaks or (doubled) quotation marks. Default: True for
            `.tsv`, False for any other file.

    Raises:
        UserError: the file cannot be read, is empty, is not UTF-8, holds NUL bytes, has broken quotation, a field of
            more than 16 Mi characters or a line of more than 64 MiB.
    """
    return split_rows(path, decode_file(path), tabs)[0]


def read_header(path: Path, *, tabs: bool | None = None) -> list[str]:
    """The fields of the first line, without reading all of the file.

    Args:
        path, tabs: see `read_rows`.

    Raises:
        UserError: it is no file on a disk, or has a defect in its first 16 MiB; see `read_rows`.
    """
    require_regular(path)
    try:
        with path.open("rb") as file:
            content = file.read(CHUNK)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    if len(content) == CHUNK:  # to the end of a line, so that no letter is cut
        content = content[: content.rfind(b"\n") + 1] or content
    lines = _decode(path, content).lstrip().splitlines(keepends=True)
    first = "".join(lines[:2])  # the first may declare the delimiter
    tabs = path.suffix.lower() == ".tsv" if tabs is None else tabs
    for line in () if tabs else lines[2:]:
        if first.count('"') % 2 == 0:
            break
        first += line  # of a field with line breaks
    (_, header), *_ = split_rows(path, first, tabs)[0]
    return header


def require_regular(path: Path, expected: str = "expected a file") -> None:
    """Refuses what is not a file on a disk.

    Raises:
        UserError: there is nothing, a folder, or a pipe, which could be read only once.
    """
    if not path.exists():
        raise UserError(f"no such file: {path}; {expected}")
    if path.is_dir():
        raise UserError(f"cannot read {path}: it is a folder; {expected}")
    if not path.is_file():
        what = describe_entry(path)
        raise UserError(f"{path} is {what}, which can be read only once; save its content as a file first")


def split_rows(path: Path, text: str, tabs: bool | None = None) -> tuple[list[tuple[int, list[str]]], str]:
    """The rows of a text, each with its line, and the delimiter; see `read_rows`."""
    tabs = path.suffix.lower() == ".tsv" if tabs is None else tabs
    options: dict[str, Any] = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if tabs else {"strict": True}
    rows, line = [], 0
    if not tabs:
        first = re.split(r"[\r\n]", text.lstrip("\r\n"), maxsplit=1)[0]
        declared = re.fullmatch(r"sep=(.)\s*", first, re.IGNORECASE)  # Excel's own line
        if declared:
            text, line = text.lstrip("\r\n")[len(first) :], text[: text.index(first)].count("\n")
        options["delimiter"] = declared[1] if declared else _choose_delimiter(text)
    limit = csv.field_size_limit(LARGEST_FIELD)
    before = line
    try:
        reader = csv.reader(io.StringIO(text, newline=""), **options)
        for row in reader:
            if any(field.strip() for field in row):
                rows.append((line + 1, row))
            line = before + reader.line_num
    except csv.Error as error:
        what = f"a field has more than {LARGEST_FIELD} characters" if "field limit" in str(error) else str(error)
        name = DELIMITERS.get(options["delimiter"], "separators")
        raise UserError(
            f"{path}, the row that begins on line {line + 1}: {what}; "
            f"expected fields in quotation marks wherever they hold {name}, line breaks or quotation marks"
        ) from error
    finally:
        csv.field_size_limit(limit)
    if not rows:
        raise UserError(f"{path} is empty: expected a header line and one example per row")
    return rows, options["delimiter"]


def _choose_delimiter(text: str) -> str:
    """The first of DELIMITERS that gives all of the first rows equally many fields, or that the header has most of."""
    head = text[:_SAMPLE]
    for delimiter in DELIMITERS:
        lengths = []
        with contextlib.suppress(csv.Error):
            for row in itertools.islice(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), _SAMPLED_ROWS):
                lengths += [len(row)] if row else []
        if len(head) < len(text) and len(lengths) < _SAMPLED_ROWS:
            lengths = lengths[:1] + lengths[1:-1]  # the last row may have been cut
        if lengths and lengths[0] > 1 and set(lengths) == {lengths[0]}:
            return delimiter
    first = re.split(r"[\r\n]", _QUOTED.sub("", head).lstrip("\r\n"), maxsplit=1)[0]
    return max(DELIMITERS, key=first.count)


def decode_file(path: Path) -> str:
    """The text of a file; see `read_rows` for what is refused."""
    return _decode(path, _read_bytes(path))


def _decode(path: Path, data: bytes) -> str:
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


def _read_bytes(path: Path) -> bytes:
    """The content; without line breaks, it is refused before it is in memory, where it would take several times its
    size."""
    lines, length, chunks = 1, 0, []
    try:
        can_be_read_again = path.is_file()
        if can_be_read_again:  # the bytes, the text and, at least, its fields
            require_memory(3 * path.stat().st_size, str(path), "give a part of it")
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                last = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
                length = length + len(chunk) if last < 0 else len(chunk) - 1 - last
                lines += chunk.count(b"\n")
                if length > LARGEST_LINE:
                    raise UserError(
                        f"{path}, line {lines}: more than {LARGEST_LINE} bytes without a line break; expected one "
                        "example per line"
                    )
                if not can_be_read_again:
                    chunks.append(chunk)
        return path.read_bytes() if can_be_read_again else b"".join(chunks)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error


def _count_line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1
