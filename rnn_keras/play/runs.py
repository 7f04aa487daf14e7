"""The finished runs that the page answers with, each loaded once and used by one visitor at a time."""

import contextlib
import dataclasses
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rnn_keras.cli.app import App
from rnn_keras.cli.protocols import Application, FinishedRun
from rnn_keras.cli.settings import load_finished_run
from rnn_keras.export.keras_file import read_app_name
from rnn_keras.play.seeds import draw_alone
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.utils.errors import UserError


class RunStore:
    """The runs in a folder.

    Args:
        folder: of the run directories, such as `runs`.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._data: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
        self._loaded: dict[str, tuple[tuple[object, ...], FinishedRun]] = {}
        self._lock = threading.RLock()

    def get_directory(self, app: Application) -> RunDirectory:
        """Where a run of the app is made."""
        return RunDirectory(self.folder / app.name)

    def find(self, app: Application) -> RunDirectory | None:
        """A finished run of the app: that of its own name, else the newest whose model says that it is the app's."""
        own = self.get_directory(app)
        if own.finished and own.model.exists():
            return own
        others = [RunDirectory(path.parent) for path in self.folder.glob("*/metrics.json")]
        others = [run for run in others if read_app_name(run.model) == app.name]
        return max(others, key=lambda run: run.metrics.stat().st_mtime_ns, default=None)

    @contextlib.contextmanager
    def compute(self) -> Iterator[None]:
        """Held by whoever computes: of Keras's seeds and of pyplot's figures a process has one of each."""
        with self._lock, draw_alone():
            yield

    @contextlib.contextmanager
    def use(self, app: Application) -> Iterator[FinishedRun]:
        """The finished run of an app, for one visitor; a second one waits meanwhile.

        A run that was replaced since is loaded again.

        Raises:
            UserError: there is none, or it is damaged.
        """
        with self.compute():
            yield self._open(app)

    def load_data(self, app: App, load: Callable[[Any, Any], Any] | None = None) -> Any:
        """The data of the app's finished run, read when they are first asked for.

        Args:
            app: the app.
            load: the run's model and config -> the data; default: the app's `load_evaluation_data`.

        Raises:
            UserError: there is no run, or its data are not available.
        """
        with self.use(app) as run:
            if run.model not in self._data:
                app.check_source(run.config)
                self._data[run.model] = (load or app.load_evaluation_data)(run.model, run.config)
            return self._data[run.model]

    def _open(self, app: Application) -> FinishedRun:
        directory = self.find(app)
        if directory is None:
            raise UserError(f"there is no finished run of {app.name} in {self.folder}; train one first")
        state = (directory.path, directory.metrics.stat().st_mtime_ns, directory.model.stat().st_mtime_ns)
        if app.name not in self._loaded or self._loaded[app.name][0] != state:
            run = load_finished_run(app, directory.path)
            self._loaded[app.name] = state, dataclasses.replace(run, draws_figures=False)
        return self._loaded[app.name][1]
