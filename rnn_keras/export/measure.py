"""The child process of `parity.py`: runs one form of a model on examples, alone, so that its memory is its own.

    python -m rnn_keras.export.measure FOLDER keras|saved_model|onnx|litert|micro PATH [MODULE ...]

reads `examples.npz` in the folder and writes `outputs.npy` and `figures.json` beside it. The modules are imported
before a `.keras` file is loaded. The last line on standard error says why it failed.
"""

import dataclasses
import json
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnn_keras.export.example_file import Example, read_examples
from rnn_keras.runtime.network import NetworkRunner
from rnn_keras.runtime.runner import Runner
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.processes import end_with_parent
from rnn_keras.utils.quick_start import start_quickly

TIMED = 200  # examples that are timed, one by one
BATCH = 256
REASON = "error: "  # begins the last line on standard error of a process that fails


@dataclasses.dataclass(frozen=True)
class Measured:
    """A form of the model, loaded.

    Attributes:
        run_one: computes one example.
        run_all: examples -> outputs `(n, ...)`; None where they are known.
        ops: the number of operations in its graph, where that is known.
    """

    run_one: Callable[[Example], Any]
    run_all: Callable[[Sequence[Example]], np.ndarray] | None = None
    ops: int | None = None


def main(folder: str, kind: str, path: str, *modules: str) -> None:
    """Measures one form of the model; see above."""
    examples, facts = read_examples(Path(folder) / "examples.npz")
    output = facts["output"] or None
    if kind == "keras":
        model = load_keras(path, modules)
    elif kind == "saved_model":
        model = load_saved_model(path, output, facts["per_step"])
    else:
        load = {"onnx": load_onnx, "litert": load_litert, "micro": load_micro}[kind]
        model = load(path, output)
    model.run_one(examples[0])
    seconds = []
    for example in examples[:TIMED]:
        started = time.perf_counter()
        model.run_one(example)
        seconds.append(time.perf_counter() - started)
    figures = {"latency_ms": 1e3 * float(np.median(seconds)), "peak_mb": peak_memory(), "ops": model.ops}
    if model.run_all is not None:
        np.save(Path(folder) / "outputs.npy", model.run_all(examples))
    (Path(folder) / "figures.json").write_text(json.dumps(figures))


