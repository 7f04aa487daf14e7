"""Commands that start sooner: Keras imports packages that it may need at once, a quarter of its time."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from typing import Any

# What Keras imports where it is installed, for keras.wrappers and keras.visualization alone.
UNNEEDED = ("sklearn", "matplotlib", "matplotlib.pyplot")


class UnneededImports(MetaPathFinder):
    """Refuses Keras, and nobody else, the packages of `UNNEEDED`, without which it does."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> None:
        if fullname not in UNNEEDED:
            return
        frame = sys._getframe(1)
        while frame is not None and frame.f_globals.get("__name__", "").startswith("importlib."):
            frame = frame.f_back
        if frame is not None and frame.f_globals.get("__name__", "").startswith("keras."):
            raise ModuleNotFoundError(f"{fullname} is left out of Keras for a quick start", name=fullname)


def import_less_with_keras() -> None:
    """From now on, Keras is imported without scikit-learn and pyplot; for the start of a command or a child process.

    Everybody else imports them as ever. A program that uses keras.wrappers imports scikit-learn before this.
    """
    if not any(isinstance(finder, UnneededImports) for finder in sys.meta_path):
        sys.meta_path.insert(0, UnneededImports())
