"""The app's own commands; their arguments and docstrings are the command line and its help."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, get_args

import tyro

from apps.memory.config import ForgetBias, MemoryConfig
from apps.memory.words import EPOCHS, SEED, SOLILOQUY, UNITS, split_words
from rnn_keras.cli.settings import AsJson, parse_integers, split_choices
from rnn_keras.training.config import CellName
from rnn_keras.training.task import Trainable
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import console, report_json
from rnn_keras.utils.tf_logging import import_tensorflow

CELLS: tuple[str, ...] = get_args(CellName)
SWEEP_LENGTHS = {"adding": "50,100,200,400,1000", "copy": "20,50,100,200"}


def make_lengths(app: Trainable) -> Callable[..., None]:
    def lengths(
        config: Annotated[MemoryConfig, tyro.conf.arg(name="")] = MemoryConfig(),  # noqa: B008, it is frozen
        lengths: str | None = None,
        cells: str = ",".join(CELLS),
        run_dir: Path = Path("runs/memory_lengths"),
        as_json: AsJson = False,
    ) -> None:
        """Train each cell at each length until the task is solved: the steps it takes, as tables and lengths.png.

        At most 800 steps each to add, and 3000 to copy; --epochs changes that. To copy, an LSTM and a GRU are trained
        once, with random pauses up to the longest, and tested with each pause. What is finished is kept: a command that
        was interrupted resumes, and further lengths or cells are added.

        Args:
            config: Settings of all networks; --length and --cell are replaced by the lists.
            lengths: Lengths, with commas between; default: 50,100,200,400,1000, or 20,50,100,200 to copy.
            cells: Cells, with commas between.
            run_dir: Where the runs, the table (lengths.json) and the figure are kept.
            as_json: One JSON object as the last line of standard output, and nothing else there.
        """
        with report_json(as_json) as report:
            from apps.memory.tasks import check_task

            check_task(config.dataset)
            if ":" in config.dataset:
                raise UserError(f"--dataset {config.dataset}: here --lengths sets the lengths; name the task alone")
            chosen_cells = split_choices("--cells", cells, CELLS)
            chosen_lengths = parse_integers("--lengths", lengths or SWEEP_LENGTHS[config.dataset], minimum=2)
            import_tensorflow()
            from apps.memory.length_sweep import make_configs, report_sweep, run_sweep

            configs = make_configs(config, chosen_cells, chosen_lengths)
            rows = run_sweep(app, configs, chosen_lengths, run_dir, console.print)
            figure = report_sweep(rows, configs[0], run_dir)
            console.print(f"figure: {figure}")
            report.update({"lengths": rows, "figure": str(figure)})

    return lengths


def exploding(
    length: int = 10,
    scale: float = 2.0,
    steps: int = 1500,
    clip_norm: float = 1.0,
    learning_rate: float = 0.1,
    seed: int = 1,
    run_dir: Path = Path("runs/memory_exploding"),
    as_json: AsJson = False,
) -> None:
    """Make gradients explode on purpose: a SimpleRNN with large recurrent weights, with and without clipping.

    Args:
        length: Steps of the adding problem.
        scale: The initial recurrent kernel is an orthogonal matrix times this; gradients grow where it is above 1.
        steps: Steps of training, by stochastic gradient descent.
        clip_norm: The global norm that gradients are clipped to in the second training.
        learning_rate: Step size.
        seed: Seed of weights and examples.
        run_dir: Where exploding.png, exploding.json and TensorBoard's logs are written.
        as_json: One JSON object as the last line of standard output, and nothing else there.
    """
    with report_json(as_json) as report:
        if length < 2 or steps < 1 or min(scale, clip_norm, learning_rate) <= 0:
            raise UserError(
                "--length must be at least 2, --steps at least 1, and --scale, --clip-norm and --learning-rate above 0"
            )
        import_tensorflow()
        from apps.memory.exploding import ExplosionSettings, compare_clipping

        settings = ExplosionSettings(length, scale, steps, learning_rate, seed)
        report.update(compare_clipping(settings, clip_norm, run_dir, console.print))


def sentence(
    text: str = SOLILOQUY,
    units: int = UNITS,
    epochs: int = EPOCHS,
    forget_bias: ForgetBias = "chrono",
    seeds: int = 5,
    seed: int = SEED,
    run_dir: Path = Path("runs/memory_sentence"),
    as_json: AsJson = False,
) -> None:
    """Measure how much of the loss at the last word of a sentence reaches each word before it, for every cell.

    Each network is measured before and after it has learned which last word belongs to which first word, while the rest
    of the sentence stays the same: figures of the gradient at each word, and of every gate.

    Args:
        text: The sentence, of at least three words.
        units: Width of the hidden state.
        epochs: Passes over the variants of the sentence.
        forget_bias: Initial bias of the gate that keeps the state; see `train`. chrono: for the length of the sentence.
        seeds: Networks of each cell.
        seed: Seed of the weights of the first one; those of the others follow.
        run_dir: Where the figures and sentence.json are written.
        as_json: One JSON object as the last line of standard output, and nothing else there.
    """
    with report_json(as_json) as report:
        if min(units, epochs, seeds) < 1:
            raise UserError("--units, --epochs and --seeds must be at least 1")
        words = split_words(text)
        import_tensorflow()
        from apps.memory.sentence import SentenceSettings, measure_cells

        settings = SentenceSettings(words, units, epochs, forget_bias, seeds, seed)
        report.update(measure_cells(settings, run_dir, console.print))
