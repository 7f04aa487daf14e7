"""Commands that start and end sooner: half of the time that Python takes to import Keras and to end."""

import atexit
import gc
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from typing import Any

# What Keras imports where it is installed, for keras.wrappers and keras.visualization alone.
UNNEEDED = ("sklearn", "matplotlib", "matplotlib.pyplot")
# New objects after which Python looks for unreachable ones, where nobody has set it: up to 3.12, and since.
DEFAULT_THRESHOLDS = (700, 2000)


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


def start_quickly() -> None:
    """For the first lines of a command or of a child process, before it imports Keras; see the two functions below."""
    import_less_with_keras()
    collect_garbage_less()


def import_less_with_keras() -> None:
    """From now on, Keras is imported without scikit-learn and pyplot.

    Everybody else imports them as ever. A program that uses keras.wrappers imports scikit-learn before this.
    """
    if not any(isinstance(finder, UnneededImports) for finder in sys.meta_path):
        sys.meta_path.insert(0, UnneededImports())


def collect_garbage_less() -> None:
    """From now on, Python looks for unreachable objects less often, and at its end not at all.

    TensorFlow and Keras are millions of objects, through which it would go again and again while they are imported,
    and once more before the process, which frees its memory anyway, ends. A threshold that a program has set is kept.
    """
    if gc.get_threshold()[0] in DEFAULT_THRESHOLDS:
        gc.set_threshold(50_000, 10, 10)
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
