"""The directory of a run: its settings, its model, its metrics and its plots."""

import contextlib
import csv
import io
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnn_keras.training.config import TrainingConfig
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import (
    atomic_write,
    read_object,
    remove_empty_folders,
    remove_unfinished,
    require_file,
    require_unicode,
    write_json,
    write_text,
)
from rnn_keras.utils.markers import read_marker, remove_marker, require_own_files, write_marker
from rnn_keras.utils.tf_logging import import_tensorflow

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

KIND = "run"  # in the marker
LENGTH = ("epochs", "patience")  # settings that may change while a run goes on


class RunDirectory:
    """The files of a run: `config.json`, `model.keras`, `metrics.json`, `history.csv`, `logs/` (TensorBoard), `plots/`,
    and `report.html`, which shows them.

    `checkpoint/` is what an interrupted run resumes from, and a finished one continues from with more epochs; it may be
    deleted. `metrics.json` is written last: a run with it is finished. The marker
    `.rnn_keras.json` is written first: without it, none of these files is replaced or removed.

    Args:
        path: the directory, which need not exist yet.
    """

    def __init__(self, path: Path):
        self.path = path
        self.config = path / "config.json"
        self.model = path / "model.keras"
        self.metrics = path / "metrics.json"
        self.history = path / "history.csv"
        self.report = path / "report.html"
        self.logs = path / "logs"
        self.plots = path / "plots"
        self.checkpoint = path / "checkpoint"
        self.pretrained = self.checkpoint / "pretraining.npz"
        self.workers = path / "workers"  # what the other processes of `train --workers` print

    @property
    def names(self) -> list[str]:
        """The names of all that a run writes, besides its marker."""
        files = (self.config, self.model, self.metrics, self.history, self.report)
        return [path.name for path in (*files, self.logs, self.plots, self.checkpoint, self.workers)]

    @property
    def finished(self) -> bool:
        """Whether the run was trained to its end."""
        return self.metrics.exists()

    @property
    def state(self) -> Path:
        """The file of `checkpoint` that names the finished epochs."""
        return self.checkpoint / "state.json"

    @property
    def pretraining(self) -> "RunDirectory":
        """A run of its own, before that of the network, until it is complete; see `rnn_keras.training.pretraining`."""
        return RunDirectory(self.checkpoint / "pretraining")

    def begin_fine_tuning(self, best_epoch: int) -> "RunDirectory":
        """A run of its own that starts from the weights of an epoch; those that started from other epochs are removed.

        Args:
            best_epoch: the number of the epoch, from 1.
        """
        own = RunDirectory(self.checkpoint / f"fine_tuning-{best_epoch}")
        for other in self._list_fine_tunings():
            if other.path != own.path:
                other.remove()
        return own

    def _list_fine_tunings(self) -> "list[RunDirectory]":
        return [RunDirectory(path) for path in self.checkpoint.glob("fine_tuning-*")]

    def count_epochs(self) -> int:
        """The finished epochs of the checkpoint; 0: there is none.

        Raises:
            UserError: the file is damaged.
        """
        if not self.state.exists():
            return 0
        epochs = read_object(self.state, "epochs")["epochs"]
        if not isinstance(epochs, list):
            raise UserError(f"{self.state} does not hold a list of epochs; it is damaged, start again with --overwrite")
        return len(epochs)

    def require_available(self, config: TrainingConfig, overwrite: bool, finish: bool = False) -> None:
        """Refuses a directory in which a run with these settings can neither begin, resume nor continue.

        A run resumes, and a finished one continues, with its own settings; only `epochs` and `patience` may be others.

        Args:
            config: the settings.
            overwrite: whether an earlier run may be replaced.
            finish: whether what the run has is taken, without any more training.

        Raises:
            UserError: it holds a finished run that has nothing to continue, or a run with other settings.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"{self.path} is a file; expected a directory for the run, name another with --run-dir")
        require_unicode(self.path, "--run-dir")
        require_own_files(self.path, KIND, self.names)
        if overwrite or finish:
            return
        if self.config.exists():
            self._require_same_run(config)
        elif self.finished:
            raise UserError(f"{self.path} holds a finished run without its settings; add --overwrite to replace it")

    def _require_same_run(self, config: TrainingConfig) -> None:
        there, settings = read_object(self.config), config.to_json()
        changed = [name for name in settings if there.get(name) != settings[name]]
        other = [name for name in changed if name not in LENGTH]
        kind = "a finished" if self.finished else "an unfinished"
        choices = "add --overwrite to replace it, or name another directory with --run-dir"
        if other:
            differences = ", ".join(f"{name} {there.get(name)} there, {settings[name]} now" for name in other)
            raise UserError(
                f"{self.path} holds {kind} run with other settings ({differences}); repeat its command to "
                f"{'continue it with more --epochs' if self.finished else 'resume it'}, {choices}"
            )
        if self.finished and not changed:
            raise UserError(f"{self.path} holds a finished run; raise --epochs to continue it, {choices}")
        epochs = self.count_epochs()
        if self.finished and not epochs:
            raise UserError(
                f"{self.path} holds a finished run without its checkpoint, so that it cannot be continued; {choices}"
            )
        if changed and config.epochs is not None and config.epochs <= epochs:
            raise UserError(
                f"{self.path} holds {kind} run of {epochs} epoch(s), and {config.epochs} are not more; raise --epochs, "
                + choices
            )

    def begin(self, config: TrainingConfig, overwrite: bool, finish: bool = False) -> None:
        """Prepares the directory for a new run, for resuming an interrupted one, or for continuing a finished one.

        A finished run keeps its settings, as its model and its metrics, until `finish`.

        Args, errors: see `require_available`.
        """
        self.require_available(config, overwrite, finish)
        if overwrite:
            self.clear()
        for folder in (self.path, self.checkpoint, self.plots):
            remove_unfinished(folder)
        self.mark()
        if not self.finished:
            write_json(self.config, config.to_json())

    def mark(self) -> None:
        """Marks the directory as that of a run, before anything is written into it."""
        if read_marker(self.path, KIND) is None:
            write_marker(self.path, KIND, plots=[])

    def clear(self) -> None:
        """Removes what a run has written, and nothing that a user keeps beside it; the marker stays.

        Of `logs` these are TensorBoard's event files, of `plots` the figures that `save_plots` wrote.

        Raises:
            UserError: a file cannot be removed, or the directory is not a run's.
        """
        require_own_files(self.path, KIND, self.names)
        marker = read_marker(self.path, KIND) or {}
        try:
            self.metrics.unlink(missing_ok=True)  # first, so that a half-cleared directory is not a finished run
            for file in (self.model, self.history, self.report, *self.logs.rglob("events.out.tfevents.*")):
                file.unlink(missing_ok=True)
            for name in marker.get("plots", []):
                (self.plots / Path(name).name).unlink(missing_ok=True)
            for own in (self.pretraining, *self._list_fine_tunings()):
                own.remove()
            for file in (self.state, self.pretrained, *self.checkpoint.glob("epoch-*.weights.h5")):
                file.unlink(missing_ok=True)
            remove_unfinished(self.checkpoint)
            for folder in (self.checkpoint, self.logs, self.plots):
                remove_empty_folders(folder)
            self.config.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"cannot replace the run in {self.path}: {error.strerror}") from error

    def remove(self) -> None:
        """Removes a run with its marker, and the directory if nothing else is in it; without a marker, nothing.

        Raises:
            OSError, UserError: a file cannot be removed.
        """
        if read_marker(self.path, KIND) is not None:
            self.clear()
            for file in self.workers.glob("[0-9]*.txt"):
                file.unlink()
            remove_empty_folders(self.workers)
            remove_marker(self.path)
        with contextlib.suppress(OSError):  # it is not empty
            self.path.rmdir()

    def finish(self, metrics: dict[str, Any], config: TrainingConfig | None = None) -> None:
        """Writes the metrics, which makes the run a finished one.

        Args:
            metrics: of its model.
            config: the settings that it was trained with, for a run that more epochs may continue; None: what only
                that would need is removed.
        """
        write_json(self.metrics, metrics)
        if config is None:
            shutil.rmtree(self.checkpoint, ignore_errors=True)
        else:
            write_json(self.config, config.to_json())

    def write_history(self, rows: Sequence[dict[str, Any]]) -> None:
        """Writes `history.csv`, a row for each epoch; the first row's keys are the columns."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else ["epoch"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.history, text.getvalue())

    def save_model(self, model: "keras.Model", app: str | None = None) -> None:
        """Writes `model.keras`.

        Args:
            model: of the run.
            app: the name of the app that trained it.

        Raises:
            UserError: the file cannot be written, or could not be opened again; see `save_keras_file`.
        """
        from rnn_keras.export.keras_file_writer import save_keras_file

        with atomic_write(self.model) as temporary:
            save_keras_file(model, temporary, app)

    def require_finished(self) -> None:
        """Refuses a directory without a finished run.

        Raises:
            UserError: the run is not finished, or there is none.
        """
        if not self.finished:
            raise UserError(
                f"{self.path} holds no finished run; train one first, or name the directory of one with --run-dir"
            )

    def save_plots(self, figures: Mapping[str, "Figure"]) -> None:
        """Writes figures into `plots`, each as `<name>.png`.

        Args:
            figures: by their names.
        """
        from rnn_keras.training.plots import save_figure

        files = {name: f"{name}.png" for name in figures}
        recorded = (read_marker(self.path, KIND) or {}).get("plots", [])
        write_marker(self.path, KIND, plots=sorted({*recorded, *files.values()}))  # so that `clear` knows them
        for name, figure in figures.items():
            save_figure(figure, self.plots / files[name])

    def load_model(self, modules: Sequence[str] = ()) -> "keras.Model":
        """Loads the finished run's model; Keras's safe mode stays on.

        Args:
            modules: modules that register the model's layers, beside those that the file names; see `load_keras_file`.

        Raises:
            UserError: there is no finished run, its model file is damaged, or a class that it needs is not found.
        """
        self.require_finished()
        require_file(self.model)
        import_tensorflow()
        from rnn_keras.export.keras_file import load_keras_file

        return load_keras_file(self.model, modules)
