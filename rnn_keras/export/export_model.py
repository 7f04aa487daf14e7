"""Any Keras model as files that other systems run: one call, and a report that compares each file with Keras."""

from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.export import FORMATS, QUANTISATIONS
from rnn_keras.export.bundle import compute_all_outputs, export
from rnn_keras.export.model_function import ModelFunction, describe_model
from rnn_keras.export.recurrent.calls import find_recurrent_layers
from rnn_keras.export.recurrent.streams import make_stateless, require_stream
from rnn_keras.export.spec import Comparison, Conversion, ExportSpec, description_file
from rnn_keras.export.text_input import arrange_input, split_text_input
from rnn_keras.runtime.network import PADDED
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.extras import require_extra

# By how much a number in a file may differ from Keras's, as a share of the range of all outputs.
SHARE_OF_RANGE = {"none": 1e-4, "float16": 0.01, "dynamic": 0.05, "int8": 0.08}
RANDOM_EXAMPLES, RANDOM_STEPS = 50, 50

TARGETS = ("litert", "micro")

Examples = np.ndarray | Mapping[str, np.ndarray] | Sequence[Any]


def export_model(
    model: keras.Model,
    directory: str | Path,
    formats: Sequence[str] = ("saved_model", "litert"),
    quantize: Sequence[str] = ("none",),
    examples: Examples | None = None,
    calibration: Examples | None = None,
    *,
    steps: int | None = None,
    stream: bool = False,
    target: Literal["litert", "micro"] = "litert",
    tolerance: float | None = None,
    log: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Writes a model in several formats, and compares each file with Keras on examples, in a process of its own.

    Recurrent layers of keras.layers and of this package become the operations that each engine is fastest with: one
    LSTM, GRU or RNN node each in ONNX, a fused LSTM in LiteRT, else a loop; the report says which, and why. Masks may
    be of any pattern.

    Args:
        model: functional, Sequential, or of a class of its own.
        directory: the folder. Its name is that of the files; each export is a version in it, see docs/exporting.md.
        formats: of "saved_model", "litert" and "onnx" (with the extra of that name).
        quantize: of "none", "dynamic", "float16" and "int8": one LiteRT file each.
        examples: inputs as `model.predict` takes them, with the batch first: an array, a dict of arrays by the names of
            the inputs, or a list of arrays, one for each input. Or, for lengths that differ, a list of inputs without
            the batch: arrays `(steps, ...)`, dicts of these, or texts. Default: random numbers of several lengths, for
            models whose inputs are numbers. A class of its own needs them.
        calibration: the same, typical inputs from which int8 learns the ranges of all values; default: the examples.
        steps: the most steps that the files read which fix their number, such as int8; default: those of the longest
            example.
        stream: whether the LiteRT and ONNX files read a stream in parts, `run(part, reset=False)`: the states are
            inputs and outputs of the files. So it is for a model with `stateful` layers.
        target: "micro": the LiteRT files, none or int8, are for microcontrollers: of fixed sizes, with tflite-micro's
            operators alone, and compared in its own interpreter (extra `micro`), which also says how much memory they
            need. Masked steps must then be the last ones, and nothing may use the outputs there.
        tolerance: by how much an output may differ from Keras's; default: a share of the range of the outputs, 0.01 %
            in floating point, 1 % with float16, 5 % with dynamic, 8 % with int8.
        log: is called with a line before each step.

    Returns:
        `saved_model`, `onnx` and `litert`, where the files are; and `report`, a row for each: its size in bytes,
        `ops`, `largest_difference`, `mean_difference`, the `agreement` (the share of numbers within the tolerance),
        `latency_ms`, `peak_mb`, for microcontrollers `arena_bytes`, and under `layers` what each recurrent layer
        became.

    Raises:
        UserError: the model cannot be exported, or a file differs from Keras; what was there before is unchanged.

    Example:
        >>> report = export_model(model, "saved_models/motion", examples=x_test[:100])["report"]
        >>> export_model(model, "saved_models/motion", ["onnx"], examples={"steps": x_test, "person": person_test})
    """
    formats = require_choices("formats", formats, FORMATS)
    quantize = require_choices("quantize", quantize, QUANTISATIONS)
    require_choices("target", [target], TARGETS)
    if target == "micro":
        require_extra("micro", "tflite_micro")
    if any(layer.stateful for layer in find_recurrent_layers(model)):
        model, stream = make_stateless(model), True
    if stream:
        require_stream(model)
    listed = list_examples(model, examples)
    if not listed:
        listed = make_examples(describe_model(model), find_id_inputs(model))
    calibrating = list_examples(model, calibration) or listed
    inputs = describe_model(model, listed).inputs
    texts = [name for name, spec in inputs.items() if spec.dtype == tf.string]
    if len(inputs) == 1 and texts and len(inputs[texts[0]].shape) == 2:  # a text may be given without its axis
        listed, calibrating = ([arrange_input([row]).ravel() for row in rows] for rows in (listed, calibrating))
    text = split_text_input(model, texts[0]) if texts and set(formats) - {"saved_model"} else None
    network, encode = (text.network, text.encode) if text else (model, list)
    tensors = encode(listed)
    padded = find_padded_inputs(network, tensors)
    if ("int8" in quantize or target == "micro") and "litert" in formats and not padded:
        require_one_length(network, tensors, steps)
    description = {PADDED: padded} | ({"tokenizer": text.tokenizer} if text else {})
    files = description_file(description) | (text.files if text else {})
    expected = compute_all_outputs(model, listed)
    largest = float(np.ptp(expected)) if expected.size else 0.0
    comparison = Comparison(
        inputs=listed,
        metric=lambda outputs: float(np.mean(np.abs(outputs - expected))),
        metric_name="mean_difference",
        expected=lambda format: expected,
        tolerance={
            name: tolerance if tolerance is not None else share * max(largest, 1e-3)
            for name, share in SHARE_OF_RANGE.items()
        },
    )
    spec = ExportSpec(
        model=model,
        network=network,
        encode=encode,
        comparison=comparison,
        output=None,
        calibration=lambda: calibrating,
        files=lambda quantisation: files,
        conversion=Conversion(
            steps=steps,
            padding="unused" if target == "micro" else "any",
            pad_value=next(iter(padded.values()), 0),
            stream=stream,
            target=target,
        ),
    )
    return export(spec, None, Path(directory), formats, quantize, log, flag="`directory`")


def require_choices(name: str, chosen: Sequence[str], known: Sequence[str]) -> list[str]:
    """The choices as a list.

    Raises:
        UserError: one is unknown, or there is none.
    """
    chosen = [chosen] if isinstance(chosen, str) else list(chosen)
    if unknown := [one for one in chosen if one not in known]:
        raise UserError(f"`{name}` may have {', '.join(known)}; got {unknown[0]!r}")
    if not chosen:
        raise UserError(f"`{name}` must have at least one of {', '.join(known)}; got none")
    return chosen


def list_examples(model: keras.Model, examples: Any) -> list[Any]:
    """Examples without the batch, one after the other: arrays, or dicts where the model has several inputs.

    Raises:
        UserError: the inputs are of different numbers, or have other names than the model's.
    """
    if examples is None:
        return []
    names = list(describe_model(model).inputs) if getattr(model, "inputs", None) else None
    is_list = isinstance(examples, list | tuple) and len(examples) > 0 and not isinstance(examples[0], Mapping)
    if is_list and names is not None and len(names) > 1 and len(examples) == len(names):
        examples = dict(zip(names, examples, strict=True))
    if isinstance(examples, Mapping):
        counts = {name: len(values) for name, values in examples.items()}
        if len(set(counts.values())) > 1:
            raise UserError(f"the examples must be as many for each input; got {counts}")
        rows: list[Any] = [
            {name: arrange_input(values[row]) for name, values in examples.items()}
            for row in range(next(iter(counts.values()), 0))
        ]
    else:
        rows = [row if isinstance(row, Mapping) else arrange_input(row) for row in examples]
    if names is None or not rows:
        return rows
    if isinstance(rows[0], Mapping):
        if missing := [name for name in names if name not in rows[0]]:
            raise UserError(
                f"the examples have no {', '.join(missing)}; expected the model's inputs {', '.join(names)}, got "
                f"{', '.join(rows[0])}"
            )
        return [row[names[0]] if len(names) == 1 else {name: row[name] for name in names} for row in rows]
    if len(names) > 1:
        raise UserError(f"the model has the inputs {', '.join(names)}; expected examples that are dicts with these")
    return rows


def find_padded_inputs(model: keras.Model, examples: Sequence[Any]) -> dict[str, float]:
    """The inputs that are series of any length of a model with masks, and the value that it masks.

    A file that fixes the number of steps reads shorter series with this value behind them.
    """
    layers = model._flatten_layers(include_self=True, recursive=True)
    values = [layer.mask_value for layer in layers if isinstance(layer, keras.layers.Masking)]
    values += [0 for layer in layers if isinstance(layer, keras.layers.Embedding) and layer.mask_zero]
    inputs = describe_model(model, examples).inputs
    series = [name for name, spec in inputs.items() if len(spec.shape) > 1 and spec.shape[1] is None]
    return {name: float(values[0]) for name in series} if values else {}


def require_one_length(model: keras.Model, examples: Sequence[Any], steps: int | None) -> None:
    """Refuses int8 for a model without masks on series of different lengths: the file fixes their number of steps.

    Raises:
        UserError: see above.
    """
    for name, spec in describe_model(model, examples).inputs.items():
        if len(spec.shape) < 2 or spec.shape[1] is not None:
            continue
        lengths = {len(row[name] if isinstance(row, Mapping) else row) for row in examples}
        if len(lengths | {steps or max(lengths)}) > 1:
            raise UserError(
                f"an int8 or micro file fixes the number of steps, and the examples of {name} have {min(lengths)} to "
                f"{max(lengths)}; pass examples of one length, give the model a Masking layer so that shorter ones can "
                "be padded, or leave these files out"
            )


def find_id_inputs(model: keras.Model) -> set[str]:
    """The names of the inputs that go into an Embedding, whatever their type."""
    embeddings = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Embedding)]
    nodes = [node for layer in embeddings for node in layer._inbound_nodes]
    return {tensor.name for node in nodes for tensor in node.input_tensors}


def make_examples(described: ModelFunction, id_inputs: Container[str] = ()) -> list[Any]:
    """Random numbers of several lengths.

    Args:
        described: the model.
        id_inputs: see `find_id_inputs`.

    Raises:
        UserError: an input is not of numbers: what its integers or texts mean is not known.
    """
    for name, spec in described.inputs.items():
        if not spec.dtype.is_floating or name in id_inputs:
            kind = "goes into an Embedding" if spec.dtype.is_floating else f"is of {spec.dtype.name}"
            raise UserError(
                f"the model's input {name} {kind}, for which no examples can be made up; pass examples, inputs as they "
                "occur (--examples FILE, or examples=)"
            )
    generator = np.random.default_rng(0)
    rows = []
    for number in range(RANDOM_EXAMPLES):
        length = 1 + number * (RANDOM_STEPS - 1) // (RANDOM_EXAMPLES - 1)
        row = {
            name: generator.normal(size=[length if size is None else size for size in spec.shape[1:]]).astype("float32")
            for name, spec in described.inputs.items()
        }
        rows.append(row if len(row) > 1 else next(iter(row.values())))
    return rows
