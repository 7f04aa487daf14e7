"""What the user sees while a search runs."""

import time
from collections.abc import Callable
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial


class Progress:
    """Reports each trial when it starts and when it ends: its number, its settings, the best so far, the time left.

    Args:
        oracle: of KerasTuner, with all trials.
        max_trials: the largest number of trials.
        show: prints a line.
    """

    def __init__(self, oracle: keras_tuner.Oracle, max_trials: int, show: Callable[[str], None] = print):
        self.oracle, self.max_trials, self.show = oracle, max_trials, show
        self.started, self.ended_before = time.monotonic(), len(oracle.end_order)

    def report_start(self, trial: Trial) -> None:
        """Shows the settings of a trial that starts, the best trial so far and an estimate of the time left."""
        facts = []
        if (best := self.find_best()) is not None:
            facts.append(f"best so far: {self.oracle.objective.name} {best.score:.4f} (trial {best.trial_id})")
        ended = len(self.oracle.end_order) - self.ended_before
        if ended:
            left = self.max_trials - len(self.oracle.end_order)
            facts.append(f"about {format_duration((time.monotonic() - self.started) / ended * left)} left")
        self.show(f"trial {trial.trial_id}, {int(trial.trial_id) + 1} of {self.max_trials}: {format_settings(trial)}")
        if facts:
            self.show("; ".join(facts))

    def report_end(self, trial: Trial) -> None:
        """Shows the score of a trial that has ended, or why it failed."""
        if trial.status == "FAILED":
            self.show(f"trial {trial.trial_id} failed: {trial.message}")
        else:
            self.show(f"trial {trial.trial_id}: {self.oracle.objective.name} {trial.score:.4f}")

    def find_best(self) -> Trial | None:
        """The best trial; None: no trial is completed yet."""
        completed = [trial for trial in self.oracle.get_best_trials(1) if trial.status == "COMPLETED"]
        return completed[0] if completed else None


def get_settings(trial: Trial) -> dict[str, Any]:
    """The values of the app's settings, without those that Hyperband adds for itself."""
    return {name: value for name, value in trial.hyperparameters.values.items() if not name.startswith("tuner/")}


def format_settings(trial: Trial) -> str:
    """The settings of a trial in one line."""
    return ", ".join(f"{name} {format_value(value)}" for name, value in get_settings(trial).items())


def format_value(value: Any) -> str:
    """A setting; floats with three digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def format_duration(seconds: float) -> str:
    """Seconds, or minutes from 90 seconds on."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
