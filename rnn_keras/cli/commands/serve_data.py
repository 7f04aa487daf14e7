"""The command `serve-data`."""

from collections.abc import Callable
from typing import Annotated, Any

import tyro

from rnn_keras.cli.protocols import Application
from rnn_keras.cli.settings import AsJson, ConfigFile
from rnn_keras.utils.tf_logging import import_tensorflow


def make_serve_data(app: Application, defaults: Any) -> Callable[..., None]:
    def serve_data(
        config: Annotated[app.config_class, tyro.conf.arg(name="")] = defaults,  # pyright: ignore[reportInvalidTypeForm]
        config_file: ConfigFile = None,
        host: str = "localhost",
        port: int = 5050,
        allow_remote: bool = False,
        as_json: AsJson = False,
    ) -> None:
        """Prepare the batches for `train --data-service` in this process, until Ctrl-C.

        Whoever can reach the port can read the data: there is neither a password nor encryption.

        Args:
            config_file: A JSON file of settings, such as a run's config.json; flags override it.
            host: The address to listen at, by which the trainings reach this machine.
            port: The port to listen at; 0 takes any free one.
            allow_remote: Listen at an address that other machines reach too.
            as_json: One JSON object with the address, as soon as it answers, and nothing else on standard output.
        """
        app.check_source(config)
        import_tensorflow()
        from rnn_keras.distributed.data_server import serve_training_data

        serve_training_data(app, config, host, port, as_json, allow_remote)

    return serve_data
