"""Where the text is; checked before TensorFlow is imported."""

from pathlib import Path

from rnn_keras.utils.errors import UserError

PACKAGED = "movie_snippets"


def check_source(name: str) -> None:
    """Refuses what is neither the packaged text nor a file.

    Raises:
        UserError: there is no such file.
    """
    if name != PACKAGED and not Path(name).expanduser().is_file():
        raise UserError(f"--dataset {name}: no such file; name a text file in UTF-8, or {PACKAGED}")
