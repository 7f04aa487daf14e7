"""Rows on a clock without holes: the step is found, and steps whose rows are missing are inserted."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from apps.forecasting.clock import Rows, TimedRows
from apps.forecasting.steps import SNAPPED, Step, find_step
from rnn_keras.utils.errors import UserError

MOST_INSERTED = 2_000_000  # steps of a series whose rows may be missing
MOST_SHARE = 0.6  # of its steps
MOST_OFF = 0.1  # of its rows, that may be mistakes


@dataclasses.dataclass(frozen=True)
class PlacedRows:
    """The rows of one series on the clock.

    Attributes:
        name: of the series.
        times: `(n,)` datetime64[s], without holes.
        rows: `(n,)` the row of the table for each time; -1: it was inserted.
    """

    name: str
    times: np.ndarray
    rows: np.ndarray


@dataclasses.dataclass(frozen=True)
class _Gap:
    length: int
    next_row: int
    place: str


def place_rows(
    rows: TimedRows, groups: Sequence[Rows], step: Step | None = None
) -> tuple[list[PlacedRows], Step, list[str]]:
    """The rows of each series on a clock without holes, the step, and sentences about what was found.

    Args:
        rows: of the file.
        groups: the rows of each series in the order of their times.
        step: of the clock, where it is known; None: that of most times.

    Raises:
        UserError: a time is not on the clock, or nearly all rows are missing, or there is one row alone.
    """
    found = step or find_step([rows.clock[group.indices] for group in groups])
    if found is None:
        raise UserError(f"{rows.where} has one row for each series: expected one for each step, hundreds or more")
    placed: list[PlacedRows] = []
    moved: list[int] = []
    gaps: list[_Gap] = []
    for group in groups:
        places, away = _find_places(rows, group, found)
        moved += [int(row) for row in group.indices[away != 0][:1]]
        size = int(places[-1]) + 1
        _require_few_gaps(rows, group, places, found)
        sources = np.full(size, -1, np.int64)
        sources[places] = group.indices
        for place in np.flatnonzero(np.diff(places) > 1) + 1:
            length = int(places[place] - places[place - 1]) - 1
            gaps.append(_Gap(length, int(group.indices[place]), group.place))
        start = _find_start(rows.clock[group.indices], found)
        placed.append(PlacedRows(group.name, found.count_from(start, size), sources))
    notes = [f"the data are {found.name}"] if step is None else []
    if moved:
        notes.append(
            f"{rows.show(moved[0])} on line {rows.lines[moved[0]]} is not exactly on the clock; such times are moved "
            "to the nearest step"
        )
    return placed, found, [*notes, *_tell_gaps(rows, gaps)]


def _find_start(times: np.ndarray, step: Step) -> np.datetime64:
    """The time on the clock that is nearest to the first row; most rows are exactly on the clock."""
    if step.unit != "seconds":
        return times[0]
    phases, counts = np.unique(times.astype(np.int64) % step.count, return_counts=True)
    ahead = (phases[counts.argmax()] - times[0].astype(np.int64)) % step.count
    ahead -= step.count if ahead > step.count / 2 else 0
    return times[0] + np.timedelta64(int(ahead), "s")


def _find_places(rows: TimedRows, group: Rows, step: Step) -> tuple[np.ndarray, np.ndarray]:
    """The places of rows on the clock, `(n,)` from 0, and by what share of a step each is away from it.

    Raises:
        UserError: one is too far away from it, or two have the same place.
    """
    times = rows.clock[group.indices]
    places, away = step.place(times, _find_start(times, step))
    bad = np.flatnonzero((np.abs(away) > SNAPPED) | (np.diff(places, prepend=-1) < 1))
    if len(bad) > max(2, MOST_OFF * len(places)):
        raise UserError(
            f"{rows.where}: the times{group.place} have no regular step, or another one: {len(bad):,} of "
            f"{len(places):,} rows are not {step.name} from {rows.show(int(group.indices[0]))} on; bring the data to "
            "one step first, such as hourly means (with pandas: frame.resample('1h').mean())"
        )
    if len(bad):
        row, first = int(group.indices[bad[0]]), int(group.indices[0])
        raise UserError(
            f"{rows.locate(row)}: {rows.show(row)}{group.place} is not on the clock of the other rows, which are "
            f"{step.name} from {rows.show(first)} on; correct or delete the row, or bring the data to one step first"
        )
    return places, away


def _require_few_gaps(rows: TimedRows, group: Rows, places: np.ndarray, step: Step) -> None:
    size = int(places[-1]) + 1
    missing = size - len(places)
    if missing > MOST_INSERTED or missing > MOST_SHARE * size:
        row = int(group.indices[int(np.diff(places).argmax()) + 1])
        raise UserError(
            f"{rows.where}: {missing:,} of {size:,} rows{group.place} are missing if the data are {step.name}, most of "
            f"them before line {rows.lines[row]}; delete what is before or after that gap"
        )


def _tell_gaps(rows: TimedRows, gaps: Sequence[_Gap]) -> list[str]:
    if not gaps:
        return []
    longest, total = max(gaps, key=lambda gap: gap.length), sum(gap.length for gap in gaps)
    what = "1 row is missing" if total == 1 else f"{total:,} rows are missing"
    places = "" if len(gaps) == 1 else f" in {len(gaps)} gaps, the longest"
    steps = "" if len(gaps) == 1 else f" of {longest.length}"
    return [
        f"{what}{places}{steps} before line {rows.lines[longest.next_row]}, {rows.show(longest.next_row)}"
        f"{longest.place}; these steps were inserted as missing values"
    ]
