"""The command line of an application: its commands, and what happens on mistakes and interruptions."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from rnn_keras.cli.commands.evaluate import make_evaluate
from rnn_keras.cli.commands.export import make_export
from rnn_keras.cli.commands.predict import make_predict
from rnn_keras.cli.commands.serve import make_serve
from rnn_keras.cli.commands.serve_data import make_serve_data
from rnn_keras.cli.commands.train import make_train
from rnn_keras.cli.commands.tune import make_tune
from rnn_keras.cli.protocols import Application, Exportable, Tunable
from rnn_keras.cli.settings import read_defaults
from rnn_keras.utils.quick_start import start_quickly
from rnn_keras.utils.streams import end_with_a_sentence, open_standard_streams
from rnn_keras.utils.tf_logging import quiet_tensorflow


def run_app(app: Application, arguments: Sequence[str] | None = None) -> None:
    """Runs a command line of an app, such as `["train", "--epochs", "3"]`; on a user's mistake, exits with 2.

    Args:
        app: the application.
        arguments: default: those of the process.
    """
    arguments = sys.argv[1:] if arguments is None else [str(argument) for argument in arguments]
    run_commands(lambda: make_commands(app, arguments), arguments, app.program, app.description)


def make_commands(app: Application, arguments: Sequence[str]) -> dict[str, Any]:
    """The commands of an app as functions, whose arguments and docstrings are the command line and its help."""
    defaults = read_defaults(app.config_class, arguments)
    commands: list[Callable[..., None]] = [
        make_train(app, defaults, arguments),
        make_evaluate(app),
        make_predict(app),
    ]
    if isinstance(app, Tunable):
        commands.append(make_tune(app, defaults, arguments))
    if isinstance(app, Exportable):
        commands += [make_export(app), make_serve(app)]
    commands.append(make_serve_data(app, defaults))
    return {command.__name__.replace("_", "-"): command for command in commands} | app.commands()


def run_commands(make: Callable[[], dict[str, Any]], arguments: Sequence[str], program: str, description: str) -> None:
    """Parses and runs a command line: a sentence instead of a traceback, exit code 2 on a user's mistake.

    Args:
        make: makes the commands; it may raise UserError.
        arguments: the command line.
        program, description: for --help.
    """
    open_standard_streams()
    quiet_tensorflow()
    start_quickly()
    os.environ.setdefault("MPLBACKEND", "Agg")  # the commands save figures and show none
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without emoji shows their numbers instead
            stream.reconfigure(errors="backslashreplace")  # pyright: ignore[reportAttributeAccessIssue]
    with contextlib.suppress(ValueError):  # only the main thread may; ends as after Ctrl-C, with all clean-up
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with end_with_a_sentence():
        tyro.extras.subcommand_cli_from_dict(
            make(), prog=program, description=description, args=list(arguments), config=(tyro.conf.OmitArgPrefixes,)
        )
