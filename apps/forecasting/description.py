"""What a saved model says about the data that it was trained on."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from apps.forecasting.calendar_inputs import CalendarInputs
from apps.forecasting.roles import Roles, read_roles
from apps.forecasting.scaling import Scaler, read_scaler
from apps.forecasting.seasons import Season
from apps.forecasting.series import SeriesTable
from apps.forecasting.steps import Step

if TYPE_CHECKING:
    import keras

LAYER = "scaling"  # of the saved model, which keeps the description


@dataclasses.dataclass(frozen=True)
class Description:
    """The data of a trained model.

    Attributes:
        roles: what the columns of the file are for.
        calendar: the inputs that are made of the times, after those of the file.
        step: of the series.
        seasons, cycle: see `SeriesTable`.
        time_zone: of the times; None: as they are written.
        series: the names, in the order of the network; one empty name: there was one series alone.
        inputs: the names of the values of each input, `targets`, `past` and `future`.
        static: those of `future` that never changed within a series.
        lookback, horizon: steps that are read and forecast.
        quantiles: that are forecast; empty: one value.
        scaler: of the training part.
    """

    roles: Roles
    calendar: CalendarInputs
    step: Step
    seasons: tuple[Season, ...]
    cycle: Season | None
    time_zone: str | None
    series: tuple[str, ...]
    inputs: Mapping[str, list[str]]
    static: tuple[str, ...]
    lookback: int
    horizon: int
    quantiles: tuple[float, ...]
    scaler: Scaler

    def to_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "scaler": self.scaler.to_json()}

    def set_seasons(self, table: SeriesTable) -> SeriesTable:
        """A table with the seasons that the model knows."""
        return dataclasses.replace(table, seasons=self.seasons, cycle=self.cycle)


def read_description(model: "keras.Model") -> Description:
    """The description that a saved model keeps."""
    layer: Any = model.get_layer(LAYER)
    return parse_description(layer.description)


def parse_description(values: Mapping[str, Any]) -> Description:
    """A description of what its `to_json` returned."""
    parsed = {
        "roles": read_roles(values["roles"]),
        "calendar": CalendarInputs(**values["calendar"]),
        "step": Step(**values["step"]),
        "seasons": tuple(Season(**season) for season in values["seasons"]),
        "cycle": values["cycle"] and Season(**values["cycle"]),
        "scaler": read_scaler(values["scaler"]),
    }
    lists = {name: tuple(values[name]) for name in ("series", "static", "quantiles")}
    return Description(**{**values, **parsed, **lists})
