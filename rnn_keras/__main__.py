"""The command line of the toolkit itself: `python -m rnn_keras`, or `rnn-keras`."""

import sys
from collections.abc import Sequence

from rnn_keras.cli.export_file import export
from rnn_keras.cli.main import run_commands
from rnn_keras.cli.new import new
from rnn_keras.cli.serve_folder import serve
from rnn_keras.play.command import play

DESCRIPTION = "What belongs to no single app. Each app has commands of its own: python -m <app> --help."


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command line, such as `["new", "mood"]`; on a user's mistake, exits with 2."""
    arguments = sys.argv[1:] if arguments is None else [str(argument) for argument in arguments]
    run_commands(
        lambda: {"new": new, "export": export, "serve": serve, "play": play},
        arguments,
        "python -m rnn_keras",
        DESCRIPTION,
    )


if __name__ == "__main__":
    main()
