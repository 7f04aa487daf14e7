"""The process of a worker on this machine, started by `rnn_keras.tuning.chief.WorkerProcess`."""

import signal
import sys
from pathlib import Path

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.processes import end_with_parent, import_without_running
from rnn_keras.utils.quick_start import start_quickly
from rnn_keras.utils.tf_logging import import_tensorflow, quiet_tensorflow


def main(module: str, class_name: str, directory: str) -> None:
    """Runs trials of an app until there are no more.

    Args:
        module, class_name: where the app's class is.
        directory: of the search.
    """
    # Ends by an exception, so that the current trial does not count this as a crash; see `CrashCounter`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    end_with_parent()
    quiet_tensorflow()
    start_quickly()
    import_tensorflow()
    from rnn_keras.tuning.chief import MACHINE_FAULT
    from rnn_keras.tuning.full_search import run_worker
    from rnn_keras.tuning.search import MachineFault

    app = getattr(import_without_running(module), class_name)()
    try:
        run_worker(app, Path(directory))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(MACHINE_FAULT if isinstance(error, MachineFault) else 2)


if __name__ == "__main__":
    main(*sys.argv[1:])
