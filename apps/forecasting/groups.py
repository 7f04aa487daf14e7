"""The rows of each series of a file, and the column that tells series apart."""

import numpy as np

from apps.forecasting.clock import Rows
from apps.forecasting.fields import get_fields
from apps.forecasting.roles import Roles, find_column
from rnn_keras.data.tables import Records
from rnn_keras.utils.errors import UserError

MOST_SERIES = 1_000
MOST_TIMES = 0.75  # of the rows that have different times, where the series are guessed
FEWEST_ROWS = 5  # of a series that is guessed, on average


def get_times(records: Records, roles: Roles) -> list[str]:
    """The times of the rows as they are written; of two columns, joined."""
    columns = [get_fields(records, find_column(records, name, "time")) for name in roles.time]
    return columns[0] if len(columns) == 1 else [_join_parts(*parts) for parts in zip(*columns, strict=True)]


def _join_parts(date: str, clock: str) -> str:
    """A day and a time of day, or an hour, as one text."""
    clock = clock.strip()
    return f"{date.strip()} {clock + ':00' if clock.isdigit() else clock.replace('.', ':')}"


def guess_series(records: Records, roles: Roles, *, are_named: bool) -> str | None:
    """The column of words or whole numbers that tells rows of the same time apart; None where there is none.

    Args:
        records: the rows.
        roles: of the columns.
        are_named: whether the user named the targets, so that none of them names the series.
    """
    texts = get_times(records, roles)
    if len(set(texts)) > MOST_TIMES * len(texts):
        return None
    taken = {*roles.time, *roles.past, *roles.future, *(roles.targets if are_named else ())}
    for index, name in enumerate(records.header):
        fields = get_fields(records, index) if name not in taken else []
        if name in roles.targets and (len(roles.targets) == 1 or not all(field.strip().isdigit() for field in fields)):
            continue
        is_unique = len(set(zip(texts, fields, strict=False))) == len(texts)
        if is_unique and len(set(fields)) <= len(texts) / FEWEST_ROWS:
            return name
    return None


def group_rows(records: Records, series: str | None) -> list[Rows]:
    """The rows of each series, in the order in which they first come.

    Raises:
        UserError: there are too many series, or a row does not name its own.
    """
    if series is None:
        return [Rows("", np.arange(len(records.rows)))]
    index = find_column(records, series, "series")
    rows: dict[str, list[int]] = {}
    for place, (line, row) in enumerate(records.rows):
        name = row[index].strip()
        if not name:
            raise UserError(f"{records.path}, line {line}: the column {series}, which names the series, is empty")
        rows.setdefault(name, []).append(place)
    if len(rows) > MOST_SERIES:
        raise UserError(
            f"{records.path} has {len(rows)} series in the column {series}; expected at most {MOST_SERIES}; is it the "
            "column that names the series?"
        )
    return [Rows(name, np.array(places)) for name, places in rows.items()]
