"""Recordings of the user's own in a table with a row for each sample."""

import datetime
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from apps.activity.source_recordings import SourceRecordings
from rnn_keras.data.characters import is_blank
from rnn_keras.data.delimited_files import require_regular
from rnn_keras.data.tables import (
    Records,
    Table,
    check_columns,
    find_columns,
    parse_number,
    read_records,
    select_columns,
)
from rnn_keras.utils.errors import UserError

COLUMNS = {name: name for name in ("label", "person", "record", "time")}  # by what they are for
LONGEST_PAUSE = 3.5  # steps of the clock; after a longer one, a new recording begins
MOST_READ = 1000  # rows of a column that tell what it is
UNEVEN = 0.5  # of the usual step, by which a step may differ before it is uneven


def split_columns(columns: Mapping[str, str], *, labelled: bool = True) -> tuple[dict[str, str], dict[str, str]]:
    """The columns that a table must have, and those that it may have."""
    required = {"label": columns["label"]} if labelled else {}
    return required, {role: name for role, name in columns.items() if role not in required}


def check_file(path: Path, columns: Mapping[str, str]) -> None:
    """Refuses a file that does not exist, or whose first line does not name the columns.

    Raises:
        UserError: see above.
    """
    require_regular(path, f"expected a .csv or .tsv with a column {columns['label']} and columns of numbers")
    check_columns(path, *split_columns(columns))


def read_table_file(path: Path, columns: Mapping[str, str], *, labelled: bool = True) -> SourceRecordings:
    """A table with a row for each sample, in time order: columns of numbers are the channels.

    Args:
        path: a `.csv` or `.tsv` file, with the column `label` and, optionally, `person`, `record` and `time`. A new
            recording begins where the person or the record changes, and after a pause of the clock.
        columns: the names of these columns.
        labelled: False: a label is not needed, and all labels are "".

    Raises:
        UserError: a column is missing, a field is not a number or empty, a clock does not rise.
    """
    records = read_records(path)
    indices = find_columns(path, records.header, *split_columns(columns, labelled=labelled))
    notes: list[str] = []
    others = [index for index in range(len(records.header)) if index not in indices.values()]
    places = {f"channel {index}": index for index in others if not _is_left_out(records, index, notes)}
    channels = [records.header[index] for index in places.values()]
    if not channels:
        named = ",".join(records.header)
        raise UserError(f"{path} has no channels: expected columns of numbers besides those in its first line, {named}")
    table = select_columns(records, {**indices, **places})
    with np.errstate(over="ignore"):
        signals = np.array([table.parse_numbers(place) for place in places]).T.astype(np.float32)
    if not np.isfinite(signals).all():
        line = table.rows[int(np.flatnonzero(~np.isfinite(signals).all(axis=1))[0])][0]
        raise UserError(f"{path}, line {line}: a number is too large; correct or delete the row")
    keys = []
    for line, row in table:
        if labelled and is_blank(row["label"]):
            raise UserError(f"{path}, line {line}: the label is empty; label the sample, or delete its row")
        if is_blank(row.get("person", "x")):
            raise UserError(
                f"{path}, line {line}: the person is empty; name a person in every row, or leave out the column"
            )
        keys.append((row.get("person", "").strip() or None, row.get("record", "").strip()))
    starts = {0, *(number for number in range(1, len(keys)) if keys[number] != keys[number - 1])}
    if "time" in indices:
        starts |= _find_pauses(table, sorted(starts), notes)
    labels = np.array([row["label"].strip() if labelled else "" for _, row in table], object)
    if labelled and "person" not in indices and "record" not in indices:  # what else could be divided?
        starts |= {number for number in range(1, len(labels)) if labels[number] != labels[number - 1]}
        notes.append(f"{path.name} names no person and no record, so that each run of one label is a recording")
    spans = [slice(*ends) for ends in zip(sorted(starts), [*sorted(starts)[1:], len(keys)], strict=True)]
    return SourceRecordings(
        _name_recordings(keys, spans),
        [keys[span.start][0] for span in spans],
        [signals[span] for span in spans],
        [labels[span] for span in spans],
        [None] * len(spans),
        channels,
        notes,
    )


def _is_left_out(records: Records, index: int, notes: list[str]) -> bool:
    """Whether a column is not a channel: it has no numbers, or numbers the rows; a sentence tells."""
    name, fields = records.header[index], [row[index] for _, row in records.rows]
    head = [parse_number(field, decimal_comma=records.delimiter == ";") for field in fields[:MOST_READ]]
    if all(number is None for number in head) and not all(map(is_blank, fields)):
        notes.append(f"the column {name} of {records.path.name} holds no numbers and is left out")
        return True
    numbers = [number for number in head if number is not None]
    if len(numbers) == len(head) > 2 and set(np.diff(numbers).tolist()) == {1.0}:
        notes.append(f"the column {name} of {records.path.name} only numbers the rows and is left out")
        return True
    if len(set(fields)) == 1 and len(fields) > 1:
        notes.append(f"the column {name} of {records.path.name} is the same in all rows, {fields[0]}: it tells nothing")
    return False


def _name_recordings(keys: list[tuple[str | None, str]], spans: list[slice]) -> list[str]:
    """The names of the recordings: each is different, and tells where it is from."""
    names: list[str] = []
    for number, span in enumerate(spans, 1):
        person, record = keys[span.start]
        name = " ".join(part for part in (person, record) if part) or f"recording {number}"
        names.append(f"{name}, part {number}" if name in names else name)
    return names


def _find_pauses(table: Table, starts: list[int], notes: list[str]) -> set[int]:
    """The rows before which the clock makes a pause; it must rise within each recording."""
    times = np.array([_parse_time(table, line, row["time"]) for line, row in table])
    steps = np.diff(times)
    inside = np.setdiff1d(np.arange(1, len(times)), starts)
    for row in inside[steps[inside - 1] <= 0][:1].tolist():
        raise UserError(
            f"{table.path}, line {table.rows[row][0]}: the time {table.rows[row][1]['time']} is not after that of the "
            "row before; sort the rows of each recording by time, and give one row for each time"
        )
    if not len(inside):
        return set()
    usual = float(np.median(steps[inside - 1]))
    pauses = inside[steps[inside - 1] > LONGEST_PAUSE * usual]
    if len(pauses):
        notes.append(
            f"the clock of {table.path.name} has {len(pauses)} pause(s) of more than {LONGEST_PAUSE:g} usual steps, "
            f"the first before line {table.rows[int(pauses[0])][0]}: a new recording begins after each"
        )
    uneven = np.abs(steps[inside - 1] - usual) > UNEVEN * usual
    if (share := float(uneven.mean())) > 0.01:
        notes.append(
            f"{share:.0%} of the steps of the clock of {table.path.name} are not of about {usual:g}: the network takes "
            "all steps for equally long, so resample the signals to a constant rate first"
        )
    return set(pauses.tolist())


def _parse_time(table: Table, line: int, text: str) -> float:
    """Seconds of a date with a time, or a number in any unit."""
    number = parse_number(text, decimal_comma=table.delimiter == ";")
    if number is None:
        try:
            return datetime.datetime.fromisoformat(text.strip()).timestamp()
        except (ValueError, OverflowError, OSError) as error:
            raise UserError(
                f"{table.path}, line {line}: {text!r} in the column {table.names['time']} is not a time; expected a "
                "number, or a date and time such as 2026-01-31T09:30:00.02"
            ) from error
    return number
