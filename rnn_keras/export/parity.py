"""Whether an exported file computes what the trained model does, and what it costs: the rows of `report.json`."""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnn_keras.export.example_file import write_examples
from rnn_keras.export.measure import REASON
from rnn_keras.export.micro.arena import measure_arena
from rnn_keras.export.recurrent.engine import Note
from rnn_keras.export.spec import ExportSpec, RawInput
from rnn_keras.runtime.runner import VOCABULARY
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.faults import find_disk_fault
from rnn_keras.utils.files import make_write_error
from rnn_keras.utils.processes import make_child_environment

# The share of the examples whose decision may differ from Keras's.
TOLERANCE = {"saved_model": 0.001, "onnx": 0.001, "none": 0.001, "float16": 0.005, "dynamic": 0.03, "int8": 0.03}


@dataclasses.dataclass(frozen=True)
class Variant:
    """One form of the model: a file, or the folder of a SavedModel."""

    format: str  # keras, saved_model, onnx or litert
    path: Path
    quantisation: str = "none"
    target: str = "litert"  # or micro
    others: tuple[Path, ...] = ()  # files that belong to this one
    notes: list[Note] = dataclasses.field(default_factory=list)  # how its recurrent layers are computed

    @property
    def name(self) -> str:
        return f"{self.target}, {self.quantisation}" if self.format == "litert" else self.format

    @property
    def tolerance(self) -> float:
        return TOLERANCE[self.quantisation if self.format == "litert" else self.format]

    @property
    def size(self) -> int:
        """In bytes."""
        files = self.path.rglob("*") if self.path.is_dir() else [self.path, *self.others]
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
        examples = select_examples(variant, spec)
        write_examples(folder / "examples.npz", examples, per_step=spec.per_step, output=spec.output or "")
        kind = variant.target if variant.format == "litert" else variant.format
        arguments = [str(folder), kind, str(variant.path), *spec.modules]
        command = [sys.executable, "-m", "rnn_keras.export.measure", *arguments]
        environment = os.environ | make_child_environment()
        process = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment)
        if process.returncode:
            if fault := find_disk_fault(process.stderr):
                raise make_write_error(folder, fault)
            raise UserError(
                f"the exported model ({variant.name}) does not run ({find_reason(process)}); what was exported before "
                "is unchanged"
            )
        row |= json.loads((folder / "figures.json").read_text())
        outputs = expected
        if variant.format != "keras":
            outputs = np.load(folder / "outputs.npy")
            if outputs.size != expected.size:
                raise UserError(
                    f"the exported model ({variant.name}) gives outputs of shape {outputs.shape}, and Keras of shape "
                    f"{expected.shape}; what was exported before is unchanged"
                )
            outputs = outputs.reshape(expected.shape)
    # Texts are the same or they are not.
    row["largest_difference"] = float(np.abs(outputs - expected).max()) if expected.dtype.kind == "f" else None
    row["agreement"] = float(np.mean(comparison.find_agreements(outputs, expected, variant.quantisation)))
    row |= {"metric": comparison.metric_name, "examples": len(comparison.inputs)}
    if variant.target == "micro":
        row["arena_bytes"] = measure_arena(variant.path.read_bytes())
    row["layers"] = [dataclasses.asdict(note) for note in variant.notes]
    row[comparison.metric_name] = float(comparison.metric(outputs))
    differing = 1 - row["agreement"]
    if variant.format != "keras" and differing > variant.tolerance:
        how = "decides differently from Keras"
        if (tolerance := comparison.find_tolerance(variant.quantisation)) is not None:
            how = f"differs from Keras by more than {tolerance:.3g} (at most {row['largest_difference']:.3g})"
        raise UserError(
            f"the exported model ({variant.name}) {how} in {differing:.2%} of "
            f"{len(comparison.inputs)} examples, more than the {variant.tolerance:.2%} that are allowed; nothing was "
            "exported, and what was there is unchanged"
        )
    return row


def select_examples(variant: Variant, spec: ExportSpec) -> Sequence[RawInput]:
    """The examples for the child process: raw, or as tensors where the file reads nothing else."""
    is_raw = not spec.per_step and (
        variant.format not in ("litert", "onnx") or VOCABULARY in spec.files(variant.quantisation)
    )
    return spec.comparison.inputs if is_raw else spec.encode(spec.comparison.inputs)


def find_reason(process: subprocess.CompletedProcess[str]) -> str:
    """Why a child process failed: what it says itself, or else its last line."""
    lines = [line.strip() for line in process.stderr.splitlines() if line.strip()]
    reasons = [line.removeprefix(REASON) for line in lines if line.startswith(REASON)]
    if reasons:
        return reasons[-1]
    return f"exit status {process.returncode}: {lines[-1] if lines else 'no reason given'}"
