"""The folder that a run leaves: its settings, its model, its figures and its pictures."""

import csv
import dataclasses
import io
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from rnn_keras.utils.errors import UserError, first_line
from rnn_keras.utils.files import atomic_write, read_object, remove_unfinished, write_json, write_text
from rnn_keras.utils.tf_logging import import_tensorflow

if TYPE_CHECKING:
    import keras


class RunDirectory:
    """`config.json`, `model.keras`, `metrics.json`, `history.csv`, `logs/` (TensorBoard) and `plots/*.png`.

    While a run is under way there is also `checkpoint/`. `metrics.json` is written last: a run with it is finished.
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
        return self.metrics.exists()

    def require_place(self, config, overwrite: bool) -> None:
        """Refuses a folder in which a run of these settings can neither begin nor go on.

        Raises:
            UserError: it holds a finished run, or an unfinished one with other settings.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"{self.path} is a file where a run's folder was expected; name another with --run-dir")
        foreign = [p.name for p in (self.checkpoint, self.logs, self.plots) if p.exists() and not self.config.exists()]
        if foreign:
            raise UserError(
                f"{self.path} has {', '.join(foreign)} but no {self.config.name}: no run left these, and one would "
                "write into them; name another folder with --run-dir"
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
                    "go on with it, add --overwrite to start anew, or name another folder with --run-dir"
                )

    def begin(self, config, overwrite: bool) -> None:
        """Makes the folder ready: new, or as it is where a run was cut off. For errors see `require_place`."""
        self.require_place(config, overwrite)
        if overwrite:
            self.clear()
        for folder in (self.path, self.checkpoint, self.plots):
            remove_unfinished(folder)
        write_json(self.config, dataclasses.asdict(config))

    def clear(self) -> None:
        """Removes what a run leaves, and nothing else that a user may keep in the folder."""
        try:
            self.metrics.unlink(missing_ok=True)  # first, so that a half-cleared folder is no finished run
            for file in (self.model, self.history):
                file.unlink(missing_ok=True)
            for folder in (self.checkpoint, self.logs, self.plots):
                shutil.rmtree(folder, ignore_errors=True)
            self.config.unlink(missing_ok=True)  # last: it says that the rest is a run's
        except OSError as error:
            raise UserError(f"cannot replace the run in {self.path}: {error.strerror}") from error

    def finish(self, metrics: dict) -> None:
        """Writes the figures, which makes the run a finished one, and removes what only going on would need."""
        write_json(self.metrics, metrics)
        shutil.rmtree(self.checkpoint, ignore_errors=True)

    def write_history(self, rows: list[dict]) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else ["epoch"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.history, text.getvalue())

    def save_model(self, model: "keras.Model") -> None:
        with atomic_write(self.model) as temporary:
            model.save(temporary)

    def require_finished(self) -> None:
        if not self.finished:
            raise UserError(
                f"{self.path} holds no finished run; train one first, or name the folder of one with --run-dir"
            )

    def load_model(self) -> "keras.Model":
        """The finished run's model; Keras's safe mode stays on.

        Raises:
            UserError: there is no finished run, or its model file is damaged.
        """
        self.require_finished()
        import_tensorflow()
        import keras

        know_layers()
        try:
            return keras.models.load_model(self.model, compile=False)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            raise UserError(
                f"{self.model} cannot be loaded ({first_line(error)}); it is damaged or of another version, train again"
            ) from error


def know_layers() -> None:
    """Imports the modules that register layers: Keras finds the custom layers in a model file by their names."""
