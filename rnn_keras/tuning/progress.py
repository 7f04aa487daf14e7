"""What the user sees while a search runs."""

import time
from collections.abc import Callable
from typing import Any


class Progress:
    """Tells of each trial as it begins and ends: which of how many, its settings, the best so far, the time left.

    Args:
        oracle: of KerasTuner, with all trials.
        max_trials: the most that there will be.
        tell: takes a line.
    """

    def __init__(self, oracle, max_trials: int, tell: Callable[[str], None] = print):
        self.oracle, self.max_trials, self.tell = oracle, max_trials, tell
        self.started, self.ended_before = time.monotonic(), len(oracle.end_order)

    def begin(self, trial) -> None:
        known = []
        if (best := self.best()) is not None:
            known.append(f"best so far: {self.oracle.objective.name} {best.score:.4f} (trial {best.trial_id})")
        ended = len(self.oracle.end_order) - self.ended_before
        if ended:
            left = self.max_trials - len(self.oracle.end_order)
            known.append(f"about {duration((time.monotonic() - self.started) / ended * left)} left")
        self.tell(f"trial {trial.trial_id}, {int(trial.trial_id) + 1} of {self.max_trials}: {described(trial)}")
        if known:
            self.tell("; ".join(known))

    def end(self, trial) -> None:
        if trial.status == "FAILED":
            self.tell(f"trial {trial.trial_id} failed: {trial.message}")
        else:
            self.tell(f"trial {trial.trial_id}: {self.oracle.objective.name} {trial.score:.4f}")

    def best(self):
        """The best trial, or None before there is one."""
        found = [trial for trial in self.oracle.get_best_trials(1) if trial.status == "COMPLETED"]
        return found[0] if found else None


def settings_of(trial) -> dict[str, Any]:
    """The values that are the app's, without those that Hyperband keeps beside them."""
    return {name: value for name, value in trial.hyperparameters.values.items() if not name.startswith("tuner/")}


def described(trial) -> str:
    return ", ".join(f"{name} {shown(value)}" for name, value in settings_of(trial).items())


def shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
