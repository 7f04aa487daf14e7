"""The picture of a forecast: the last known values, and what is expected to follow."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from apps.forecasting.description import Description
from apps.forecasting.forecast import Forecast
from apps.forecasting.series import SeriesTable

MOST_PANELS = 8
SHOWN_PAST = 4  # horizons


def plot_forecasts(table: SeriesTable, forecasts: Sequence[Forecast], known: Description) -> Figure:
    """A panel for each series and target, the first eight of them, over local times."""
    panels = [(one, place) for one in forecasts for place in range(len(table.targets))][:MOST_PANELS]
    figure, axes = plt.subplots(len(panels), 1, figsize=(9, 1.2 + 2.4 * len(panels)), squeeze=False)
    for axis, (forecast, place) in zip(axes[:, 0], panels, strict=True):
        past, shown = forecast.series, max(2, SHOWN_PAST * known.horizon)
        axis.plot(table.zone.to_local(past.times[-shown:]), past.targets[-shown:, place], color="black", lw=1)
        times, values = table.zone.to_local(forecast.times), forecast.values[:, place]
        half = len(known.quantiles) // 2
        pairs = range(half) if len(known.quantiles) % 2 else ()
        for low in pairs:
            share = known.quantiles[-1 - low] - known.quantiles[low]
            label = f"{share:.0%} interval"
            axis.fill_between(
                times, values[:, low], values[:, -1 - low], color="C0", alpha=0.2 + 0.1 * low, label=label
            )
        axis.plot(times, values[:, half], color="C0", label="forecast")
        title = ", ".join(filter(None, (past.name, table.targets[place])))
        axis.set_title(title, fontsize="medium")
        axis.grid(alpha=0.3)
    axes[0, 0].legend(fontsize="small")
    figure.autofmt_xdate()
    figure.tight_layout()
    return figure
