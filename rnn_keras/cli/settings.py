"""Settings from the command line: config files, flags and lists."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from rnn_keras.cli.protocols import Application, FinishedRun
from rnn_keras.training.config import read_config
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import read_object

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
    return FinishedRun(directory, config, directory.load_model(app.model_modules))
