"""Files of many inputs to predict for, and of their predictions beside them."""

import csv
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnn_keras.data.tables import TABLES, find_columns, read_records
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import atomic_write

LINES = (".jsonl",)
OUTPUTS = (".csv", ".jsonl")


@dataclass(frozen=True)
class Inputs:
    """What is predicted for.

    Attributes:
        values: one for each prediction; as bytes, since a line may not be valid UTF-8.
        records: of each, what stands beside its prediction in an output file, by the names of the columns.
    """

    values: list[bytes]
    records: list[dict[str, Any]]


def make_inputs(values: Iterable[bytes]) -> Inputs:
    """Inputs that are not from a table."""
    values = list(values)
    return Inputs(values, [{"input": value.decode("utf-8", "replace")} for value in values])


def read_inputs(path: Path, column: str) -> Inputs:
    """The inputs of a file; a pipe is read once.

    Args:
        path: a `.csv` or `.tsv` file, whose first line names the columns; a `.jsonl` file, with a JSON object or a text
            on each line; `-`, standard input; or any other file, with one input on each line.
        column: of a table or of the objects, the one that is predicted for; of a table of one column, that one.

    Raises:
        UserError: the file cannot be read, is empty, or has no such column.
    """
    suffix = path.suffix.lower()
    if suffix in TABLES:
        records = read_records(path)
        wanted = records.header[0] if len(records.header) == 1 else column
        index = find_columns(path, records.header, {"text": wanted}, flag="--column")["text"]
        values = [row[index].encode("utf-8", "surrogatepass") for _, row in records.rows]
        return Inputs(values, [dict(zip(records.header, row, strict=True)) for _, row in records.rows])
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}; expected a file of inputs") from error
    lines = content.removeprefix(b"\xef\xbb\xbf").splitlines()
    if not lines:
        raise UserError(f"{path} is empty: expected one input on each line")
    if suffix in LINES:
        records_of_lines = [_parse_object(path, number, line, column) for number, line in enumerate(lines, 1)]
        return Inputs([str(record[column]).encode() for record in records_of_lines], records_of_lines)
    return make_inputs(lines)


def _parse_object(path: Path, number: int, line: bytes, column: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise UserError(f"{path}, line {number}: not JSON ({error}); expected an object or a text") from error
    value = {column: value} if isinstance(value, str) else value
    if not isinstance(value, dict) or column not in value:
        raise UserError(f"{path}, line {number}: expected a JSON object with {column!r}, or name another with --column")
    return value


def require_output(path: Path, source: Path | None) -> None:
    """Refuses an output file before anything is computed for it.

    Raises:
        UserError: it is of an unknown kind, the input file itself, a folder, or where nothing can be written.
    """
    if path.suffix.lower() not in OUTPUTS:
        raise UserError(f"--output {path}: expected a name that ends in {' or '.join(OUTPUTS)}")
    if source is not None and path.exists() and source.exists() and os.path.samefile(path, source):
        raise UserError(f"--output {path} is the input file, which stays as it is; name another")
    if path.is_dir() or (path.exists() and not path.is_file()):
        raise UserError(f"--output {path} is not a file; name one that can be written")
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    if not os.access(parent, os.W_OK):
        raise UserError(f"--output {path}: {parent} cannot be written to; name another folder")


def write_predictions(path: Path, records: Sequence[dict[str, Any]], predictions: Sequence[dict | str]) -> None:
    """Writes a row for each input: its record, then its prediction; or one for each of the prediction's `steps`.

    A column of the prediction that the record has too is called `predicted_` and its name. In a `.csv` file, the parts
    of a prediction are columns of their own, such as `probabilities_pos`, and lists are JSON; in a `.jsonl` file they
    stay as they are.

    Raises:
        UserError: the file cannot be written; what was there is unchanged.
    """
    pairs = zip(records, predictions, strict=True)
    rows = [_join(record, part) for record, prediction in pairs for part in split_steps(prediction)]
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", errors="replace", newline="") as file:
        if path.suffix.lower() == ".jsonl":
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            return
        flat = [dict(_flatten(row)) for row in rows]
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in flat for name in row)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(flat)


def split_steps(prediction: dict | str) -> Sequence[dict | str]:
    """The rows of a prediction: of one that has `steps`, a list of dicts such as a forecast's, one for each step."""
    return prediction["steps"] if isinstance(prediction, dict) and "steps" in prediction else [prediction]


def _join(record: dict[str, Any], prediction: dict | str) -> dict[str, Any]:
    answer = {"prediction": prediction} if isinstance(prediction, str) else prediction
    return record | {f"predicted_{name}" if name in record else name: value for name, value in answer.items()}


def _flatten(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}_{part}", inner) for part, inner in _flatten(value))
        else:
            yield name, json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
