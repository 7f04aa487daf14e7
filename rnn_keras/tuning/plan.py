"""What a search is asked to do, and the directory that is kept for it."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.task import infer_mode
from rnn_keras.utils.annotations import read_values
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import read_object, remove_empty_folders, require_unicode, write_json
from rnn_keras.utils.markers import read_marker, require_own_files, write_marker

KIND = "search"  # in the marker
PLAN_FILE = "search.json"  # in the directory of the search
FAILURE_FILE = "reason.txt"  # in a trial's directory: why it failed
ATTEMPTS_FILE = "attempts.json"  # there too: how often its process died
TRIAL_FILES = ("trial.json", "trial.json.damaged", FAILURE_FILE, ATTEMPTS_FILE)  # besides those of a run


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
    tuner: Literal["random", "hyperband", "bayesian"]
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
        require_unicode(directory, "--run-dir")
        entries = sorted(entry.name for entry in directory.iterdir()) if directory.is_dir() else []
        require_own_files(directory, KIND, entries[:5])
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
        write_marker(directory, KIND)
        write_json(directory / PLAN_FILE, dataclasses.asdict(self))


def read_plan(directory: Path) -> Plan:
    """The plan of the search in a directory.

    Raises:
        UserError: the file is missing or damaged.
    """
    names = [field.name for field in dataclasses.fields(Plan)]
    values = read_object(directory / PLAN_FILE, *names)
    return Plan(**read_values(Plan, values, directory / PLAN_FILE))


def has_plan(directory: Path) -> bool:
    """Whether a search has begun in a directory."""
    return (directory / PLAN_FILE).exists()


def list_trial_folders(directory: Path) -> list[Path]:
    """The folders of the trials, `trial_<number>`; a user may have others with such names."""
    return sorted(path for path in directory.glob("trial_*") if path.name.removeprefix("trial_").isdecimal())


def clear_search(directory: Path) -> None:
    """Removes what a search has written and nothing else; the directory, which is locked, and its marker stay.

    Raises:
        UserError: a file cannot be removed.
    """
    if read_marker(directory, KIND) is None:
        return
    try:
        for folder in (*list_trial_folders(directory), directory / "default", directory / "best"):
            for name in TRIAL_FILES:
                (folder / name).unlink(missing_ok=True)
            RunDirectory(folder).remove()
        written = ["oracle.json", "tuner.json", "best.json", "results.json", "plots/parameters.png"]
        logs = (directory / "workers").glob("[0-9]*.txt")
        for file in (*(directory / name for name in written), *directory.glob("*.alive"), *logs):
            file.unlink(missing_ok=True)
        for folder in (directory / "plots", directory / "workers"):
            remove_empty_folders(folder)
        (directory / PLAN_FILE).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"cannot replace the search in {directory}: {error.strerror}") from error


def _describe_change(there: Any, now: Any) -> str:
    if isinstance(there, dict) and isinstance(now, dict):
        names = [name for name in now if there.get(name) != now[name]]
        return ", ".join(f"{name} {there.get(name)} there, {now[name]} now" for name in names)
    return f"{there} there, {now} now"
