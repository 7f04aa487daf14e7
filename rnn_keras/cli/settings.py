"""Settings from the command line: config files, flags and lists."""

import contextlib
import dataclasses
import itertools
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from rnn_keras.cli.protocols import Application, FinishedRun
from rnn_keras.export.keras_file import read_app_name
from rnn_keras.training.config import read_config
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.utils.errors import UserError, first_line
from rnn_keras.utils.files import read_object

if TYPE_CHECKING:
    import keras

COLUMN = "_column"  # the end of the names of such settings
AsJson = Annotated[bool, tyro.conf.arg(name="json")]
ConfigFile = Annotated[Path | None, tyro.conf.arg(name="config")]


def read_defaults(config_class: Any, arguments: Sequence[str]) -> Any:
    """The defaults of the flags: the app's settings, or those of the file after `--config`.

    Raises:
        UserError: the file does not hold settings of this app.
    """
    files = [later for flag, later in itertools.pairwise(arguments) if flag == "--config"]
    files += [argument.removeprefix("--config=") for argument in arguments if argument.startswith("--config=")]
    if not files:
        return config_class()
    return read_config(config_class, read_object(Path(files[-1])), files[-1])


def list_given_fields(arguments: Sequence[str]) -> set[str]:
    """The names of the fields that a command line sets."""
    flags = [argument.split("=")[0] for argument in arguments if argument.startswith("--")]
    return {flag.removeprefix("--").removeprefix("no-").replace("-", "_") for flag in flags}


def remove_flags(arguments: Sequence[str], flags: dict[str, int]) -> list[str]:
    """A command line without these flags, each of which has so many values."""
    kept, to_skip = [], 0
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if name in flags:
            to_skip = 0 if equals else flags[name]
        elif to_skip:
            to_skip -= 1
        else:
            kept.append(argument)
    return kept


def split_choices(flag: str, value: str, choices: Sequence[str]) -> list[str]:
    """The names in a list with commas.

    Raises:
        UserError: a name is not among the choices.
    """
    names = list(dict.fromkeys(name.strip() for name in value.split(",")))
    for name in names:
        if name not in choices:
            raise UserError(f"{flag} {value}: unknown {name!r}; expected some of {', '.join(choices)}, with commas")
    return names


def parse_integers(flag: str, value: str, *, minimum: int = 1) -> list[int]:
    """The integers in a list with commas, each once.

    Raises:
        UserError: one is not an integer, or less than the minimum.
    """
    parts = [part.strip() for part in value.split(",")]
    if not all(part.isdecimal() and int(part) >= minimum for part in parts):
        raise UserError(f"{flag} {value}: expected integers of at least {minimum} with commas, such as 50,100,200")
    return list(dict.fromkeys(map(int, parts)))


def make_columns_class(config_class: Any) -> Any:
    """A dataclass of those settings that name a column of the user's own data, such as `text_column`, all None."""
    names = [field.name for field in dataclasses.fields(config_class) if field.name.endswith(COLUMN)]
    fields = []
    for name in names:
        what = name.removesuffix(COLUMN)
        argument = tyro.conf.arg(help=f"The name of the column {what} in the data; default: as in training.")
        fields.append((name, Annotated[str | None, argument], None))
    return dataclasses.make_dataclass("Columns", fields, frozen=True)


def get_given_columns(columns: Any) -> dict[str, str]:
    """The settings that the user gave, of an instance of `make_columns_class`."""
    return {name: value for name, value in dataclasses.asdict(columns).items() if value is not None}


def read_interrupted_config(
    app: Application, run: RunDirectory, config: Any, given: Collection[str], overwrite: bool
) -> Any:
    """The settings of an interrupted run, to finish it with what it has.

    Args:
        app: whose run it is.
        run: its directory.
        config: the settings of the command line.
        given: the names of those that the command line sets.
        overwrite: whether it asks for --overwrite.

    Raises:
        UserError: there is no such run, it has no finished epoch, or it has other settings than those that are given.
    """
    if overwrite:
        raise UserError("--finish takes what the run directory holds, and --overwrite replaces it; leave one out")
    if not (run.config.exists() and run.count_epochs()):
        raise UserError(
            f"{run.path} holds no run with a finished epoch; train one first, or name the directory of one with "
            "--run-dir"
        )
    there = read_config(app.config_class, read_object(run.config), run.config)
    for field in dataclasses.fields(there):
        here, now = getattr(there, field.name), getattr(config, field.name)
        if field.name in given and here != now:
            raise UserError(
                f"{run.path} holds a run with other settings ({field.name} {here} there, {now} now); leave out the "
                "settings with --finish"
            )
    return there


def read_finished_config(app: Application, run_dir: Path) -> tuple[RunDirectory, Any]:
    """The directory of a finished run and its settings, without its model.

    Raises:
        UserError: there is no finished run.
    """
    directory = RunDirectory(run_dir)
    directory.require_finished()
    return directory, read_config(app.config_class, read_object(directory.config), directory.config)


def load_finished_run(app: Application, run_dir: Path) -> FinishedRun:
    """A finished run with its model.

    Raises:
        UserError: there is no finished run, or it is damaged.
    """
    directory, config = read_finished_config(app, run_dir)
    return FinishedRun(directory, config, load_model_of(app, directory))


def load_model_of(app: Application, directory: RunDirectory) -> "keras.Model":
    """The model of a finished run of an app.

    Raises:
        UserError: there is no finished run, its model is damaged, or it is another app's.
    """
    directory.require_finished()
    name = read_app_name(directory.model)
    if name not in (None, app.name):
        raise UserError(
            f"{directory.model} is a model of {name}, not of {app.name}; name the directory of a run of this app with "
            "--run-dir"
        )
    return directory.load_model(app.model_modules)


@contextlib.contextmanager
def explain_unknown_model(app: Application, run: FinishedRun) -> Iterator[None]:
    """Turns what an app raises for a model that it cannot work with into a `UserError`.

    Only where the model's file does not say that it is the app's: what the app raises for its own models is a fault of
    the app, and is shown as it is.
    """
    try:
        yield
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        if read_app_name(run.directory.model) is not None:
            raise
        raise UserError(
            f"{run.directory.model} was not saved by {app.program} train, and is not a model of it "
            f"({first_line(error)}); name the directory of a run of this app with --run-dir"
        ) from error
