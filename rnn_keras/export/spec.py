"""What an app says about its model so that it can be exported and the files compared with Keras."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import keras
import numpy as np

from rnn_keras.runtime.runner import DESCRIPTION

# What a model is given: bytes (a text, a file), a tensor of any shape, or a dict of these by the names of its inputs.
RawInput = bytes | np.ndarray | Mapping[str, bytes | np.ndarray]


def decide_class(outputs: np.ndarray) -> np.ndarray:
    """The likeliest class for probabilities `(n, classes)`, or for `(n, 1)`, that of the second of two classes."""
    return outputs[:, 0] > 0.5 if outputs.shape[1] == 1 else outputs.argmax(axis=1)


def description_file(description: Mapping[str, Any]) -> dict[str, bytes]:
    """The file inside an exported file that describes it."""
    return {DESCRIPTION: json.dumps(description, ensure_ascii=False).encode()}


def extend_description(files: Mapping[str, bytes], **entries: Any) -> dict[str, bytes]:
    """The files inside an exported file, whose description says this too."""
    return {**files, **description_file({**json.loads(files.get(DESCRIPTION, b"{}")), **entries})}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Examples of the test split, and what is compared on them: what Keras computes with what each file does.

    Args:
        inputs: raw inputs, all of one kind; none: nothing is compared. With `ExportSpec.per_step`, tensors
            `(steps, ...)`.
        metric: the network's outputs for the inputs, `(n, ...)` -> the value of the task's metric.
        metric_name: the metric's name in the report.
        decide: the network's outputs `(n, ...)` -> decisions `(n,)`, which must not change.
        tolerance: for outputs that are numbers and no decisions: by how much each may differ from Keras's, in the
            unit of the outputs, instead of `decide`; or this by the quantisation.
        expected: a format (keras, saved_model, litert, onnx) -> what Keras computes for the inputs, `(n, ...)`, where
            that is not the network's outputs; default: the network's outputs.
    """

    inputs: Sequence[RawInput]
    metric: Callable[[np.ndarray], float]
    metric_name: str = "accuracy"
    decide: Callable[[np.ndarray], np.ndarray] = decide_class
    expected: Callable[[str], np.ndarray] | None = None
    tolerance: float | Mapping[str, float] | None = None

    def find_tolerance(self, quantisation: str) -> float | None:
        """By how much an output may differ; None: outputs are decisions."""
        return self.tolerance[quantisation] if isinstance(self.tolerance, Mapping) else self.tolerance

    def find_agreements(self, outputs: np.ndarray, expected: np.ndarray, quantisation: str = "none") -> np.ndarray:
        """Which outputs `(n, ...)` are as expected: `(n,)` booleans, or one for each decision."""
        tolerance = self.find_tolerance(quantisation)
        if tolerance is None:
            return np.asarray(self.decide(outputs) == self.decide(expected))
        is_close = np.isclose(outputs, expected, rtol=0, atol=tolerance, equal_nan=True)
        return np.asarray(is_close.reshape(len(expected), -1).all(axis=1))


@dataclasses.dataclass(frozen=True)
class Conversion:
    """How the LiteRT and ONNX files are made of a network.

    Args:
        steps: the most steps that the network reads, for files of a fixed length; default: the network's own number, or
            that of the longest example.
        padding: see `rnn_keras.export.recurrent.calls.replaced`; "unused" for a network that masks what follows a
            sequence, and has nothing else to mask.
        pad_value: what the network masks; see `rnn_keras.export.litert.conversion.convert`.
        stream: whether the states are inputs and outputs of the files; see `rnn_keras.export.recurrent.streams`.
        target: "micro": LiteRT files for microcontrollers; see `rnn_keras.export.litert.conversion.convert`.
        litert: for a model that is not one network: a quantisation -> the content of a LiteRT file, without the files
            inside.
        onnx: the same for ONNX: the name of the files -> their contents by their names, of which the first is opened.
    """

    steps: int | None = None
    padding: Literal["any", "unused"] = "unused"
    pad_value: float = 0
    stream: bool = False
    target: Literal["litert", "micro"] = "litert"
    litert: Callable[[str], bytes] | None = None
    onnx: Callable[[str], Mapping[str, bytes]] | None = None


@dataclasses.dataclass(frozen=True)
class ExportSpec:
    """A trained model, and what is needed to export and to verify it.

    Args:
        model: raw inputs in, predictions out: what becomes the SavedModel. Its inputs and outputs are dicts, or have
            the names that Keras gave them.
        network: the part of it on tensors: what becomes the LiteRT and ONNX files. None: functions of `conversion`
            make them.
        encode: raw inputs -> the network's inputs, a list of `(steps, ...)`.
        comparison: what the files are compared with Keras on.
        output: the name of the model's output that holds the network's outputs, of any shape of as many values; of a
            model with one output, any name. None: all outputs that are numbers are compared, each number by itself.
        outputs: the names of the SavedModel's outputs; default: all of the model's.
        files: a quantisation -> the files inside the LiteRT and ONNX files, by name; see `rnn_keras.runtime.runner`. A
            file with a vocabulary inside is given raw inputs, any other one tensors.
        calibration: returns raw inputs of the training split, from which the converter learns the ranges for int8; it
            is called if they are needed.
        per_step: whether the network has an output for each step, `(batch, steps, ...)`. Then raw inputs are tensors
            `(steps, ...)`, which the SavedModel takes as its inputs `steps` and perhaps `lengths`; and in everything
            that is compared, n is the total number of steps.
        conversion: how the LiteRT and ONNX files are made.
        modules: modules that register the model's layers, beside those that the saved model names; the process that
            measures the model in Keras imports them before it loads the model.
    """

    model: keras.Model
    network: keras.Model | None
    encode: Callable[[Sequence], list[np.ndarray]]
    comparison: Comparison
    output: str | None = "probabilities"
    outputs: Sequence[str] | None = None
    files: Callable[[str], Mapping[str, bytes]] = lambda quantisation: {}
    calibration: Callable[[], Sequence[RawInput]] = tuple
    per_step: bool = False
    conversion: Conversion = Conversion()
    modules: tuple[str, ...] = ()
