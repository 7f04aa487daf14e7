"""What a search is asked to do, and the directory that is kept for it."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

from rnn_keras.training.task import infer_mode
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import read_object, write_json

PLAN_FILE = "search.json"  # in the directory of the search


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a search is asked to do; of all this, only `max_trials` may change when it resumes.

    Args:
        config: the app's settings, all of them.
        searched: the fields of the config that the search sets.
        tuner: random, hyperband or bayesian.
        objective: the value of an epoch to optimise, as in history.csv; see `infer_mode`.
        max_trials: the largest number of trials.
    """

    config: dict[str, Any]
    searched: list[str]
    tuner: str
    objective: str
    max_trials: int

    @property
    def mode(self) -> str:
        """`"min"` or `"max"`: whether the smallest or the largest value of the objective is best."""
        return infer_mode(self.objective)

    def require_available(self, directory: Path) -> None:
        """Refuses a directory in which this search can neither begin nor resume.

        Raises:
            UserError: it holds another search, or files that are not from a search.
        """
        if directory.exists() and not has_plan(directory) and any(directory.iterdir()):
            raise UserError(
                f"{directory} has files but no {PLAN_FILE}: these are not from a search; name another "
                "directory with --run-dir"
            )
        if not has_plan(directory):
            return
        there, now = dataclasses.asdict(read_plan(directory)), dataclasses.asdict(self)
        changed = {name for name in now if there[name] != now[name]} - {"max_trials"}
        if changed:
            differences = "; ".join(f"{name} {_describe_change(there[name], now[name])}" for name in sorted(changed))
            raise UserError(
                f"{directory} holds a search with other settings ({differences}); repeat its command to resume it, "
                "add --overwrite to start again, or name another directory with --run-dir"
            )

    def write(self, directory: Path) -> None:
        """Keeps the plan in the directory of its search."""
        write_json(directory / PLAN_FILE, dataclasses.asdict(self))


def read_plan(directory: Path) -> Plan:
    """The plan of the search in a directory.

    Raises:
        UserError: the file is missing or damaged.
    """
    names = [field.name for field in dataclasses.fields(Plan)]
    values = read_object(directory / PLAN_FILE, *names)
    return Plan(**{name: values[name] for name in names})


def has_plan(directory: Path) -> bool:
    """Whether a search has begun in a directory."""
    return (directory / PLAN_FILE).exists()


def clear_search(directory: Path) -> None:
    """Removes a search and nothing else; not the directory itself, which this process has locked."""
    if not has_plan(directory):
        return
    for path in directory.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != PLAN_FILE:
            path.unlink()
    (directory / PLAN_FILE).unlink()  # last: it says that the rest is a search's


def _describe_change(there: Any, now: Any) -> str:
    if isinstance(there, dict) and isinstance(now, dict):
        names = [name for name in now if there.get(name) != now[name]]
        return ", ".join(f"{name} {there.get(name)} there, {now[name]} now" for name in names)
    return f"{there} there, {now} now"
