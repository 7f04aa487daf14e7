"""The settings of the forecasting app, each a flag of `train`."""

import dataclasses
import math
import re
from typing import Annotated, Any, ClassVar, Literal

from rnn_keras.training.config import CellName, TrainingConfig
from rnn_keras.tuning.space import Choice, Float, Int, SearchSpace


def make_alias(flag: str) -> Any:
    """A second name of a flag; None without tyro, whose lack the command line tells."""
    try:
        from tyro.conf import arg
    except ImportError:
        return None
    return arg(aliases=[flag])


SEARCH_SPACE: SearchSpace = {
    "cell": Choice(("gru", "lstm")),
    "units": Int(32, 256, log=True),
    "dropout": Float(0.0, 0.6),
    "learning_rate": Float(3e-4, 1e-2, log=True),
    "batch_size": Choice((64, 128, 256)),
}
Role = Literal["time", "target", "past", "future", "series"]
DEFAULT_DATASET = "traffic_hourly"
MOST_EPOCHS = 100  # of a training that nobody gave a number


@dataclasses.dataclass(frozen=True)
class ForecastingConfig(TrainingConfig):
    """Settings of a training run."""

    automatic_epochs: ClassVar[int] = 5
    automatic_steps: ClassVar[int] = 900
    automatic_patience: ClassVar[int] = 4

    dataset: str = DEFAULT_DATASET
    """Series to learn from: traffic_hourly (packaged), or a path to a CSV or TSV file of your own, with a column of
    times and one or more columns of numbers."""
    time_column: Annotated[str | None, make_alias("--time")] = None
    """The column of the times, or two with a comma, such as date,time; default: guessed, and said."""
    target_column: Annotated[str | None, make_alias("--target")] = None
    """The columns to forecast, with commas between; default: all columns of numbers that change."""
    past_column: Annotated[str | None, make_alias("--past")] = None
    """Columns that are inputs and known for the past alone, with commas between, such as a measured temperature."""
    future_column: Annotated[str | None, make_alias("--future")] = None
    """Columns that are inputs and known in advance, with commas between, such as a price or a day of opening; also
    what stays the same in a series, such as a region."""
    series_column: Annotated[str | None, make_alias("--series")] = None
    """The column that says which of several series a row belongs to; default: guessed where times are repeated."""
    horizon: int = 24
    """How many steps ahead are forecast."""
    lookback: int | None = None
    """How many past steps the network reads; default: as many as are best for a ridge regression on the validation
    part, and said."""
    split_months: str | None = None
    """Months of 30 days that train, validate and test, with commas between, such as 12,4,4, the protocol of the ETT
    files; default: the shares below."""
    validation_share: float = 0.1
    """The share of each series, before the test part, that validates."""
    test_share: float | None = None
    """The share of each series, its end, that tests; default: a tenth, and a fifth of traffic_hourly."""
    time_zone: str | None = None
    """The zone of times that are written without one, such as Europe/Berlin, so that hours are right where the clocks
    change; default: that of the file, or none."""
    calendar: bool | None = None
    """Whether hour, weekday and season of the year are inputs that are known in advance; default: where there are
    holidays."""
    holidays: str | None = None
    """The country whose public holidays are inputs, such as US or DE, or of a part of it, such as US-MN; default: none,
    and US of traffic_hourly."""
    model: Literal["segments", "encoder_decoder", "last_state"] = "segments"
    """segments: reads and writes segments of the series; encoder_decoder: step by step, from the last state of the
    encoder; last_state: all steps ahead at once, from the last state."""
    segment: int | None = None
    """Steps in a segment; 0: step by step; default: 48, or a quarter of a horizon below 96."""
    cell: CellName = "gru"
    """Kind of recurrent layer."""
    members: int = 1
    """Networks that are trained side by side, whose mean is the forecast."""
    units: int = 256
    """Width of the hidden state."""
    layers: int = 1
    """Recurrent layers on top of each other."""
    dropout: float | None = None
    """Rate of dropout before the output; default: 0.5, and 0.2 where the mean of the season is taken off."""
    skip: bool | None = None
    """Whether the forecast is a mean of that of the network and that of a ridge regression, with the weights that are
    best on the validation part; default: yes."""
    seasonal: bool | None = None
    """Whether the mean of the season (such as of each hour of the week) is taken off first, and not the last value;
    default: where the series stays near to it, and a ridge regression is then better on the validation part."""
    quantiles: str = "0.1,0.25,0.5,0.75,0.9"
    """The quantiles that are forecast, with commas between, the median among them; empty: one value alone."""
    loss: Literal["mae", "mse"] = "mae"
    """What is minimised without quantiles."""
    batch_size: int = 256
    """Windows times targets per step, since each target of a window is an example."""
    epochs: int | None = None
    """The most passes over the training data; default: five, or as many as make 900 steps where the data are few, at
    most 100."""
    patience: int | None = None
    """Epochs without a better validation score after which training stops; the best epoch's weights are kept; default:
    four, or as many as make 100 steps where the data are few."""
    learning_rate: float = 1e-3
    """Step size of the optimizer at the start."""
    stride: int | None = None
    """Every how many steps a window to learn from begins; default: every step, or fewer in long series."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_positive("horizon", "lookback", "units", "layers", "members", "stride")
        self.require("segment", self.segment is None or self.segment >= 0, "at least 0 (0 reads step by step)")
        self.require_share("dropout")
        for name in ("validation_share", "test_share"):
            value = getattr(self, name)
            self.require(name, value is None or 0 < value < 0.5, "above 0 and below 0.5")
        is_list = self.split_months is None or re.fullmatch(r"\d+(,\d+){2}", self.split_months.replace(" ", ""))
        self.require("split_months", bool(is_list) and 0 not in self.months, "three numbers of months, such as 12,4,4")
        levels = self.quantile_levels
        is_valid = all(0 < level < 1 for level in levels) and sorted(set(levels)) == list(levels)
        self.require("quantiles", is_valid and (not levels or 0.5 in levels), "rising, between 0 and 1, and with 0.5")

    def count_epochs(self, steps_per_epoch: int) -> int:
        # An epoch of very few steps takes longer to validate and to keep than to train.
        return self.epochs or min(super().count_epochs(steps_per_epoch), MOST_EPOCHS)

    @property
    def quantile_levels(self) -> tuple[float, ...]:
        """The quantiles as numbers; none: one value is forecast. A word that is not a number is NaN."""
        return tuple(_parse_level(word) for word in self.quantiles.split(",") if word.strip())

    @property
    def months(self) -> tuple[int, ...]:
        """The months that train, validate and test; empty: shares."""
        return tuple(int(word) for word in (self.split_months or "").split(",") if word.strip().isdigit())

    def list_columns(self, role: Role) -> list[str]:
        """The names that the user gave for what columns are for; none: they are guessed."""
        return [name.strip() for name in (getattr(self, f"{role}_column") or "").split(",") if name.strip()]


def _parse_level(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan
