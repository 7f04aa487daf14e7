"""Log lines for what a client can cause as often as it likes: at most one in ten seconds, with the number of times."""

import logging
import time

SECONDS = 10.0


class RareLog:
    """Writes warnings of each kind at most once in ten seconds.

    Args:
        log: that is written to.
    """

    def __init__(self, log: logging.Logger):
        self.log = log
        self.counts: dict[str, int] = {}
        self.written: dict[str, float] = {}

    def warn(self, message: str) -> None:
        """Counts a message, and writes it unless it was written shortly before."""
        self.counts[message] = self.counts.get(message, 0) + 1
        self.flush()

    def flush(self) -> None:
        """Writes the messages that are due."""
        now = time.monotonic()
        for message, count in list(self.counts.items()):
            if now - self.written.get(message, -SECONDS) >= SECONDS:
                self.written[message] = now
                del self.counts[message]
                self.log.warning("%s", message if count == 1 else f"{message} ({count} times)")
