"""The directory of a run: its settings, its model, its metrics and its plots."""

import csv
import dataclasses
import importlib
import io
import shutil
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnn_keras.training.config import TrainingConfig
from rnn_keras.utils.errors import UserError, first_line
from rnn_keras.utils.files import atomic_write, read_object, remove_unfinished, write_json, write_text
from rnn_keras.utils.tf_logging import import_tensorflow

if TYPE_CHECKING:
    import keras


class RunDirectory:
    """The files of a run: `config.json`, `model.keras`, `metrics.json`, `history.csv`, `logs/` (TensorBoard), `plots/`.

    While a run is in progress there is also `checkpoint/`. `metrics.json` is written last: a run with it is finished.

    Args:
        path: the directory, which need not exist yet.
    """

    def __init__(self, path: Path):
        self.path = path
        self.config = path / "config.json"
        self.model = path / "model.keras"
        self.metrics = path / "metrics.json"
        self.history = path / "history.csv"
        self.logs = path / "logs"
        self.plots = path / "plots"
        self.checkpoint = path / "checkpoint"

    @property
    def finished(self) -> bool:
        """Whether the run was trained to its end."""
        return self.metrics.exists()

    def require_available(self, config: TrainingConfig, overwrite: bool) -> None:
        """Refuses a directory in which a run with these settings can neither begin nor resume.

        Args:
            config: the settings.
            overwrite: whether an earlier run may be replaced.

        Raises:
            UserError: it holds a finished run, or an unfinished one with other settings.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"{self.path} is a file; expected a directory for the run, name another with --run-dir")
        foreign = [p.name for p in (self.checkpoint, self.logs, self.plots) if p.exists() and not self.config.exists()]
        if foreign:
            raise UserError(
                f"{self.path} has {', '.join(foreign)} but no {self.config.name}: these are not from a run, and a "
                "run would write into them; name another directory with --run-dir"
            )
        if overwrite:
            return
        if self.finished:
            raise UserError(
                f"{self.path} holds a finished run; add --overwrite to replace it, or name another with --run-dir"
            )
        if self.config.exists():
            there, settings = read_object(self.config), dataclasses.asdict(config)
            changed = [name for name in settings if there.get(name) != settings[name]]
            if changed:
                differences = ", ".join(f"{name} {there.get(name)} there, {settings[name]} now" for name in changed)
                raise UserError(
                    f"{self.path} holds an unfinished run with other settings ({differences}); repeat its command to "
                    "resume it, add --overwrite to start again, or name another directory with --run-dir"
                )

    def begin(self, config: TrainingConfig, overwrite: bool) -> None:
        """Prepares the directory for a new run or, where a run was interrupted, for resuming it.

        Args, errors: see `require_available`.
        """
        self.require_available(config, overwrite)
        if overwrite:
            self.clear()
        for folder in (self.path, self.checkpoint, self.plots):
            remove_unfinished(folder)
        write_json(self.config, dataclasses.asdict(config))

    def clear(self) -> None:
        """Removes the files of a run, and nothing else that a user may keep in the directory.

        Raises:
            UserError: a file cannot be removed.
        """
        try:
            self.metrics.unlink(missing_ok=True)  # first, so that a half-cleared directory is not a finished run
            for file in (self.model, self.history):
                file.unlink(missing_ok=True)
            for folder in (self.checkpoint, self.logs, self.plots):
                shutil.rmtree(folder, ignore_errors=True)
            self.config.unlink(missing_ok=True)  # last: it says that the rest is a run's
        except OSError as error:
            raise UserError(f"cannot replace the run in {self.path}: {error.strerror}") from error

    def finish(self, metrics: dict[str, Any]) -> None:
        """Writes the metrics, which makes the run a finished one, and removes what only resuming would need."""
        write_json(self.metrics, metrics)
        shutil.rmtree(self.checkpoint, ignore_errors=True)

    def write_history(self, rows: Sequence[dict[str, Any]]) -> None:
        """Writes `history.csv`, a row for each epoch; the first row's keys are the columns."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else ["epoch"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.history, text.getvalue())

    def save_model(self, model: "keras.Model") -> None:
        """Writes `model.keras`."""
        with atomic_write(self.model) as temporary:
            model.save(temporary)

    def require_finished(self) -> None:
        """Refuses a directory without a finished run.

        Raises:
            UserError: the run is not finished, or there is none.
        """
        if not self.finished:
            raise UserError(
                f"{self.path} holds no finished run; train one first, or name the directory of one with --run-dir"
            )

    def load_model(self, modules: Sequence[str] = ()) -> "keras.Model":
        """Loads the finished run's model; Keras's safe mode stays on.

        Args:
            modules: modules that register the model's layers, which are imported first; `rnn_keras.layers` always is.

        Raises:
            UserError: there is no finished run, or its model file is damaged.
        """
        self.require_finished()
        import_tensorflow()
        import keras

        for module in ("rnn_keras.layers", *modules):
            importlib.import_module(module)
        try:
            return keras.models.load_model(self.model, compile=False)  # pyright: ignore[reportReturnType]
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            raise UserError(
                f"{self.model} cannot be loaded ({first_line(error)}); it is damaged or from another version; train "
                "again"
            ) from error
