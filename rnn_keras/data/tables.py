"""Tables of the user's own: rows by the names of their columns, and numbers as people write them."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnn_keras.data.delimited_files import decode_file, read_header, split_rows
from rnn_keras.data.folders import list_visible
from rnn_keras.data.splits import SPLITS, normalise_text
from rnn_keras.utils.errors import UserError

TABLES = (".csv", ".tsv")  # the ends of such files' names

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


@dataclass(frozen=True)
class Records:
    """All columns of a file whose first line names them.

    Attributes:
        path: of the file.
        header: the names, as they are written.
        rows: of each row the number of the line on which it begins, and as many fields as there are names.
        delimiter: what separates the fields.
    """

    path: Path
    header: list[str]
    rows: list[tuple[int, list[str]]]
    delimiter: str


@dataclass(frozen=True)
class Table:
    """Some columns of a file whose first line names them.

    Attributes:
        path: of the file.
        names: the columns as the file names them, by what they are for.
        rows: of each row the number of the line, and the fields by what they are for.
        delimiter: what separates the fields in the file.
    """

    path: Path
    names: dict[str, str]
    rows: list[tuple[int, dict[str, str]]]
    delimiter: str

    def __iter__(self) -> Iterator[tuple[int, dict[str, str]]]:
        return iter(self.rows)

    def parse_numbers(self, column: str) -> list[float]:
        """The finite numbers of a column, with a point or, as Excel writes them in many countries, a comma.

        Raises:
            UserError: a field is not a number, or some have a point and others a comma, one of which would have to
                separate thousands.
        """
        numbers, marks = [], {}
        for line, row in self.rows:
            number = parse_number(row[column], decimal_comma=self.delimiter == ";")
            where = f"{self.path}, line {line}: {row[column]!r} in the column {self.names[column]}"
            if number is None:
                raise UserError(f"{where} is not a number, or not without doubt; correct or delete the row")
            for mark in ",.":
                if mark in row[column]:
                    marks.setdefault(mark, line)
            if len(marks) > 1:
                raise UserError(
                    f"{where} has another decimal mark than line {min(marks.values())}; write all numbers with one "
                    "mark, and none between thousands"
                )
            numbers.append(number)
        return numbers


def parse_number(text: str, *, decimal_comma: bool = False) -> float | None:
    """A finite number, with a decimal point or comma; None where it is not one, or could be two.

    Args:
        text: such as `-0.5`, `0,5` or `1e-3`.
        decimal_comma: whether `1,234` is 1.234; otherwise it is taken for nothing, since it may be 1234.
    """
    text = text.strip().replace("\N{MINUS SIGN}", "-")
    if text.count(",") == 1 and "." not in text and (decimal_comma or not _THOUSANDS.fullmatch(text)):
        text = text.replace(",", ".")
    number = float(text) if _NUMBER.fullmatch(text) else float("nan")
    return number if abs(number) < float("inf") else None


def read_records(path: Path) -> Records:
    """All columns of a file whose first line names them.

    Raises:
        UserError: as `read_rows`, or a row has more or fewer fields than the header, or there is no row.
    """
    ((_, header), *rows), delimiter = split_rows(path, decode_file(path))
    for line, row in rows:
        if len(row) != len(header):
            raise UserError(
                f"{path}, line {line}: {len(row)} fields where the header names {len(header)}; "
                "put a field that holds separators or line breaks in quotation marks"
            )
    if not rows:
        raise UserError(f"{path} has a header and no rows: expected one example per row")
    return Records(path, [name.strip() for name in header], rows, delimiter)


def read_table(path: Path, required: Mapping[str, str], optional: Mapping[str, str] | None = None) -> Table:
    """The wanted columns of a file whose first line names them.

    Case, white space around a name and Unicode's forms make no difference; other columns are left out.

    Args:
        path: the file.
        required: of the columns that the file must have once each, what they are for and their names, such as
            `{"text": "review"}`; the flag for the name is then `--text-column`.
        optional: of those that it may have.

    Raises:
        UserError: as `read_records`, or a column is missing.

    Example:
        >>> table = read_table(Path("own.csv"), {"text": "review", "label": "stars"})
        >>> table.rows[0]
        (2, {"text": "A fine film.", "label": "5"})
    """
    records = read_records(path)
    return select_columns(records, find_columns(path, records.header, required, optional))


def select_columns(records: Records, indices: Mapping[str, int]) -> Table:
    """Columns by their indices, under the names of what they are for."""
    rows = [(line, {role: row[index] for role, index in indices.items()}) for line, row in records.rows]
    names = {role: records.header[index] for role, index in indices.items()}
    return Table(records.path, names, rows, records.delimiter)


def check_columns(path: Path, required: Mapping[str, str], optional: Mapping[str, str] | None = None) -> None:
    """Refuses a file that has not these columns, by its first line, within milliseconds; see `read_table`.

    Raises:
        UserError: it is no file, or its first line does not name the columns.
    """
    find_columns(path, read_header(path), required, optional)


def find_columns(
    path: Path,
    header: Sequence[str],
    required: Mapping[str, str],
    optional: Mapping[str, str] | None = None,
    flag: str | None = None,
) -> dict[str, int]:
    """The indices of the wanted columns, by what they are for; see `read_table`.

    Args:
        path: of the file.
        header: its first line.
        required, optional: see `read_table`.
        flag: that names the column; default: such as `--text-column`.

    Raises:
        UserError: one that is required is not there, or one that is wanted is there twice.
    """
    columns = [normalise_text(name) for name in header]
    wanted = {role: normalise_text(name) for role, name in (*required.items(), *(optional or {}).items())}
    for role, name in wanted.items():
        if columns.count(name) != 1 and (role in required or name in columns):
            named = ", ".join(field.strip() for field in header[:10])
            raise UserError(
                f"{path} has {columns.count(name)} columns named {name!r} where one is expected: its first line "
                f"names {named}; {_advise(path, columns, name, role, required)} with {flag or f'--{role}-column'}"
            )
    return {role: columns.index(name) for role, name in wanted.items() if name in columns}


def _advise(path: Path, columns: Sequence[str], name: str, role: str, required: Mapping[str, str]) -> str:
    """What to do where a column is not there once, as the beginning of a clause."""
    if name not in columns and (close := difflib.get_close_matches(name, columns, 1)):
        return f"did you mean {close[0]!r}? Name it"
    if name != role:  # named by the user
        return "name one of these"
    hint = "; separate the columns with tabs" if len(columns) == 1 and path.suffix.lower() == ".tsv" else ""
    return f"expected a header like {','.join(required.values())}{hint}, or name the column of yours"


def list_split_files(folder: Path, suffixes: Sequence[str]) -> list[tuple[str, Path]]:
    """The files of a folder that are named after a split, such as `train.csv`, with the split's name.

    Raises:
        UserError: there is none.
    """
    files = [(split, folder / (split + suffix)) for split in SPLITS for suffix in suffixes]
    files = [(split, file) for split, file in files if file.is_file()]
    if not files:
        found = [entry.name for entry in list_visible(folder)][:5]
        expected = ", ".join(split + suffixes[0] for split in SPLITS[:-1])
        others = f" (nor {' or '.join(suffixes[1:])})" if suffixes[1:] else ""
        raise UserError(
            f"{folder} holds none of {expected} and {SPLITS[-1]}{suffixes[0]}{others}; "
            f"it holds {', '.join(found) if found else 'nothing'}"
        )
    return files
