"""The command `serve`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import tyro

from rnn_keras.cli.protocols import Application
from rnn_keras.cli.serve_flags import ServeFlags, run_server
from rnn_keras.cli.settings import AsJson

DEFAULT_FLAGS = ServeFlags()


def make_serve(app: Application) -> Callable[..., None]:
    def serve(
        saved_models: Path = Path("saved_models"),
        flags: Annotated[ServeFlags, tyro.conf.arg(name="")] = DEFAULT_FLAGS,
        as_json: AsJson = False,
    ) -> None:
        """Answer requests with the newest exported version, in TF Serving's REST shape and by gRPC, until Ctrl-C.

        A version that is exported meanwhile is served as soon as it is there.

        Args:
            saved_models: The folder that holds the app's folder of versions, as `export` writes it.
            flags: Where it answers, and with what.
            as_json: One JSON object with the addresses, as soon as they answer, and nothing else on standard output.
        """
        run_server(saved_models / app.name, app.name, flags, as_json)

    return serve
