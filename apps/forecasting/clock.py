"""The rows of a file on a clock without holes: order, repetition, gaps, and times that are not on the clock."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from apps.forecasting.steps import SNAPPED, Step, find_step
from apps.forecasting.times import WrittenTimes
from apps.forecasting.zones import Zone, make_zone, to_clock
from rnn_keras.utils.errors import UserError

MOST_INSERTED = 2_000_000  # steps of which a file may lack the rows
MOST_SHARE = 0.6  # of a series that may be missing rows


@dataclasses.dataclass(frozen=True)
class Rows:
    """The rows of one series.

    Attributes:
        name: of the series; empty where there is one.
        indices: `(n,)` the rows of the table, in the order of the file.
    """

    name: str
    indices: np.ndarray

    @property
    def place(self) -> str:
        """What a message calls the series."""
        return f" of the series {self.name}" if self.name else ""


@dataclasses.dataclass(frozen=True)
class Placed:
    """The rows of one series on the clock.

    Attributes:
        name: of the series.
        times: `(n,)` datetime64[s], without holes.
        rows: `(n,)` the row of the table for each time; -1: it was inserted.
    """

    name: str
    times: np.ndarray
    rows: np.ndarray


def make_clock(
    written: WrittenTimes, groups: Sequence[Rows], zone_name: str | None, lines: Sequence[int], where: str
) -> tuple[np.ndarray, Zone, list[str]]:
    """Written times as times of one clock, `(n,)` datetime64[s], the zone, and sentences about it.

    Raises:
        UserError: the zone is unknown, or a time is not in it, because the clocks went forward.
    """
    of_day = np.unique((written.local - written.local.astype("datetime64[D]")).astype(np.int64))
    if len(of_day) == 1:  # days, weeks, months: the dates count
        return written.local, Zone(), []
    if written.offsets is not None:
        clock = written.local - written.offsets.astype("timedelta64[s]")
        if zone_name is not None:
            return clock, Zone(zone_name), [f"the times have offsets from UTC, and are those of {zone_name}"]
        order = np.argsort(clock, kind="stable")
        zone, note = make_zone(clock[order], written.offsets[order]), []
        if len(set(zone.offsets)) > 1:
            note = [
                f"the offset from UTC changes, as with daylight saving; that of the last time, {_name_offset(zone)}, "
                "is used for what follows; name the zone with --time-zone to have it right"
            ]
        return clock, zone, note
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


def _name_offset(zone: Zone) -> str:
    return zone.format(np.array([zone.changes[-1]]).astype("datetime64[s]"))[0][-6:]


def place_rows(
    clock: np.ndarray,
    groups: Sequence[Rows],
    lines: Sequence[int],
    where: str,
    same: np.ndarray,
    zone: Zone,
    step: Step | None = None,
) -> tuple[list[Placed], Step, list[str]]:
    """The rows of each series in the order of their times, on a clock without holes.

    Args:
        clock: `(n,)` the time of each row of the table.
        groups: the rows of each series.
        lines: `(n,)` of the file.
        where: the file, for messages.
        same: `(n,)` a number for each row that is equal for rows with the same content.
        zone: of the clock.
        step: of the clock, where it is known; None: that of most times.

    Returns:
        The rows of each series, the step, and sentences on what was found.

    Raises:
        UserError: a time is there twice with other values, or is not on the clock, or there are too few rows.
    """
    notes: list[str] = []
    ordered = [_sort_rows(clock, group, lines, where, same, notes, zone) for group in groups]
    found = step or find_step([clock[rows] for rows in ordered])
    if found is None:
        raise UserError(f"{where} has one time for each series: expected a row for each step, hundreds of them or more")
    notes.insert(0, f"a row {'is' if found.name.startswith('every') else 'comes'} {found.name}")
    placed, snapped, gaps = [], [], []
    for group, rows in zip(groups, ordered, strict=True):
        places, away = found.place(clock[rows], clock[rows[0]])
        bad = np.flatnonzero((np.abs(away) > SNAPPED) | (np.diff(places, prepend=-1) < 1))
        if len(bad):
            row = rows[bad[0]]
            raise UserError(
                f"{where}, line {lines[row]}: {_show(clock[row], zone)}{group.place} is not on the clock of the rows "
                f"before, which are {found.name} from {_show(clock[rows[0]], zone)} on; correct or delete the row, or "
                "bring the data to one step first"
            )
        if away.any():
            snapped.append(rows[np.flatnonzero(away)[0]])
        size = int(places[-1]) + 1
        if size - len(rows) > MOST_INSERTED or size - len(rows) > MOST_SHARE * size:
            worst = int(np.diff(places).argmax()) + 1
            raise UserError(
                f"{where}{group.place}: {size - len(rows):,} of {size:,} rows are missing if a row is {found.name}, the "
                f"most before line {lines[rows[worst]]}; delete what is before or after the gap"
            )
        where_from = np.full(size, -1, np.int64)
        where_from[places] = rows
        gaps += [(int(length) - 1, rows[end], group) for end, length in enumerate(np.diff(places), 1) if length > 1]
        placed.append(Placed(group.name, found.count_from(clock[rows[0]], size), where_from))
    if snapped:
        notes.append(
            f"line {lines[snapped[0]]}: {_show(clock[snapped[0]], zone)} is not exactly on the clock; such times are "
            "moved to the nearest step"
        )
    if gaps:
        length, row, group = max(gaps, key=lambda gap: gap[0])
        total = sum(gap[0] for gap in gaps)
        notes.append(
            f"{total} row{'s are' if total > 1 else ' is'} missing in {len(gaps)} gap{'s' * (len(gaps) > 1)}, the longest "
            f"of {length} step{'s' * (length > 1)} before line {lines[row]}, {_show(clock[row], zone)}{group.place}; "
            "the steps are there as missing values"
        )
    return placed, found, notes


def _sort_rows(
    clock: np.ndarray,
    group: Rows,
    lines: Sequence[int],
    where: str,
    same: np.ndarray,
    notes: list[str],
    zone: Zone,
) -> np.ndarray:
    """The rows of a series by their times, without those that are repeated."""
    times = clock[group.indices]
    late = np.flatnonzero(np.diff(times.astype(np.int64)) < 0)
    if len(late):
        is_reversed = len(late) == len(times) - 1
        what = (
            "the rows begin with the newest" if is_reversed else f"line {lines[group.indices[late[0] + 1]]} is earlier"
        )
        what += "" if is_reversed else f" than the line before{group.place}"
        if not any("put in the order" in note for note in notes):
            notes.append(f"{what}; the rows were put in the order of their times")
    rows = group.indices[np.argsort(times, kind="stable")]
    twice = np.flatnonzero(np.diff(clock[rows].astype(np.int64)) == 0)
    if not len(twice):
        return rows
    differ = twice[same[rows[twice]] != same[rows[twice + 1]]]
    if len(differ):
        first, second = rows[differ[0]], rows[differ[0] + 1]
        hint = "" if zone.is_known else ", or name --time-zone if the clocks went back"
        raise UserError(
            f"{where}, line {lines[second]}: {_show(clock[second], zone)}{group.place} is on line {lines[first]} too, "
            f"with other values; delete one of them, name the column of several series with --series{hint}"
        )
    notes.append(
        f"{len(twice)} row{'s are' if len(twice) > 1 else ' is'} there twice{group.place}, the first on line "
        f"{lines[rows[twice[0] + 1]]}; one of them is used"
    )
    return np.delete(rows, twice + 1)


def _show(time: np.datetime64, zone: Zone) -> str:
    return zone.format(np.array([time]))[0].replace("T", " ")
