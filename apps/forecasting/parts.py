"""The parts of a series that train, validate and test: one after the other in time, never shuffled."""

from collections.abc import Sequence

from apps.forecasting.series import Series
from apps.forecasting.steps import DAY, Step
from rnn_keras.utils.errors import UserError

Bounds = dict[str, tuple[int, int]]  # of the parts, as indices into the series
MONTH = 30 * DAY  # seconds, of the protocol of the ETT files
FEWEST_TRAINING = 2  # horizons in the training part


def find_bounds(
    series: Series, step: Step, horizon: int, shares: tuple[float, float], months: Sequence[int]
) -> Bounds | None:
    """Where the parts of a series begin and end; a step is forecast in one of them alone.

    Args:
        series: the series.
        step: of its times.
        horizon: steps that are forecast, of which each part has at least so many.
        shares: of the series that validate and test.
        months: of 30 days that train, validate and test, instead of the shares; what follows is left out.

    Returns:
        None where the series is too short.

    Raises:
        UserError: the months cannot be counted in steps.
    """
    length = len(series) - series.ahead
    if months:
        if step.unit != "seconds" or MONTH % step.count:
            raise UserError(f"--split-months counts months of 30 days, and the data are {step.name}; leave it out")
        train, validation, test = (MONTH // step.count * number for number in months)
        ends = [train, train + validation, min(train + validation + test, length)]
    else:
        validation, test = (max(round(share * length), horizon) for share in shares)
        ends = [length - validation - test, length - test, length]
    starts = [0, *ends]
    sizes = [end - start for start, end in zip(starts, ends, strict=False)]
    if sizes[0] < FEWEST_TRAINING * horizon or min(sizes[1:]) < horizon:
        return None
    names = ("train", "validation", "test")
    return {name: (start, end) for name, start, end in zip(names, starts, ends, strict=False)} | {"all": (0, length)}
