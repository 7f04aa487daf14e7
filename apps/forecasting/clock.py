"""The rows of a file in the order of their times: zones, order and repetition."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from apps.forecasting.times import WrittenTimes
from apps.forecasting.zones import Zone, make_zone, to_clock
from rnn_keras.utils.errors import UserError

IN_ORDER = "put in the order of their times"


@dataclasses.dataclass(frozen=True)
class Rows:
    """The rows of one series.

    Attributes:
        name: of the series; empty where there is one.
        indices: `(n,)` the rows of the table, in the order of the file or of their times.
    """

    name: str
    indices: np.ndarray

    @property
    def place(self) -> str:
        """What a message calls the series."""
        return f" of the series {self.name}" if self.name else ""


@dataclasses.dataclass(frozen=True)
class TimedRows:
    """All rows of a file with their times.

    Attributes:
        where: the file, for messages.
        lines: `(n,)` of the file.
        clock: `(n,)` datetime64[s], of each row.
        zone: of the clock.
        content: `(n,)` a number for each row, equal for rows that are.
    """

    where: str
    lines: Sequence[int]
    clock: np.ndarray
    zone: Zone
    content: np.ndarray

    def show(self, row: int) -> str:
        """The time of a row, for messages."""
        text = self.zone.format(self.clock[row : row + 1])[0].replace("T", " ")
        return text.removesuffix(" 00:00:00") if self.are_days else text

    @functools.cached_property
    def are_days(self) -> bool:
        """Whether no row has a time of day."""
        return bool(np.all(self.clock == self.clock.astype("datetime64[D]")))

    def locate(self, row: int) -> str:
        """The file and the line of a row, for messages."""
        return f"{self.where}, line {self.lines[row]}"


def make_clock(
    written: WrittenTimes, groups: Sequence[Rows], zone_name: str | None, lines: Sequence[int], where: str
) -> tuple[np.ndarray, Zone, list[str]]:
    """Written times as times of one clock, `(n,)` datetime64[s], the zone, and sentences about it.

    Args:
        written: the times.
        groups: the rows of each series.
        zone_name: that the user names; None: none.
        lines: `(n,)` of the file.
        where: the file, for messages.

    Raises:
        UserError: the zone is unknown, or a time is not in it, because the clocks went forward.
    """
    of_day = np.unique((written.local - written.local.astype("datetime64[D]")).astype(np.int64))
    if len(of_day) == 1:  # days, weeks, months: the dates count
        return written.local, Zone(), []
    if written.offsets is not None:
        return _make_clock_of_offsets(written.local, written.offsets, zone_name)
    if zone_name is None:
        note = "the times have no zone, and are taken as a clock that is never changed; where it is, name --time-zone"
        return written.local, Zone(), [note]
    clock, exists = to_clock(written.local, [group.indices for group in groups], zone_name)
    if not exists.all():
        first = int(np.flatnonzero(~exists)[0])
        raise UserError(
            f"{where}, line {lines[first]}: there is no {str(written.local[first]).replace('T', ' ')} in {zone_name}, "
            "where the clocks went forward; name the zone that the times are in, or leave out --time-zone"
        )
    return clock, Zone(zone_name), [f"the times are those of {zone_name}, with its daylight saving"]


def _make_clock_of_offsets(
    local: np.ndarray, offsets: np.ndarray, zone_name: str | None
) -> tuple[np.ndarray, Zone, list[str]]:
    clock = local - offsets.astype("timedelta64[s]")
    if zone_name is not None:
        return clock, Zone(zone_name), [f"the times have offsets from UTC, and are shown in {zone_name}"]
    order = np.argsort(clock, kind="stable")
    zone = make_zone(clock[order], offsets[order])
    last = zone.format(clock[order[-1:]])[0][-6:]
    if len(set(zone.offsets)) == 1:
        return clock, zone, [f"the times are those of UTC{'' if last == '+00:00' else last}"]
    note = (
        f"the offset from UTC changes, as with daylight saving; that of the last time, {last}, is used for what "
        "follows; name the zone with --time-zone to have it right"
    )
    return clock, zone, [note]


def sort_rows(rows: TimedRows, groups: Sequence[Rows]) -> tuple[list[Rows], list[str]]:
    """The rows of each series in the order of their times, without those that are repeated, and sentences about it.

    Raises:
        UserError: a time is there twice with other values.
    """
    notes: list[str] = []
    return [_sort_series(rows, group, notes) for group in groups], notes


def _sort_series(rows: TimedRows, group: Rows, notes: list[str]) -> Rows:
    times = rows.clock[group.indices].astype(np.int64)
    late = np.flatnonzero(np.diff(times) < 0)
    if len(late) and not any(IN_ORDER in note for note in notes):
        line = rows.lines[int(group.indices[late[0] + 1])]
        is_reversed = len(late) == len(times) - 1
        what = "the newest row is first" if is_reversed else f"line {line} is earlier than the row before{group.place}"
        notes.append(f"{what}; the rows were {IN_ORDER}")
    order = np.argsort(times, kind="stable")
    indices = group.indices[order]
    twice = np.flatnonzero(np.diff(times[order]) == 0)
    if not len(twice):
        return Rows(group.name, indices)
    differ = twice[rows.content[indices[twice]] != rows.content[indices[twice + 1]]]
    if len(differ):
        first, second = int(indices[differ[0]]), int(indices[differ[0] + 1])
        hint = "" if rows.zone.is_known else ", or, if the clocks went back, the zone with --time-zone"
        raise UserError(
            f"{rows.locate(second)}: {rows.show(second)}{group.place} is on line {rows.lines[first]} too, with other "
            f"values; delete one of them, or name the column of several series with --series{hint}"
        )
    first = int(indices[twice[0] + 1])
    count = "1 row is" if len(twice) == 1 else f"{len(twice)} rows are"
    notes.append(f"{count} there twice{group.place}, the first on line {rows.lines[first]}; one of them is used")
    return Rows(group.name, np.delete(indices, twice + 1))
