"""Libraries that talk only when something is wrong. TF_CPP_MIN_LOG_LEVEL=0 brings their remarks back."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator


def quiet_tensorflow() -> None:
    """Leaves TensorFlow's errors and drops its remarks."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] == "3":
        for name in ("tensorflow", "absl"):
            logging.getLogger(name).setLevel(logging.ERROR)


def import_tensorflow() -> None:
    """Imports TensorFlow without the lines on absent GPUs that it writes before its log level is heeded."""
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") != "3" or "tensorflow" in sys.modules:
        return
    with silent_stderr():
        import keras  # noqa: F401
        import tensorflow  # noqa: F401


@contextlib.contextmanager
def silent_stderr() -> Iterator[None]:
    """Within it, what C++ code writes to standard error is dropped too."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
