"""The settings that every training has."""

import dataclasses
import hashlib
import json
import math
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar

from rnn_keras.utils.annotations import read_values, to_json_value
from rnn_keras.utils.errors import UserError

if TYPE_CHECKING:  # a config is made before anything slow is imported
    import keras

CellName = Literal["simple_rnn", "lstm", "gru"]  # see `rnn_keras.layers.RECURRENT_LAYERS`
Config = TypeVar("Config", bound="TrainingConfig")


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Settings of a training run; an app's own config adds those of its model. Each field is a flag of `train`."""

    automatic_epochs: ClassVar[int] = 2  # at least
    automatic_steps: ClassVar[int] = 400  # that automatic `epochs` make where the data are few
    automatic_patience: ClassVar[int] = 2  # at least
    patience_steps: ClassVar[int] = 100  # that automatic `patience` makes where the data are few
    automatic_warm_up: ClassVar[int] = 0  # or a third of all steps, where that is less
    fewest_steps: ClassVar[int] = 50  # in all, below which there is a note
    fewest_examples: ClassVar[int] = 0  # to learn from, below which there is a note

    dataset: str
    """Data to learn from: the default, any TFDS name, or a path to your own (see the app's README)."""
    data_dir: str | None = None
    """TFDS's data directory, where prepared data are found and kept; default: TFDS's own (~/tensorflow_datasets)."""
    epochs: int | None = None
    """The most passes over the training data; default: two, or more where the data are few (some hundreds of steps)."""
    patience: int | None = None
    """Epochs without a better validation score after which training stops; the best epoch's weights are kept; default:
    two, or as many as make 100 steps where the data are few."""
    batch_size: int = 64
    """Examples per step."""
    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"] = "adam"
    """keras.optimizers by name."""
    learning_rate: float = 3e-3
    """Step size of the optimizer at the start."""
    schedule: Literal["constant", "cosine", "linear"] = "cosine"
    """How the learning rate falls over all epochs: not at all, along half a cosine or a line to zero."""
    warm_up: int | None = None
    """Steps over which the learning rate rises to where the schedule has it; default: none."""
    clip_norm: float = 1.0
    """Gradients are scaled down to this global norm where they exceed it; 0 turns clipping off."""
    dtype: Literal["float32", "mixed_bfloat16"] = "float32"
    """The numbers that layers compute with in training; mixed_bfloat16 is for processors that multiply bfloat16
    numbers. The trained model computes with float32."""
    seed: int = 1
    """Seed of weights, dropout and shuffling."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            self.require(field.name, not isinstance(value, float) or math.isfinite(value), "a finite number")
        self.require_positive("epochs", "patience", "batch_size")
        self.require("seed", 0 <= self.seed < 2**32, "at least 0 and below 4294967296")
        self.require("learning_rate", self.learning_rate is None or self.learning_rate > 0, "above 0")
        self.require("warm_up", self.warm_up is None or self.warm_up >= 0, "at least 0")
        self.require("clip_norm", self.clip_norm >= 0, "at least 0 (0 turns clipping off)")

    def for_dataset(self, dataset: str, data_dir: str | None) -> Self:
        """The same settings for other data, with which a trained model is scored."""
        return dataclasses.replace(self, dataset=dataset, data_dir=data_dir)

    def require(self, name: str, is_valid: bool, expected: str) -> None:
        """Refuses a setting in one sentence that names its flag.

        Raises:
            UserError: `is_valid` is False.
        """
        if not is_valid:
            raise UserError(f"--{name.replace('_', '-')} must be {expected}, got {getattr(self, name)}")

    def require_positive(self, *names: str) -> None:
        """Refuses settings below 1; None, where it stands for automatic, is accepted."""
        for name in names:
            value = getattr(self, name)
            self.require(name, value is None or value >= 1, "at least 1")

    def require_share(self, *names: str) -> None:
        """Refuses settings that are not at least 0 and below 1, such as rates of dropout."""
        for name in names:
            value = getattr(self, name)
            self.require(name, value is None or 0 <= value < 1, "at least 0 and below 1")

    def count_epochs(self, steps_per_epoch: int) -> int:
        """The largest number of epochs that these settings mean for data.

        Args:
            steps_per_epoch: of the data.
        """
        return self.epochs or max(self.automatic_epochs, -(-self.automatic_steps // steps_per_epoch))

    def count_patience(self, steps_per_epoch: int) -> int:
        """The number of epochs without a better score that these settings mean for data.

        Args:
            steps_per_epoch: of the data.
        """
        return self.patience or max(self.automatic_patience, -(-self.patience_steps // steps_per_epoch))

    def count_warm_up(self, steps: int) -> int:
        """The number of steps over which the learning rate rises.

        Args:
            steps: of the whole training.
        """
        return min(self.automatic_warm_up, steps // 3) if self.warm_up is None else self.warm_up

    def find_problems(self, steps_per_epoch: int) -> list[str]:
        """Sentences on a training that can hardly succeed, for the user.

        Args:
            steps_per_epoch: of the data.
        """
        epochs = self.count_epochs(steps_per_epoch)
        steps, examples = epochs * steps_per_epoch, steps_per_epoch * self.batch_size
        problems = []
        if (warm_up := self.count_warm_up(steps)) > steps / 2:
            problems.append(
                f"the learning rate rises over {warm_up} steps and the training has {steps}, so it can hardly learn; "
                "lower --warm-up or raise --epochs"
            )
        elif steps < self.fewest_steps:
            problems.append(
                f"{steps} step(s) in all are few for a network that begins at random; raise --epochs or lower "
                "--batch-size"
            )
        if examples < self.fewest_examples:
            problems.append(
                f"there are at most {examples} examples to learn from; this task needs some thousands for answers on "
                "new inputs that are good"
            )
        return problems

    def to_json(self) -> dict[str, Any]:
        """The settings as `config.json` holds them."""
        return to_json_value(dataclasses.asdict(self))

    def make_optimizer(self, steps_per_epoch: int) -> "keras.optimizers.Optimizer":
        """The optimizer with its schedule.

        Args:
            steps_per_epoch: of the data; the schedule covers all epochs.
        """
        import keras

        rate: Any = self.learning_rate
        steps = self.count_epochs(steps_per_epoch) * steps_per_epoch
        if self.schedule == "cosine":
            rate = keras.optimizers.schedules.CosineDecay(rate, steps)
        elif self.schedule == "linear":
            rate = keras.optimizers.schedules.PolynomialDecay(rate, steps, end_learning_rate=0.0)
        if warm_up := self.count_warm_up(steps):
            from rnn_keras.training.schedules import WarmUp

            rate = WarmUp(rate, warm_up)
        return keras.optimizers.get(
            {
                "class_name": self.optimizer,
                "config": {"learning_rate": rate, "global_clipnorm": self.clip_norm or None},
            }
        )


def read_config(config_class: type[Config], values: dict[str, Any], source: object) -> Config:
    """A config from what `config.json` holds.

    Args:
        config_class: of the app.
        values: of the file, with JSON's types.
        source: the file, for the message.

    Raises:
        UserError: the config does not have such a setting, so that the file is of another app or version; or a value is
            of another type than the setting, not among its choices, or out of its range.
    """
    known = {field.name for field in dataclasses.fields(config_class)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise UserError(f"{source} has settings that this app does not have: {', '.join(unknown)}")
    converted = read_values(config_class, values, source)
    required = [field.name for field in dataclasses.fields(config_class) if not _has_default(field)]
    if missing := [name for name in required if name not in values]:
        raise UserError(f"{source} lacks the settings {', '.join(missing)}; name a file that has them")
    try:
        return config_class(**converted)
    except UserError as error:
        raise UserError(f"{source}: {error}") from error


def hash_config(name: str, config: TrainingConfig) -> str:
    """A name for settings: `<name>-` and 16 hexadecimal digits that are the same for equal settings."""
    return f"{name}-{hash_settings(config, 16)}"


def hash_settings(config: TrainingConfig, digits: int = 8) -> str:
    """Hexadecimal digits that are the same for equal settings, such as for the name of a folder."""
    settings = json.dumps(config.to_json(), sort_keys=True)
    return hashlib.sha256(settings.encode()).hexdigest()[:digits]


def _has_default(field: "dataclasses.Field[Any]") -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
