"""A training that ends with the page that started it, and leaves the processors to what the page computes."""

import contextlib
import os
import sys

from rnn_keras.play.find_apps import load_app
from rnn_keras.utils.processes import end_with_parent

NICENESS = 5


def main(module: str, *arguments: str) -> None:
    """Runs a command of an app, such as `main("mood", "train")`."""
    end_with_parent()
    with contextlib.suppress(AttributeError, OSError):  # not on Windows
        os.nice(NICENESS)
    load_app(module).main(arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
