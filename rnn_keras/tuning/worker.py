"""A worker process of a search on this machine; see `workers.py`."""

import importlib
import signal
import sys
from pathlib import Path

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.processes import end_with_parent
from rnn_keras.utils.tf_logging import import_tensorflow, quiet_tensorflow


def main(module: str, name: str, directory: str) -> None:
    # Ends by the way of exceptions, so that the trial under way does not count as one that its process died of.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    end_with_parent()
    quiet_tensorflow()
    import_tensorflow()
    from rnn_keras.tuning.tune import work

    app = getattr(importlib.import_module(module), name)()
    try:
        work(app, Path(directory))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main(*sys.argv[1:])