def peak_memory() -> float:
    """The most memory that the process has held, in megabytes; NaN where the system does not tell (it is not Linux)."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def flatten_outputs(outputs: Mapping[str, Any]) -> np.ndarray:
    """All numbers of named outputs, in the order of their names: `(n,)` float64."""
    arrays = [np.asarray(outputs[name]) for name in sorted(outputs)]
    return np.concatenate([array.ravel().astype("float64") for array in arrays if array.dtype.kind in "bfiu"])


def measure_all_outputs(run_one: Callable[[Example], Mapping[str, Any]], ops: int | None) -> Measured:
    """A form of the model of which all outputs are compared: an example -> outputs by their names."""

    def run_each(examples: Sequence[Example]) -> np.ndarray:
        return np.concatenate([flatten_outputs(run_one(example)) for example in examples])

    return Measured(run_one, run_each, ops)


def load_saved_model(path: str, output: str | None, per_step: bool) -> Measured:
    """A SavedModel in TensorFlow alone, as TF Serving runs it.

    Args:
        path: its folder.
        output: the name of the output to compare; of a model with one output, any name; None: all.
        per_step: whether it has an output for each step of an example.
    """
    import tensorflow as tf

    loaded: Any = tf.saved_model.load(path)
    serve = loaded.signatures["serving_default"]
    dtypes = {name: spec.dtype for name, spec in serve.structured_input_signature[1].items()}
    graph = serve.graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    if output is None:
        return measure_all_outputs(lambda example: serve(**name_inputs(dtypes, [example])), len(nodes))
    name = select_output(list(serve.structured_outputs), output)

    def run(batch: Sequence[Example]) -> np.ndarray:
        return serve(**name_inputs(dtypes, batch))[name].numpy()

    def run_all(examples: Sequence[Example]) -> np.ndarray:
        if per_step:
            outputs = np.concatenate([run([example])[0] for example in examples])
        else:
            size = BATCH if len({describe_shape(example) for example in examples}) == 1 else 1
            starts = range(0, len(examples), size)
            outputs = np.concatenate([run(examples[start : start + size]) for start in starts])
        # Texts as bytes of one width, which NumPy stores without pickling.
        return outputs.astype("S") if outputs.dtype == object else outputs

    return Measured(lambda example: run([example]), run_all, len(nodes))


def select_output(names: Sequence[str], wanted: str) -> str:
    """The name of the output to compare.

    Raises:
        UserError: the model has several, and none of that name.
    """
    if wanted in names:
        return wanted
    if len(names) > 1:
        raise UserError(f"the model has the outputs {', '.join(names)}; expected one of them as `output`, got {wanted}")
    return names[0]


def load_keras(path: str, modules: Iterable[str]) -> Measured:
    """A `.keras` file in Keras: the graph of `predict_on_batch` is called with one example."""
    import tensorflow as tf

    from rnn_keras.export.keras_file import load_keras_file
    from rnn_keras.export.model_function import describe_model

    model: Any = load_keras_file(Path(path), list(modules))
    described = describe_model(model)
    dtypes = {name: spec.dtype for name, spec in described.inputs.items()}

    def run(tensors: dict[str, Any]) -> Any:
        return described(*tensors.values())

    function: Any = tf.function(run, autograph=False, reduce_retracing=True)
    return Measured(lambda example: function(name_inputs(dtypes, [example])))


def name_inputs(dtypes: Mapping[str, Any], examples: Sequence[Example]) -> dict[str, Any]:
    """A batch of examples of one shape by the names of a model's inputs: its only one, or `steps` and their `lengths`.

    Args:
        dtypes: the type of each input.
        examples: tensors, or dicts with one for each name.

    Raises:
        UserError: the model has other inputs than the examples.
    """
    import tensorflow as tf

    names = list(dtypes)
    if not isinstance(examples[0], Mapping):
        computed = [name for name in names if name == "lengths" and len(names) > 1]
        if len(names) - len(computed) != 1:
            raise UserError(f"the model has the inputs {', '.join(names)}; expected examples that are dicts with these")
        [name] = [name for name in names if name not in computed]
        batch: Any = [{name: example} | {key: np.int32(len(example)) for key in computed} for example in examples]
    else:
        batch = examples
    if missing := [name for name in names if name not in batch[0]]:
        raise UserError(
            f"the examples have no {', '.join(missing)}; expected the model's inputs {', '.join(names)}, got "
            f"{', '.join(batch[0])}"
        )
    inputs = {}
    for name, dtype in dtypes.items():
        values = [example[name] for example in batch]
        values = np.array(values, object) if isinstance(values[0], bytes) else np.stack(values)
        is_text, dtype = values.dtype.kind in "OSU", tf.as_dtype(dtype)
        if is_text != (dtype == tf.string):
            kind = "bytes" if is_text else f"tensors of {values.dtype}"
            raise UserError(f"the model's input {name} takes {dtype.name}; got examples that are {kind}")
        inputs[name] = tf.constant(values) if is_text else tf.cast(values, dtype)
    return inputs


def describe_shape(example: Example) -> Any:
    """What must be equal for examples to be in one batch."""
    if isinstance(example, Mapping):
        return tuple((name, describe_shape(value)) for name, value in example.items())
    return None if isinstance(example, bytes) else example.shape


def load_onnx(path: str, output: str | None) -> Measured:
    """An ONNX file in onnxruntime alone."""
    import onnx

    from rnn_keras.runtime.onnx_model import OnnxModel
    from rnn_keras.runtime.onnx_seq2seq import ENCODER, OnnxSeq2Seq

    nodes = len(onnx.load(path).graph.node)
    return load_runner(OnnxSeq2Seq(path) if path.endswith(ENCODER) else OnnxModel(path), nodes, output)


def load_litert(path: str, output: str | None) -> Measured:
    """A LiteRT file in ai-edge-litert alone."""
    from rnn_keras.runtime.litert_seq2seq import open_litert

    model = open_litert(path)
    return load_runner(model, None if model.ops is None else len(model.ops), output)


def load_micro(path: str, output: str | None) -> Measured:
    """A LiteRT file in tflite-micro's interpreter."""
    from rnn_keras.export.micro.interpreter import MicroModel

    model = MicroModel(path)
    return load_runner(model, len(model.ops), output)


def load_runner(model: Runner, ops: int | None, output: str | None) -> Measured:
    """An exported file at work. `output`: None: all outputs are compared."""
    if output is None and isinstance(model, NetworkRunner):
        run_one: Any = model.run_one
        names = model.output_names
        return measure_all_outputs(lambda example: dict(zip(names, run_one(example), strict=True)), ops)
    run: Any = model.outputs
    return Measured(lambda example: run([example]), run, ops)


def describe_error(error: BaseException) -> str:
    """What went wrong in one line; TensorFlow and Keras write several, of which the last says nothing."""
    message = re.sub(r"\x1b\[\d*m", "", str(error)).split("Arguments received by")[0]
    words = " ".join(message.split())
    return words if isinstance(error, UserError) else f"{type(error).__name__}: {words}"[:600]


if __name__ == "__main__":
    end_with_parent()
    start_quickly()
    try:
        main(*sys.argv[1:])
    except Exception as error:  # anything may be wrong in somebody's own model
        traceback.print_exc()
        print(REASON + describe_error(error), file=sys.stderr)
        sys.exit(2)
