"""The app's own commands; their arguments and docstrings are the command line and its help."""

from pathlib import Path
from typing import Annotated

import tyro

from apps.memory.config import MemoryConfig
from apps.memory.language_config import LanguageConfig
from rnn_keras.cli.app import chosen_from
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import console, report_json, show_metrics
from rnn_keras.utils.tf_logging import import_tensorflow

CELLS = ("simple_rnn", "lstm", "gru")
AS_JSON = tyro.conf.arg(name="json")


def whole_numbers(flag: str, given: str, least: int = 1) -> list[int]:
    """The numbers in a list with commas."""
    parts = [part.strip() for part in given.split(",")]
    if not all(part.isdecimal() and int(part) >= least for part in parts):
        raise UserError(f"{flag} {given}: expected whole numbers of at least {least} with commas, such as 50,100,200")
    return list(dict.fromkeys(map(int, parts)))


def lengths(
    config: Annotated[MemoryConfig, tyro.conf.arg(name="")] = MemoryConfig(epochs=16),  # noqa: B008, it is frozen
    lengths: str = "50,100,200,400,1000",
    cells: str = ",".join(CELLS),
    run_dir: Path = Path("runs/memory_lengths"),
    as_json: Annotated[bool, AS_JSON] = False,
) -> None:
    """Train each cell at each length until the task is solved, and say in how many steps: a table and lengths.png.

    What is done is kept: a command that was cut off goes on, and further lengths or cells come to those that are there.

    Args:
        config: Settings of all of them; --length and --cell are set by the lists.
        lengths: Lengths, with commas between.
        cells: Cells, with commas between.
        run_dir: Where the runs, the table (lengths.json) and the picture are kept.
        as_json: One JSON object as the last line of standard output, and nothing else there.
    """
    with report_json(as_json) as report:
        from apps.memory.tasks import require_task

        require_task(config.dataset)
        if ":" in config.dataset:
            raise UserError(f"--dataset {config.dataset}: here the lengths are those of --lengths; name the task alone")
        chosen, numbers = chosen_from("--cells", cells, CELLS), whole_numbers("--lengths", lengths, 2)
        import_tensorflow()
        from apps.memory.__main__ import MemoryApp
        from apps.memory.length_sweep import grid, plot_lengths, show_lengths, solve_all

        rows = solve_all(MemoryApp(), grid(config, chosen, numbers), run_dir, console.print)
        title = (
            f"{config.dataset}: {config.units} units, forget bias {config.forget_bias}, clip norm {config.clip_norm:g}"
        )
        plot_lengths(rows, run_dir / "lengths.png", title)
        show_lengths(rows)
        console.print(f"picture: {run_dir / 'lengths.png'}")
        report.update({"lengths": rows, "picture": str(run_dir / "lengths.png")})


def exploding(
    length: int = 10,
    scale: float = 2.0,
    steps: int = 1500,
    clip_norm: float = 1.0,
    learning_rate: float = 0.1,
    seed: int = 1,
    run_dir: Path = Path("runs/memory_exploding"),
    as_json: Annotated[bool, AS_JSON] = False,
) -> None:
    """Make gradients explode on purpose: a SimpleRNN with large recurrent weights, with and without clipping.

    Args:
        length: Steps of the adding problem.
        scale: The recurrent kernel starts as so many times an orthogonal matrix; gradients grow where it is above 1.
        steps: Steps of training, by stochastic gradient descent.
        clip_norm: The global norm that gradients are clipped to in the second training.
        learning_rate: Step size.
        seed: Seed of weights and examples.
        run_dir: Where exploding.png, exploding.json and TensorBoard's logs go.
        as_json: One JSON object as the last line of standard output, and nothing else there.
    """
    with report_json(as_json) as report:
        if length < 2 or steps < 1 or min(scale, clip_norm, learning_rate) <= 0:
            raise UserError(
                "--length must be at least 2, --steps at least 1, and --scale, --clip-norm and --learning-rate above 0"
            )
        import_tensorflow()
        from apps.memory.exploding import Explosion, explode

        settings = Explosion(length, scale, steps, learning_rate, seed)
        report.update(explode(settings, clip_norm, run_dir, console.print))


