"""The child process of `parity.py`: runs one form of a model on examples, alone, so that its memory is its own.

    python -m rnn_keras.export.measure FOLDER keras|saved_model|onnx|litert PATH [MODULE ...]

reads `examples.npz` in the folder and writes `outputs.npy` and `figures.json` beside it. The modules are imported
before a `.keras` file is loaded.
"""

import dataclasses
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnn_keras.runtime.runner import Runner

TIMED = 200  # examples that are timed, one by one
BATCH = 256

Example = bytes | np.ndarray


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


@dataclasses.dataclass(frozen=True)
class Examples:
    """What `parity.write_examples` wrote."""

    inputs: list[Example]
    per_step: bool
    output: str


def main(folder: str, kind: str, path: str, *modules: str) -> None:
    """Measures one form of the model; see above."""
    examples = read_examples(Path(folder) / "examples.npz")
    if kind == "keras":
        model = load_keras(path, modules)
    elif kind == "saved_model":
        model = load_saved_model(path, examples)
    else:
        model = load_onnx(path) if kind == "onnx" else load_litert(path)
    model.run_one(examples.inputs[0])
    seconds = []
    for example in examples.inputs[:TIMED]:
        started = time.perf_counter()
        model.run_one(example)
        seconds.append(time.perf_counter() - started)
    figures = {"latency_ms": 1e3 * float(np.median(seconds)), "peak_mb": peak_memory(), "ops": model.ops}
    if model.run_all is not None:
        np.save(Path(folder) / "outputs.npy", model.run_all(examples.inputs))
    (Path(folder) / "figures.json").write_text(json.dumps(figures))


def read_examples(path: Path) -> Examples:
    """The examples that `parity.write_examples` wrote."""
    with np.load(path) as stored:
        values, ends = stored["values"], stored["ends"]
        per_step, output = bool(stored["per_step"]), str(stored["output"])
        values = values.tobytes() if stored["is_raw"] else values
    inputs = [values[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    return Examples(inputs, per_step, output)


def peak_memory() -> float:
    """The most memory that the process has held, in megabytes; NaN where the system does not tell (it is not Linux)."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def load_saved_model(path: str, examples: Examples) -> Measured:
    """A SavedModel in TensorFlow alone, as TF Serving runs it."""
    import tensorflow as tf

    loaded: Any = tf.saved_model.load(path)
    serve = loaded.signatures["serving_default"]
    names = serve.structured_input_signature[1]
    graph = serve.graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]

    def run(batch: Sequence[Example]) -> np.ndarray:
        return serve(**name_inputs(names, batch))[examples.output].numpy()

    def run_all(inputs: Sequence[Example]) -> np.ndarray:
        if examples.per_step:
            outputs = np.concatenate([run([example])[0] for example in inputs])
        else:
            starts = range(0, len(inputs), BATCH)
            outputs = np.concatenate([run(inputs[start : start + BATCH]) for start in starts])
        # Texts as bytes of one width, which NumPy stores without pickling.
        return outputs.astype("S") if outputs.dtype == object else outputs

    return Measured(lambda example: run([example]), run_all, len(nodes))


def load_keras(path: str, modules: Iterable[str]) -> Measured:
    """A `.keras` file in Keras: the graph of `predict_on_batch` is called with one example."""
    import keras
    import tensorflow as tf

    for module in modules:
        importlib.import_module(module)
    model: Any = keras.models.load_model(path, compile=False)
    function: Any = tf.function(lambda inputs: model(inputs, training=False), autograph=False, reduce_retracing=True)
    names = [tensor.name for tensor in model.inputs]
    return Measured(lambda example: function(name_inputs(names, [example])))


def name_inputs(names: Iterable[str], examples: Sequence[Example]) -> dict[str, Any]:
    """A batch of examples by the names of a model's inputs: its only one, or `steps` and their `lengths`."""
    import tensorflow as tf

    inputs = {name: tf.constant(examples) for name in names if name != "lengths"}
    if "lengths" in names:
        inputs["lengths"] = tf.constant([len(example) for example in examples], tf.int32)
    return inputs


def load_onnx(path: str) -> Measured:
    """An ONNX file in onnxruntime alone."""
    import onnx

    from rnn_keras.runtime.onnx_model import OnnxModel

    return load_runner(OnnxModel(path), len(onnx.load(path).graph.node))


def load_litert(path: str) -> Measured:
    """A LiteRT file in ai-edge-litert alone."""
    from rnn_keras.runtime.litert_seq2seq import open_litert

    model = open_litert(path)
    return load_runner(model, None if model.ops is None else len(model.ops))


def load_runner(model: Runner, ops: int | None) -> Measured:
    """An exported file at work."""
    return Measured(lambda example: model.outputs([example]), model.outputs, ops)


if __name__ == "__main__":
    main(*sys.argv[1:])
