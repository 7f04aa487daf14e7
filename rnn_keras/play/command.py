"""The command `play`: the page in a browser, until Ctrl-C."""

import threading
from pathlib import Path

from rnn_keras.play.find_apps import load_apps
from rnn_keras.play.server import make_application
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.extras import require_extra
from rnn_keras.utils.sockets import listen
from rnn_keras.utils.terminal import console
from rnn_keras.utils.tf_logging import import_tensorflow


def play(
    runs: Path = Path("runs"),
    saved_models: Path = Path("saved_models"),
    apps: str = "",
    host: str = "127.0.0.1",
    port: int = 7860,
) -> None:
    """Try apps in a browser: what they answer, and what their memory does meanwhile, until Ctrl-C.

    The page is in English and Chinese, and needs no network. For example `python -m rnn_keras play --apps mood`.

    Args:
        runs: The folder of the run directories. An app without a finished run can be trained on the page.
        saved_models: The folder of the exported models. One answers where its app has no finished run.
        apps: The modules of the apps, with commas between, such as mood,motion; default: all in this folder.
        host: The address to listen on. Whoever can reach it can use the page and start trainings.
        port: The port; 0: any that is free.
    """
    require_extra("ui", "gradio")
    if runs.exists() and not runs.is_dir():
        raise UserError(f"--runs {runs} is a file; expected the folder of the run directories")
    loaded = load_apps(Path.cwd(), [name.strip() for name in apps.split(",") if name.strip()])
    with listen(host, port) as listening:
        console.print("preparing the page ...")
        with make_application(loaded, runs, saved_models) as application:
            import uvicorn

            threading.Thread(target=import_tensorflow, daemon=True).start()  # so that the first answer comes sooner
            console.print(f"open http://{host}:{listening.getsockname()[1]}/ in a browser; end with Ctrl-C")
            server = uvicorn.Server(uvicorn.Config(application, log_level="warning", ws="none"))
            server.run(sockets=[listening])