def sentence(
    text: str = "To be, or not to be: that is the question",
    units: int = 32,
    epochs: int = 300,
    seed: int = 1,
    run_dir: Path = Path("runs/memory_sentence"),
    as_json: Annotated[bool, AS_JSON] = False,
) -> None:
    """How much of the loss at the last word of a sentence reaches each word before it, for every cell.

    The networks are looked at before and after they have learnt which last word goes with which first word, the rest of
    the sentence being the same: pictures of the gradient at each word, and of every gate.

    Args:
        text: The sentence, of at least three words.
        units: Width of the hidden state.
        epochs: Passes over the variants of the sentence.
        seed: Seed of the weights.
        run_dir: Where the pictures and sentence.json go.
        as_json: One JSON object as the last line of standard output, and nothing else there.
    """
    with report_json(as_json) as report:
        if units < 1 or epochs < 1:
            raise UserError("--units and --epochs must be at least 1")
        from apps.memory.words import words_of

        words = words_of(text)
        import_tensorflow()
        from apps.memory.sentence import Reading, read_sentence

        report.update(read_sentence(Reading(words, units, epochs, seed), run_dir, console.print))


def language(
    config: Annotated[LanguageConfig, tyro.conf.arg(name="")] = LanguageConfig(),  # noqa: B008, it is frozen
    prompt: str = "",
    characters: int = 300,
    temperature: float = 0.7,
    run_dir: Path = Path("runs/memory_language"),
    overwrite: bool = False,
    as_json: Annotated[bool, AS_JSON] = False,
) -> None:
    """Train a language model on the characters of a text, say its bits per character, and let it write.

    A finished run of the same settings is not trained again: it only writes.

    Args:
        prompt: What the text that is written begins with; default: the first characters of --text.
        characters: How many to write.
        temperature: Below 1 the likelier characters are preferred more than the model would, above 1 less.
        run_dir: Where the run is kept. A run that was cut off goes on with the same command.
        overwrite: Replace what the run directory holds.
        as_json: One JSON object as the last line of standard output, and nothing else there.
    """
    with report_json(as_json) as report:
        if characters < 0 or temperature <= 0:
            raise UserError("--characters must be at least 0, and --temperature above 0")
        from apps.memory.texts import require_text
        from rnn_keras.training.run_directory import RunDirectory

        run = RunDirectory(run_dir)
        trained = run.finished and not overwrite and same_settings(run, config)
        if not trained:
            require_text(config.dataset)
            run.require_place(config, overwrite)
        import_tensorflow()
        from apps.memory.language import LanguageApp, write
        from apps.memory.texts import read_text

        app = LanguageApp()
        if not trained:
            from rnn_keras.training.load_data import read
            from rnn_keras.training.train import train

            data = read(app, config, console.print)
            prompt = prompt or data.text.beginning
            data.text.require_known(prompt)  # before the training, which takes its time
            report.update(train(app, config, run, overwrite, data))
        else:
            prompt = prompt or read_text(config.dataset, config.data_dir).beginning
            from rnn_keras.utils.files import read_object

            report.update(read_object(run.metrics, "test") | {"run_dir": str(run.path)})
            show_metrics(f"{config.dataset}, test split, model of {run.path}", report["test"])
        report["text"] = write(run, prompt, characters, temperature, config.seed)
        console.print(report["text"])


def same_settings(run, config) -> bool:
    """Whether a finished run is one of these settings; for another `require_place` has the sentence."""
    import dataclasses

    from rnn_keras.utils.files import read_object

    return read_object(run.config) == dataclasses.asdict(config)
