"""Whether an exported model computes what the trained one does, and what it costs: `report.json`."""

import dataclasses
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from rnn_keras.export.spec import ExportSpec
from rnn_keras.runtime.litert_model import VOCABULARY
from rnn_keras.utils.errors import UserError

# The share of the examples whose decision may differ from Keras's.
TOLERANCE = {"saved_model": 0.001, "onnx": 0.001, "none": 0.001, "float16": 0.005, "dynamic": 0.03, "int8": 0.03}


@dataclasses.dataclass(frozen=True)
class Variant:
    """One file, or folder, to be measured."""

    format: str  # keras, saved_model, onnx or litert
    path: Path
    quantisation: str = "none"

    @property
    def name(self) -> str:
        return f"litert, {self.quantisation}" if self.format == "litert" else self.format

    @property
    def tolerance(self) -> float:
        return TOLERANCE[self.quantisation if self.format == "litert" else self.format]


def measured(variant: Variant, deployment: ExportSpec, expected: np.ndarray) -> dict:
    """A row of the report, by a child process that loads nothing but this variant.

    Args:
        expected: Keras's outputs for the examples, `(n, ...)`.

    Raises:
        UserError: the variant does not run, or decides otherwise than Keras more often than it may.
    """
    row = {"format": variant.format, "quantisation": variant.quantisation, "bytes": size_of(variant.path)}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        examples = deployment.examples
        write_examples(folder / "examples.npz", variant, deployment)
        loaded = variant.path.parent if variant.format == "keras" else variant.path
        command = [sys.executable, "-m", "rnn_keras.export.measure", str(folder), variant.format, str(loaded)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            raise UserError(
                f"the exported model ({variant.name}) does not run (exit status {done.returncode}: "
                f"{lines[-1] if lines else 'no reason given'}); what was exported before is unchanged"
            )
        row |= json.loads((folder / "figures.json").read_text())
        outputs = expected
        if variant.format != "keras":
            with np.load(folder / "outputs.npz") as stored:
                outputs = dict(stored)
            outputs = deployment.scores(outputs) if variant.format == "saved_model" else outputs["output"]
    if expected.dtype.kind == "f":
        row["largest_difference"] = float(np.abs(outputs - expected).max())
    else:  # sentences are the same or they are not
        row["largest_difference"] = None
    row["agreement"] = float(np.mean(deployment.decide(outputs) == deployment.decide(expected)))
    row |= {"metric": deployment.metric_name, "examples": len(examples)}
    row[deployment.metric_name] = float(deployment.metric(outputs))
    if variant.format != "keras" and 1 - row["agreement"] > variant.tolerance:
        raise UserError(
            f"the exported model ({variant.name}) decides otherwise than Keras in {1 - row['agreement']:.2%} of "
            f"{len(examples)} examples, more than the {variant.tolerance:.2%} that it may; nothing was exported, and "
            "what was there is unchanged"
        )
    return row


def write_examples(path: Path, variant: Variant, deployment: ExportSpec) -> None:
    """The examples one behind the other, and where each ends: raw, or as tensors where the file takes nothing else."""
    given, examples = deployment.files(variant.quantisation), deployment.examples
    raw = not deployment.in_step and (variant.format not in ("litert", "onnx") or VOCABULARY in given)
    parts = [np.frombuffer(example, np.uint8) for example in examples] if raw else deployment.tensors(examples)
    np.savez(path, values=np.concatenate(parts), ends=np.cumsum([len(part) for part in parts]), raw=raw)


def size_of(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
