"""Log levels of TensorFlow: errors alone by default. TF_CPP_MIN_LOG_LEVEL=0 shows everything again."""

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Iterator


def quiet_tensorflow() -> None:
    """Makes TensorFlow log errors alone; call it before TensorFlow is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] == "3":
        for name in ("tensorflow", "absl"):
            logging.getLogger(name).setLevel(logging.ERROR)


_importing = threading.Lock()


def import_tensorflow() -> None:
    """Imports TensorFlow without the lines on missing GPUs, which it writes before it applies the log level.

    Where another thread is importing it, this waits for it.
    """
    with _importing:
        if os.environ.get("TF_CPP_MIN_LOG_LEVEL") != "3" or "tensorflow" in sys.modules:
            return
        with silent_stderr():
            import keras  # noqa: F401
            import tensorflow  # noqa: F401


@contextlib.contextmanager
def silent_stderr() -> Iterator[None]:
    """Discards what is written to standard error in the block, by C++ code too."""
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with open(os.devnull, "w") as devnull:
            os.dup2(devnull.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
