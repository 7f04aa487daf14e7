"""The data of a config, to train on: read, divided in time, scaled, and with the inputs that the calendar gives."""

import dataclasses

from apps.forecasting.config import ForecastingConfig
from apps.forecasting.data import ForecastData
from apps.forecasting.parts import FEWEST_TRAINING, Bounds, find_bounds
from apps.forecasting.preparation import choose_lookback
from apps.forecasting.roles import shorten_list
from apps.forecasting.scaling import fit_scaler
from apps.forecasting.seasons import choose_cycle, list_seasons
from apps.forecasting.series import SeriesTable
from apps.forecasting.source import choose_calendar, choose_shares, load_table
from rnn_keras.utils.errors import UserError

LONGEST_LOOKBACK = 1_024  # that is derived


def load_forecast_data(config: ForecastingConfig) -> ForecastData:
    """The data to train on.

    Raises:
        UserError: the file cannot be used, or all series are too short.
    """
    table, roles = load_table(config)
    table, bounds, notes = split_series(table, config)
    longest = max(end - start for start, end in (part["train"] for part in bounds))
    seasons = list_seasons(table.step, longest)
    table = dataclasses.replace(table, seasons=tuple(seasons), cycle=choose_cycle(seasons, longest))
    calendar = choose_calendar(config)
    table = calendar.add_to(table)
    scaler = fit_scaler(table, [part["train"][1] for part in bounds])
    data = ForecastData(config, table, scaler, bounds, config.lookback or 1, roles, calendar, (*table.notes, *notes))
    if config.lookback is not None:
        return data
    lookback = choose_lookback(config, data) or derive_lookback(table, config.horizon, longest)
    note = f"the network reads {lookback} past steps; --lookback sets another number"
    return dataclasses.replace(data, lookback=lookback, notes=(*data.notes, note))


def split_series(table: SeriesTable, config: ForecastingConfig) -> tuple[SeriesTable, list[Bounds], list[str]]:
    """The series that are long enough, their parts, and sentences about the others.

    Raises:
        UserError: there is none.
    """
    shares, months, horizon = choose_shares(config), config.months, config.horizon
    parts = [find_bounds(one, table.step, horizon, shares, months) for one in table.series]
    kept = [(one, part) for one, part in zip(table.series, parts, strict=True) if part is not None]
    short = [one for one, part in zip(table.series, parts, strict=True) if part is None]
    if not kept:
        longest = max(table.series, key=len)
        name = f" of the series {longest.name}" if longest.name else ""
        needed = "as many as --split-months says" if months else f"at least {(FEWEST_TRAINING + 2) * horizon}"
        raise UserError(
            f"{table.name} has {len(longest) - longest.ahead} steps{name}, too few to forecast {horizon} ahead: "
            f"expected {needed}, and some hundreds for a useful forecast; add rows or lower --horizon"
        )
    notes = []
    if short:
        names = shorten_list(one.name for one in short)
        notes.append(f"{len(short)} series with too few steps for a horizon of {horizon} are left out: {names}")
    return dataclasses.replace(table, series=[one for one, _ in kept]), [part for _, part in kept], notes


def derive_lookback(table: SeriesTable, horizon: int, longest: int) -> int:
    """Steps of the past to read: two cycles or two horizons, in shorter series at most a third of the training part."""
    wanted = max(2 * horizon, 2 * table.positions, 2 * min(table.periods, default=1))
    return max(1, min(wanted, LONGEST_LOOKBACK, longest // 3))
