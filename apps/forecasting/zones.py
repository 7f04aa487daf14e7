"""Time zones: the local time, with its hours and weekdays, that a clock without jumps stands for."""

import dataclasses
import datetime
import zoneinfo
from collections.abc import Sequence
from typing import Any

import numpy as np

from rnn_keras.utils.errors import UserError

_QUARTER = 900  # seconds: clocks change at full quarters of an hour alone
_UTC = datetime.UTC


@dataclasses.dataclass(frozen=True)
class Zone:
    """How the clock of some series relates to local times.

    The clock is UTC where the zone is known, so that no hour is missing in spring and none is there twice in autumn;
    otherwise it is the local time as it is written.

    Attributes:
        name: such as Europe/Berlin; None: it is not known.
        changes: of a file whose times have offsets, and no named zone: when an offset begins, in seconds since 1970.
        offsets: those offsets, in seconds.

    Example:
        >>> Zone("Europe/Berlin").format(np.array(["2024-07-01T12:00"], "datetime64[s]"))
        ['2024-07-01T14:00:00+02:00']
    """

    name: str | None = None
    changes: tuple[int, ...] = ()
    offsets: tuple[int, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether the clock is UTC."""
        return self.name is not None or bool(self.offsets)

    def find_offsets(self, times: np.ndarray) -> np.ndarray:
        """How many seconds the local time is ahead of the clock at times `(n,)` on it; after the last change, as it."""
        seconds = times.astype("datetime64[s]").astype(np.int64)
        if self.name is not None:
            quarters, inverse = np.unique(seconds // _QUARTER, return_inverse=True)
            zone = zoneinfo.ZoneInfo(self.name)
            return np.array([_find_offset(int(quarter) * _QUARTER, zone) for quarter in quarters], np.int64)[inverse]
        if self.offsets:
            places = np.searchsorted(np.array(self.changes), seconds, side="right") - 1
            return np.array(self.offsets, np.int64)[np.maximum(places, 0)]
        return np.zeros(len(seconds), np.int64)

    def to_local(self, times: np.ndarray) -> np.ndarray:
        """Local times, `(n,)` datetime64[s], of times `(n,)` on the clock."""
        return times.astype("datetime64[s]") + self.find_offsets(times).astype("timedelta64[s]")

    def format(self, times: np.ndarray) -> list[str]:
        """Local times as ISO 8601 writes them, with their offsets where the zone is known."""
        texts = [str(time) for time in self.to_local(times)]
        if not self.is_known:
            return texts
        return [
            f"{text}{'+' if offset >= 0 else '-'}{abs(offset) // 3600:02}:{abs(offset) // 60 % 60:02}"
            for text, offset in zip(texts, self.find_offsets(times).tolist(), strict=True)
        ]

    def to_json(self) -> dict[str, Any]:
        """What a saved model keeps of it: the last offset alone."""
        return {"name": self.name, "changes": list(self.changes[-1:]), "offsets": list(self.offsets[-1:])}


def require_zone(name: str) -> zoneinfo.ZoneInfo:
    """The zone of a name.

    Raises:
        UserError: there is none.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UserError(f"--time-zone {name}: unknown zone; expected a name such as Europe/Berlin or UTC") from error


def make_zone(clock: np.ndarray, offsets: np.ndarray) -> Zone:
    """The zone of a file whose times have offsets.

    Args:
        clock: `(n,)` datetime64[s], UTC, in rising order.
        offsets: `(n,)` seconds.
    """
    begins = np.flatnonzero(np.diff(offsets, prepend=offsets[0] - 1))
    return Zone(None, tuple(clock[begins].astype(np.int64).tolist()), tuple(offsets[begins].tolist()))


def to_clock(local: np.ndarray, groups: Sequence[np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Local times that are written without an offset -> UTC.

    An hour that is there twice, since clocks go back, is the earlier one at first and the later one when it comes
    again in the same series.

    Args:
        local: `(n,)` datetime64[s].
        groups: of each series, the indices of its times in the order of the file.
        name: of the zone.

    Returns:
        `(n,)` datetime64[s], and `(n,)` booleans, whether there is such a local time (in spring an hour is skipped).
    """
    zone = require_zone(name)
    unique, inverse = np.unique(local, return_inverse=True)
    instants = np.array([_find_instants(time.item(), zone) for time in unique], np.int64).reshape(-1, 2)
    fold = np.zeros(len(local), np.int64)
    for group in groups:
        _, first = np.unique(local[group], return_index=True)
        again = np.ones(len(group), bool)
        again[first] = False
        fold[group] = again
    clock = instants[inverse, fold].astype("datetime64[s]")
    return clock, Zone(name).to_local(clock) == local


def _find_offset(seconds: int, zone: zoneinfo.ZoneInfo) -> int:
    offset = datetime.datetime.fromtimestamp(seconds, _UTC).astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def _find_instants(local: datetime.datetime, zone: zoneinfo.ZoneInfo) -> tuple[int, int]:
    """Seconds since 1970 of a local time, the first and the second time that it comes."""
    first, second = (round(local.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1))
    return first, second
