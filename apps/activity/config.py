"""The settings of the activity app, each a flag of `train`."""

import dataclasses
from typing import ClassVar

from apps.activity.people import FOLDS
from rnn_keras.training.config import CellName, TrainingConfig
from rnn_keras.tuning.space import Choice, Float, Int, SearchSpace

SEARCH_SPACE: SearchSpace = {
    "cell": Choice(("lstm", "gru")),
    "units": Int(16, 96, log=True),
    "filters": Int(8, 64, log=True),
    "dropout": Float(0.0, 0.6),
    "rotation": Float(0.0, 45.0),
    "stretch": Float(0.0, 0.5),
    "scale": Float(0.0, 0.3),
    "smoothing": Float(0.0, 0.2),
    "learning_rate": Float(5e-4, 1e-2, log=True),
}


@dataclasses.dataclass(frozen=True)
class ActivityConfig(TrainingConfig):
    """Settings of a training run."""

    automatic_epochs: ClassVar[int] = 20
    automatic_patience: ClassVar[int] = 20

    dataset: str = "shoulder_exercises"
    """Data to learn from: shoulder_exercises (packaged), a .csv or .tsv with a row for each sample (a column label and
    columns of numbers; optionally person, record and time), or a folder of .npz files with signals and label."""
    label_column: str = "label"
    """The column of the labels."""
    person_column: str = "person"
    """The column of the people, of whom nobody is in two splits; the file may lack it."""
    record_column: str = "record"
    """The column that says which recording a sample belongs to; the file may lack it."""
    time_column: str = "time"
    """The column of the times, as numbers or as dates; the file may lack it."""
    folds: int = FOLDS
    """Into so many groups the people are divided."""
    fold: int | None = None
    """The number of the group that tests, from 1; the next one validates. Default: the splits of the data, else 1."""
    train_on_validation: bool = False
    """Learn from the validation people too, with settings that were chosen before: validation scores are then of people
    whom the network has seen."""
    window: int = 200
    """Samples of a window, which gets one label: 200 are 4 seconds of the default data."""
    stride: int = 50
    """Samples from the beginning of a window to that of the next, where windows are scored or predicted."""
    epochs: int | None = None
    """The most passes over the training data; default: 20, or as many as make 400 steps where the data are few."""
    patience: int | None = None
    """Epochs without a better validation score after which training stops; the best epoch's weights are kept; default:
    20, or as many as make 100 steps where the data are few."""
    batch_size: int = 64
    """Windows in a step."""
    cell: CellName = "gru"
    """Kind of recurrent layer."""
    units: int = 48
    """Width of the hidden state, per direction."""
    bidirectional: bool = True
    """Read each window in both directions."""
    filters: int = 32
    """Filters of each of the two convolutions before the recurrent layer."""
    reduction: int = 8
    """So many samples become one step of the recurrent layer, by the strides of the convolutions; 1, 2, 4, 8 or 16."""
    dropout: float = 0.4
    """Rate of dropout before the output; after each convolution a quarter of it."""
    smoothing: float = 0.05
    """Label smoothing: this share of each target is spread over all classes."""
    rotation: float = 15.0
    """Training windows are rotated at random, by angles of this standard deviation in degrees, since a sensor never
    lies the same way twice. All sensors of three axes turn together: see --axes."""
    axes: str | None = None
    """The channels of sensors with three axes, x, y and z, by their names, such as ax,ay,az;wx,wy,wz. Default: found by
    the names, where three channels differ in x, y and z alone; off: none."""
    mirror: str | None = None
    """The channels whose signs change where left and right change places, such as ax,wy,wz. The first one tells the
    side: windows in which its mean is negative are mirrored, so that the network sees one side alone. Default: these
    for shoulder_exercises, else none; off: none."""
    stretch: float = 0.3
    """Training windows are faster or slower at random, by up to this in the logarithm of the speed."""
    scale: float = 0.1
    """Movements, the deviation of each channel from its mean, are larger or smaller at random, by this standard
    deviation of the logarithm."""
    noise: float = 0.02
    """Normal noise on training windows, in standard deviations of the channel."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_positive("window", "stride", "units", "filters", "folds")
        self.require("folds", self.folds >= 3, "at least 3: one group tests, one validates, and the others train")
        self.require("fold", self.fold is None or 1 <= self.fold <= self.folds, f"from 1 to {self.folds}, --folds")
        self.require("reduction", self.reduction in (1, 2, 4, 8, 16), "1, 2, 4, 8 or 16")
        self.require("window", self.window >= 2 * self.reduction, "at least twice --reduction")
        self.require_share("dropout", "smoothing")
        for name, largest in (("rotation", 180), ("stretch", 2), ("scale", 2), ("noise", 10)):
            self.require(name, 0 <= getattr(self, name) <= largest, f"from 0 to {largest}")

    @property
    def file_columns(self) -> dict[str, str]:
        """The names of a file's columns, by what they are for."""
        return {
            "label": self.label_column,
            "person": self.person_column,
            "record": self.record_column,
            "time": self.time_column,
        }
