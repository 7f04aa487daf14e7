"""The version that is served: the newest on the disk that can be loaded, also of those that come later."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rnn_keras.serving import metrics
from rnn_keras.serving.engines import Engine, list_folders, load_model
from rnn_keras.serving.request import RequestError
from rnn_keras.serving.served_model import ServedModel
from rnn_keras.serving.worker import Worker
from rnn_keras.utils.errors import UserError

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0  # as TF Serving does
Files = tuple[tuple[str, int, int], ...]


class Versions:
    """The versions of a model in a folder, of which the newest that can be loaded is served.

    Args:
        directory: of the numbered versions.
        name: of the model.
        labels: other names for the version that is served.
        engine: what computes it; see `load_model`.

    Raises:
        UserError: there is no version, or none can be loaded.
    """

    def __init__(self, directory: Path, name: str, labels: tuple[str, ...] = (), engine: Engine = "auto"):
        self.directory = directory
        self.name = name
        self.labels = labels
        self.engine: Engine = engine
        self.failed: dict[int, tuple[Files, str]] = {}  # the files that could not be loaded, and why
        self.seen: dict[int, Files] = {}  # at the last look, of versions that came while serving
        loaded = self._load_newest(None)
        if loaded is None:
            reasons = [reason for _, reason in self.failed.values()]
            raise UserError(reasons[0] if reasons else f"{directory} holds no version that can be served")
        self.current = loaded
        metrics.VERSION.labels(name).set(loaded.version)

    def find(self, version: int | None = None, label: str | None = None) -> ServedModel:
        """The model that a request asks for.

        Args:
            version: the number in the request, if any.
            label: the label in the request, if any.

        Raises:
            RequestError: it is not served.
        """
        if label is not None and label not in self.labels:
            there = f"the labels are {', '.join(self.labels)}" if self.labels else "`serve --labels` assigns them"
            raise RequestError(f"there is no label {label[:60]!r}; {there}", 404)
        if version is not None and version != self.current.version:
            raise RequestError(f"version {version} is not served, but {self.current.version}", 404)
        return self.current

    def describe(self) -> dict[str, Any]:
        """The states of the versions as TF Serving describes them."""
        states = [(self.current.version, "AVAILABLE", "OK", "")]
        states += [(number, "END", "UNKNOWN", reason) for number, (_, reason) in sorted(self.failed.items())]
        return {
            "model_version_status": [
                {"version": str(number), "state": state, "status": {"error_code": code, "error_message": message}}
                for number, state, code, message in states
            ]
        }

    async def watch(self, worker: Worker, prepare: Callable[[ServedModel], None]) -> None:
        """Looks for other versions until it is cancelled.

        Args:
            worker: the thread in which versions are loaded.
            prepare: called with each version before it is served.
        """
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                loaded = await worker.run(self._load_newest, self.current.version)
                if loaded is None:
                    continue
                prepare(loaded)
            except Exception:
                log.exception("looking for new versions in %s failed", self.directory)
                continue
            log.warning(
                "version %d of %s is served now, instead of %d", loaded.version, self.name, self.current.version
            )
            self.current = loaded  # requests in progress still use the other one, and then it is gone
            metrics.VERSION.labels(self.name).set(loaded.version)

    def _load_newest(self, current: int | None) -> ServedModel | None:
        """The newest version on the disk that can be loaded; None: it is the current one, or there is none."""
        folders = list_folders(self.directory, self.engine)
        self.failed = {number: failure for number, failure in self.failed.items() if number in folders}
        for number, folder in sorted(folders.items(), reverse=True):
            if number == current:
                return None
            files = find_files(folder)
            is_tried = number in self.failed and self.failed[number][0] == files
            is_changing = current is not None and self.seen.get(number) != files  # maybe somebody copies it there
            self.seen[number] = files
            if is_tried or is_changing:
                continue
            try:
                model = load_model(self.name, folder, self.engine)
                model.warm_up()
            except Exception as error:  # a version may be broken in any way
                metrics.LOAD_FAILURES.labels(self.name).inc()
                self.failed = {**self.failed, number: (files, str(error))}
                log.error("VERSION %d OF %s IS NOT SERVED, but the one before it: %s", number, self.name, error)
            else:
                self.failed = {other: failure for other, failure in self.failed.items() if other != number}
                return model
        return None


def find_files(folder: Path) -> Files:
    """The names, sizes and times of the files in a folder, by which a change is seen."""
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            status = path.stat()
        except OSError:  # removed meanwhile
            continue
        found.append((str(path.relative_to(folder)), status.st_size, status.st_mtime_ns))
    return tuple(found)
