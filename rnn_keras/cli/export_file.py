"""The command `export` of the toolkit itself: a saved model of anybody's as files that other systems run."""

from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from rnn_keras.cli.settings import AsJson, split_choices
from rnn_keras.export import FORMATS, QUANTISATIONS
from rnn_keras.export.keras_file import load_keras_file, require_keras_file
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import console, report_json, show_layers, show_report
from rnn_keras.utils.tf_logging import import_tensorflow


def export(
    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")],
    examples: Path | None = None,
    calibration: Path | None = None,
    to: Path | None = None,
    formats: str = "saved_model,litert",
    quantize: str = "none",
    steps: int | None = None,
    stream: bool = False,
    target: Literal["litert", "micro"] = "litert",
    tolerance: float | None = None,
    as_json: AsJson = False,
) -> None:
    """Write a saved Keras model as files that other systems run, each compared with Keras on examples.

    For example `python -m rnn_keras export motion.keras --examples x_test.npy --formats litert,onnx`.

    Args:
        model: A model saved by Keras, a .keras file, with recurrent layers of keras.layers or rnn_keras.layers.
        examples: Inputs to compare the files with Keras on: a .npy file with the batch first, or a .npz file with one
            such array for each input, by the inputs' names, or a .txt file with a text on each line. Default: random
            numbers, for inputs that are numbers.
        calibration: The same, typical inputs from which int8 learns the ranges of all values; default: the examples.
        to: The folder to write to; its name is that of the files. Default: saved_models/ and the model's file name.
        formats: What to write, with commas between: saved_model (a numbered version in TF Serving's layout), litert,
            and onnx (needs the extra of that name).
        quantize: The LiteRT files to write: none, dynamic, float16, int8, with commas between.
        steps: The most steps that the files read which fix their number, such as int8; default: those of the examples.
        stream: The LiteRT and ONNX files read a stream in parts: their states are inputs and outputs.
        target: micro: the LiteRT files are for microcontrollers (needs the extra of that name).
        tolerance: By how much an output may differ from Keras's; default: a share of the range of the outputs.
        as_json: One JSON object as the last line of standard output, and nothing else there.
    """
    with report_json(as_json) as report:
        chosen = split_choices("--formats", formats, FORMATS)
        quantisations = split_choices("--quantize", quantize, QUANTISATIONS)
        arrays, calibrating = read_examples(examples), read_examples(calibration)
        require_keras_file(model)
        console.print("loading TensorFlow and the model ...")
        import_tensorflow()
        from rnn_keras.export.export_model import export_model

        folder = to if to is not None else Path("saved_models") / model.stem
        loaded = load_keras_file(model)
        options: dict[str, Any] = {
            "steps": steps,
            "stream": stream,
            "target": target,
            "tolerance": tolerance,
            "log": console.print,
        }
        report.update(export_model(loaded, folder, chosen, quantisations, arrays, calibrating, **options))
        for path in (report["saved_model"], report["onnx"], *report["litert"]):
            if path:
                console.print(f"written: {path}")
        show_report(report["report"])
        show_layers(report["report"])


def read_examples(path: Path | None) -> Any:
    """The lines of a text file, the array of a `.npy` file, or a dict of those of a `.npz` file; None: no file.

    Raises:
        UserError: it cannot be read.
    """
    if path is None:
        return None
    if path.suffix == ".txt":
        try:
            return path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path} cannot be read ({error}); expected a text in UTF-8 on each line") from error
    from rnn_keras.runtime.array_file import read_array_file

    arrays = read_array_file(path)
    return arrays.get("", arrays)
