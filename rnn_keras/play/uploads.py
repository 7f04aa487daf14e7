"""Files of visitors: limited in size and number, and removed as soon as they have been read."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from rnn_keras.utils.errors import UserError

MOST_BYTES = 32 * 2**20  # of a file


@contextlib.contextmanager
def take_uploads(paths: str | Sequence[str] | None, nothing: str, most: int = 1) -> Iterator[list[Path]]:
    """The files that a visitor has chosen; they are removed afterwards, whatever happens.

    Args:
        paths: of gradio's File; None: there is none.
        nothing: the sentence where there is none.
        most: how many files are accepted.

    Raises:
        UserError: there is none, one was removed already, or is too large; or what is raised meanwhile, in which the
            names are without the folders.
    """
    files = [Path(path) for path in ([paths] if isinstance(paths, str) else paths or [])]
    try:
        if not files:
            raise UserError(nothing)
        if len(files) > most:
            raise UserError(f"{len(files)} files were chosen; expected at most {most}")
        for file in files:
            if not file.is_file():
                raise UserError(f"{file.name} was removed after it had been read; choose it again")
            if file.stat().st_size > MOST_BYTES:
                raise UserError(f"{file.name} has more than {MOST_BYTES // 2**20} MiB; choose a smaller file")
        try:
            yield files
        except UserError as error:  # about a file that the visitor knows by its name alone
            text = str(error)
            for file in files:
                text = text.replace(f"{file.parent}/", "")
            raise UserError(text) from error
    finally:
        for file in files:
            with contextlib.suppress(OSError):
                file.unlink()
