"""Recordings of the user's own: a table with a row for each sample, or a folder of .npz files."""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnn_keras.data.characters import is_blank
from rnn_keras.data.classification import list_names
from rnn_keras.data.delimited_files import require_regular
from rnn_keras.data.npz_files import list_npz_files, open_npz, read_sizes
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

SUFFIXES = (".csv", ".tsv")
COLUMNS = {name: name for name in ("label", "person", "record", "time")}  # by what they are for
LONGEST_PAUSE = 3.5  # steps of the clock; after a longer one, a new recording begins
MOST_READ = 1000  # rows of a column that tell what it is
UNEVEN = 0.5  # of the usual step, by which a step may differ before it is uneven


@dataclasses.dataclass(frozen=True)
class SourceRecordings:
    """Recordings as their source has them.

    Attributes:
        names, people: of each recording; people may be None.
        signals: of each `(T, channels)` float32.
        labels: of each `(T,)`, words.
        named_splits: of each the split that the source names for it, or None.
        channels: their names.
        notes: sentences for the user.
    """

    names: list[str]
    people: list[str | None]
    signals: list[np.ndarray]
    labels: list[np.ndarray]
    named_splits: list[str | None]
    channels: list[str]
    notes: list[str]


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


def read_folder(folder: Path) -> SourceRecordings:
    """A folder of `.npz` files, or of `train/`, `test/` and, optionally, `validation/` with such files.

    Raises:
        UserError: there are none, one is damaged, or its arrays have another form.
    """
    files = list_npz_files(folder, "recording")
    found = SourceRecordings([], [], [], [], [split for split, _ in files], [], [])
    for split, path in files:
        signals, label, person, channels = read_npz(path)
        if found.signals and signals.shape[1] != found.signals[0].shape[1]:
            raise UserError(
                f"{path} has {signals.shape[1]} channels where {files[0][1]} has {found.signals[0].shape[1]}; expected "
                "the same ones in all files"
            )
        found.names.append(f"{split} {path.stem}" if split else path.stem)
        found.people.append(person)
        found.signals.append(signals)
        found.labels.append(label)
        found.channels[:] = found.channels or channels
    if None in found.people and any(found.people):
        path = files[found.people.index(None)][1]
        raise UserError(f"{path} names no person and other files do; give all of them the array person, or none")
    return found


def read_npz(path: Path, *, labelled: bool = True) -> tuple[np.ndarray, np.ndarray, str | None, list[str]]:
    """The signals `(T, channels)` float32 of a file, the label of each sample `(T,)`, the person and the channels.

    Args:
        path: a `.npz` file with `signals (T, channels)`, `label`, one or `(T,)`, integers or words, and, optionally,
            `person`, one integer or word, and `channels`, their names.
        labelled: False: a label is not needed, and all labels are "".

    Raises:
        UserError: the file is damaged, or its arrays have another form.
    """
    wanted = ["signals", *(["label"] if labelled else [])]
    with open_npz(path) as stored:
        if missing := [name for name in wanted if name not in stored.files]:
            raise UserError(
                f"{path} has no {' and no '.join(missing)}, it holds {', '.join(stored.files) or 'nothing'}: expected "
                "signals (T, channels) and label, one or (T,)"
            )
        names = [*wanted, *(name for name in ("person", "channels") if name in stored.files)]
        read_sizes(path, names, "recording")
        arrays = {name: stored[name] for name in names}
    signals = arrays["signals"]
    if signals.ndim != 2 or 0 in signals.shape or signals.dtype.kind not in "fiub":
        raise UserError(
            f"{path}: signals has the shape {signals.shape} and the type {signals.dtype}; expected numbers "
            "(T, channels), at least one sample of at least one channel"
        )
    with np.errstate(over="ignore"):
        signals = signals.astype(np.float32)
    if not np.isfinite(signals).all():
        first = int(np.flatnonzero(~np.isfinite(signals).all(axis=1))[0])
        raise UserError(f"{path}: signals has a value that is not a finite number at sample {first}; correct it")
    words = _read_words(path, "label", arrays["label"], (len(signals),)) if labelled else np.array("", object)
    person = _read_words(path, "person", arrays["person"], ()) if "person" in arrays else None
    count = signals.shape[1]
    channels = [str(number) for number in range(1, count + 1)]
    if "channels" in arrays:
        channels = [str(name) for name in _read_words(path, "channels", arrays["channels"], (count,)).reshape(-1)]
    labels = np.broadcast_to(words, len(signals)).astype(object)
    return signals, labels, None if person is None else str(person), channels


def _read_words(path: Path, name: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Words or integers as words; one of them, or of this shape."""
    is_one = array.shape in ((), (1,)) and name != "channels"
    if (not is_one and array.shape != shape) or array.dtype.kind not in "iuUS":
        expected = (
            "one" if not shape else f"one for each of the {shape[0]} {'channels' if name == 'channels' else 'samples'}"
        )
        raise UserError(
            f"{path}: {name} has the shape {array.shape} and the type {array.dtype}; expected integers or words, "
            f"{expected}{' or one for all' if name == 'label' else ''}"
        )
    decoded: Any = np.char.decode(array, "utf-8", "replace") if array.dtype.kind == "S" else array
    words = decoded.astype(str).astype(object)
    blank = [word for word in words.reshape(-1).tolist() if is_blank(word)]
    if blank and name != "channels":
        raise UserError(f"{path}: {name} holds an empty word; expected a name or a number")
    return words.reshape(()) if is_one else words


def arrange_channels(source: str, channels: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where the channels of a trained model are in other data.

    Args:
        source: the data, for the message.
        channels: their channels.
        wanted: those of the model, found by their names; where the names are others, by their order.

    Raises:
        UserError: neither the names nor the number are the same.

    Example:
        >>> arrange_channels("a.csv", ["t", "ay", "AX"], ["ax", "ay"])
        [2, 1]
    """
    names = [name.strip().casefold() for name in channels]
    looked_for = [name.strip().casefold() for name in wanted]
    if all(names.count(name) == 1 for name in looked_for):
        return [names.index(name) for name in looked_for]
    if len(channels) == len(wanted):
        return list(range(len(channels)))
    raise UserError(
        f"{source} has {len(channels)} channels, {list_names(channels)}; the model takes {len(wanted)}, "
        f"{list_names(wanted)}"
    )
