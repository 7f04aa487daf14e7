"""Reading what an app learns from, with what there is to say of it said."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnn_keras.cli.app import App, TrainingData


def read(app: "App", config, tell: Callable[[str], None]) -> "TrainingData":
    """The data of an app's settings, with what there is to say of them said.

    Raises:
        UserError: the data cannot be had.
    """
    app.require_source(config.dataset, config.data_dir)
    tell(f"reading {config.dataset} ...")
    data = app.load(config)
    for line in (*data.notes, data.summary):
        tell(line)
    return data
