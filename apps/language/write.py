"""The app's own command `write`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import tyro

from rnn_keras.cli.protocols import Application
from rnn_keras.cli.settings import AsJson, load_finished_run
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import console, report_json

CHARACTERS = 300
TEMPERATURE = 0.7


def make_write(app: Application) -> Callable[..., None]:
    def write(
        prompt: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PROMPT")],
        run_dir: Path = app.default_run_dir(),  # noqa: B008
        characters: int = CHARACTERS,
        temperature: float = TEMPERATURE,
        seed: int = 1,
        as_json: AsJson = False,
    ) -> None:
        """Let a finished run continue a prompt, for example: write "The film " --temperature 0.5.

        Args:
            prompt: What the text begins with.
            run_dir: The directory of the run.
            characters: How many to write.
            temperature: Of the distribution that characters are drawn from: below 1, likely ones become likelier.
            seed: Of the draws.
            as_json: One JSON object as the last line of standard output, and nothing else there.
        """
        with report_json(as_json) as report:
            if characters < 1 or temperature <= 0:
                raise UserError("--characters must be at least 1, and --temperature above 0")
            run = load_finished_run(app, run_dir)
            from apps.language.generate import continue_prompts

            (report["text"],) = continue_prompts(run.model, [prompt], characters, temperature, seed)
            console.print(report["text"])

    return write
