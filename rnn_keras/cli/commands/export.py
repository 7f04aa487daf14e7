"""The command `export`."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from rnn_keras.cli.settings import AsJson, explain_unknown_model, load_finished_run, read_finished_config, split_choices
from rnn_keras.export import FORMATS, QUANTISATIONS
from rnn_keras.utils.extras import require_extra
from rnn_keras.utils.terminal import console, report_json, show_report


def make_export(app: Any) -> Callable[..., None]:
    """The command of an app that is both an Application and Exportable."""

    def export(
        run_dir: Path = app.default_run_dir(),  # noqa: B008
        saved_models: Path = Path("saved_models"),
        formats: str = "saved_model,litert",
        quantize: str = "none",
        target: Literal["litert", "micro"] = "litert",
        examples: int = 1000,
        as_json: AsJson = False,
    ) -> None:
        """Write the model of a finished run as files that other systems run, compared with Keras on test examples.

        Args:
            run_dir: The directory of the run.
            saved_models: What is written goes to a folder with the app's name in this folder.
            formats: What to write, with commas between: saved_model (a numbered version in TF Serving's layout),
                litert, and onnx (needs the extra of that name).
            quantize: The LiteRT files to write: none, dynamic, float16, int8, with commas between.
            target: micro: the LiteRT files are for microcontrollers (needs the extra of that name).
            examples: The most examples of the run's test split to compare the files with Keras on; 0: none, and no
                report.
            as_json: One JSON object as the last line of standard output, and nothing else there.
        """
        with report_json(as_json) as report:
            chosen = split_choices("--formats", formats, FORMATS)
            quantisations = split_choices("--quantize", quantize, QUANTISATIONS)
            if target == "micro":
                require_extra("micro", "tflite_micro")
            directory, config = read_finished_config(app, run_dir)
            if examples or ("litert" in chosen and "int8" in quantisations):
                app.check_source(config)
            run = load_finished_run(app, run_dir)
            from rnn_keras.export.bundle import export as write

            with explain_unknown_model(app, run):
                spec = app.export_spec(run.model, config, examples)
            conversion = dataclasses.replace(spec.conversion, target=target)
            spec = dataclasses.replace(spec, modules=(*app.model_modules, *spec.modules), conversion=conversion)
            folder = saved_models / app.name
            report.update(write(spec, directory.model, folder, chosen, quantisations, console.print))
            for path in (report["saved_model"], report["onnx"], *report["litert"]):
                if path:
                    console.print(f"written: {path}")
            show_report(report["report"])

    return export
