"""Whether an exported file computes what the trained model does, and what it costs: the rows of `report.json`."""

import dataclasses
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from rnn_keras.export.spec import ExportSpec
from rnn_keras.runtime.runner import VOCABULARY
from rnn_keras.utils.errors import UserError

# The share of the examples whose decision may differ from Keras's.
TOLERANCE = {"saved_model": 0.001, "onnx": 0.001, "none": 0.001, "float16": 0.005, "dynamic": 0.03, "int8": 0.03}


@dataclasses.dataclass(frozen=True)
class Variant:
    """One form of the model: a file, or the folder of a SavedModel."""

    format: str  # keras, saved_model, onnx or litert
    path: Path
    quantisation: str = "none"

    @property
    def name(self) -> str:
        return f"litert, {self.quantisation}" if self.format == "litert" else self.format

    @property
    def tolerance(self) -> float:
        return TOLERANCE[self.quantisation if self.format == "litert" else self.format]

    @property
    def size(self) -> int:
        """In bytes."""
        files = self.path.rglob("*") if self.path.is_dir() else [self.path]
        return sum(file.stat().st_size for file in files if file.is_file())


def compare(variant: Variant, spec: ExportSpec, expected: np.ndarray) -> dict[str, Any]:
    """A row of the report, measured by a child process that loads nothing but this variant.

    Args:
        variant: what is measured.
        spec: where it comes from.
        expected: what Keras computes for the examples, `(n, ...)`.

    Raises:
        UserError: the variant does not run, or more of its decisions differ from Keras's than the tolerance.
    """
    comparison = spec.comparison
    row = {"format": variant.format, "quantisation": variant.quantisation, "bytes": variant.size}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_examples(folder / "examples.npz", variant, spec)
        arguments = [str(folder), variant.format, str(variant.path), *spec.modules]
        command = [sys.executable, "-m", "rnn_keras.export.measure", *arguments]
        process = subprocess.run(command, capture_output=True, text=True)
        if process.returncode:
            lines = [line for line in process.stderr.splitlines() if line.strip()]
            raise UserError(
                f"the exported model ({variant.name}) does not run (exit status {process.returncode}: "
                f"{lines[-1] if lines else 'no reason given'}); what was exported before is unchanged"
            )
        row |= json.loads((folder / "figures.json").read_text())
        outputs = expected
        if variant.format != "keras":
            outputs = np.load(folder / "outputs.npy").reshape(expected.shape)
    # Texts are the same or they are not.
    row["largest_difference"] = float(np.abs(outputs - expected).max()) if expected.dtype.kind == "f" else None
    row["agreement"] = float(np.mean(comparison.decide(outputs) == comparison.decide(expected)))
    row |= {"metric": comparison.metric_name, "examples": len(comparison.inputs)}
    row[comparison.metric_name] = float(comparison.metric(outputs))
    differing = 1 - row["agreement"]
    if variant.format != "keras" and differing > variant.tolerance:
        raise UserError(
            f"the exported model ({variant.name}) decides differently from Keras in {differing:.2%} of "
            f"{len(comparison.inputs)} examples, more than the {variant.tolerance:.2%} that are allowed; nothing was "
            "exported, and what was there is unchanged"
        )
    return row


def write_examples(path: Path, variant: Variant, spec: ExportSpec) -> None:
    """Writes the examples for the child process: raw, or as tensors where the file reads nothing else."""
    inputs: Any = spec.comparison.inputs
    is_raw = not spec.per_step and (
        variant.format not in ("litert", "onnx") or VOCABULARY in spec.files(variant.quantisation)
    )
    parts = [np.frombuffer(example, np.uint8) for example in inputs] if is_raw else spec.encode(inputs)
    np.savez(
        path,
        values=np.concatenate(parts),
        ends=np.cumsum([len(part) for part in parts]),
        is_raw=is_raw,
        per_step=spec.per_step,
        output=spec.output,
    )
