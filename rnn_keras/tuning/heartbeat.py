"""Whether the workers of a search still run: each touches a file of its own in the search's directory."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import keras_tuner

from rnn_keras.tuning.progress import Progress

INTERVAL = 5.0  # seconds between two heartbeats of a worker
LONGEST_STEP = 1.0  # seconds that count between two looks of the chief, which may have been stopped itself
START_SECONDS = 60.0  # that a worker has for its first heartbeat, besides the timeout


@contextlib.contextmanager
def send_heartbeats(directory: Path, tuner_id: str) -> Iterator[None]:
    """Within the block, touches `<tuner_id>.alive` every 5 seconds; removes it at the end.

    Args:
        directory: of the search, which all machines share.
        tuner_id: the worker's name, by which KerasTuner knows it.
    """
    ended = threading.Event()
    file = directory / f"{tuner_id}.alive"

    def beat() -> None:
        while not ended.wait(INTERVAL):
            file.touch()

    file.touch()
    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        file.unlink(missing_ok=True)


class HeartbeatMonitor:
    """The chief's view of its workers: reports their trials, and marks the trials of silent workers as failed.

    Args:
        oracle: of the chief.
        directory: of the search.
        timeout: seconds without a heartbeat after which a worker is lost.
        progress: reports the trials to the user.
    """

    def __init__(self, oracle: keras_tuner.Oracle, directory: Path, timeout: float, progress: Progress):
        self.oracle, self.directory, self.timeout, self.progress = oracle, directory, timeout, progress
        # For each worker: the modification time of its file, and our time when that last changed. Clocks of machines
        # differ, so the two are never compared.
        self.heartbeats: dict[str, tuple[float, float]] = {}
        self.now = 0.0  # seconds that the chief has watched
        self.looked = time.monotonic()
        self.started, self.ended = set(oracle.end_order), set(oracle.end_order)

    def read_heartbeats(self) -> None:
        """Looks which workers have sent a heartbeat since the last look."""
        now = time.monotonic()
        self.now += min(now - self.looked, LONGEST_STEP)
        self.looked = now
        for file in self.directory.glob("*.alive"):
            with contextlib.suppress(OSError):  # removed meanwhile
                modified = file.stat().st_mtime
                if file.stem not in self.heartbeats or self.heartbeats[file.stem][0] != modified:
                    self.heartbeats[file.stem] = (modified, self.now)

    def is_silent(self, tuner_id: str) -> bool:
        """Whether a worker that has sent heartbeats has not sent any for `timeout` seconds."""
        return tuner_id in self.heartbeats and self.now - self.heartbeats[tuner_id][1] > self.timeout

    def forget(self, tuner_id: str) -> None:
        """Waits anew for the first heartbeat of a worker, which is started again."""
        (self.directory / f"{tuner_id}.alive").unlink(missing_ok=True)
        self.heartbeats.pop(tuner_id, None)

    def update(self) -> None:
        """Reads the heartbeats, ends the trials of lost workers and reports what has started and ended since."""
        self.read_heartbeats()
        for tuner_id, trial in list(self.oracle.ongoing_trials.items()):
            if trial.trial_id not in self.started:
                self.started.add(trial.trial_id)
                self.progress.report_start(trial)
            self.heartbeats.setdefault(tuner_id, (0.0, self.now + START_SECONDS))
            if self.is_silent(tuner_id):
                trial.status = "FAILED"
                trial.message = f"its worker, {tuner_id}, has sent no heartbeat for {self.timeout:.0f} s"
                self.oracle.tuner_ids.discard(tuner_id)
                self.oracle.end_trial(trial)
        for trial_id in list(self.oracle.end_order):
            if trial_id not in self.ended:
                self.ended.add(trial_id)
                self.progress.report_end(self.oracle.trials[trial_id])

    def any_alive(self, within: float) -> bool:
        """Whether a worker that has not left sent a heartbeat in the last `within` seconds."""
        return any(
            self.now - seen <= within and (self.directory / f"{tuner_id}.alive").exists()
            for tuner_id, (_, seen) in self.heartbeats.items()
        )
