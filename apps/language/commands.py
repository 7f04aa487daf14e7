"""The app's own command `write`; its arguments and docstring are the command line and its help."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import tyro

from rnn_keras.cli.protocols import Application
from rnn_keras.cli.settings import AsJson, load_finished_run, read_finished_config
from rnn_keras.utils.terminal import console, report_json


def make_write(app: Application) -> Callable[..., None]:
    def write(
        prompt: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PROMPT")],
        run_dir: Path = app.default_run_dir(),  # noqa: B008
        characters: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
        as_json: AsJson = False,
    ) -> None:
        """Continue a prompt as `predict` does, with other settings: write "The film " --temperature 0.5.

        Args:
            prompt: What the text begins with.
            run_dir: The directory of the run.
            characters: How many to write; default: the setting of the run.
            temperature: Below 1, probable characters are drawn more often than the model says; above 1, less often.
                Default: the setting of the run.
            seed: Of the draws; default: the setting of the run.
            as_json: One JSON object as the last line of standard output, and nothing else there.
        """
        with report_json(as_json) as report:
            _, config = read_finished_config(app, run_dir)
            flags = {"characters": characters, "temperature": temperature, "seed": seed}
            given = {name: value for name, value in flags.items() if value is not None}
            config = dataclasses.replace(config, **given)  # which refuses values that are out of range
            run = load_finished_run(app, run_dir)
            from apps.language.predict import continue_prompts

            texts = continue_prompts(run.model, [prompt], config.characters, config.temperature, config.seed)
            (report["text"],) = texts
            console.print(report["text"])

    return write
