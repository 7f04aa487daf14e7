"""The command `serve` of the toolkit itself: anybody's exported model behind TF Serving's REST shape."""

from pathlib import Path
from typing import Annotated

import tyro

from rnn_keras.cli.serve_flags import ServeFlags, run_server
from rnn_keras.cli.settings import AsJson

DEFAULT_FLAGS = ServeFlags()


def serve(
    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")],
    name: str | None = None,
    flags: Annotated[ServeFlags, tyro.conf.arg(name="")] = DEFAULT_FLAGS,
    as_json: AsJson = False,
) -> None:
    """Answer requests with the newest version of an exported model, in TF Serving's REST shape, until Ctrl-C.

    For example `python -m rnn_keras serve saved_models/motion`.

    Args:
        folder: The folder of the numbered versions, as `python -m rnn_keras export` or any export in TF Serving's
            layout writes it.
        name: The model's name in the paths; default: that of the folder.
        flags: Where it answers, and with what.
        as_json: One JSON object with the addresses, as soon as they answer, and nothing else on standard output.
    """
    run_server(folder, name or folder.resolve().name, flags, as_json)
