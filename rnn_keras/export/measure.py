"""The child process of `parity.py`: runs one exported model on examples, alone, so that its memory is its own.

    python -m rnn_keras.export.measure FOLDER keras|saved_model|onnx|litert PATH

reads `examples.npz` in the folder and writes `outputs.npz` and `figures.json` beside it.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

TIMED = 200  # examples whose time alone is taken
AT_ONCE = 256


def main(folder: str, kind: str, path: str) -> None:
    folder = Path(folder)
    with np.load(folder / "examples.npz") as stored:
        values, ends = stored["values"], stored["ends"]
        values = values.tobytes() if stored["raw"] else values
    examples = [values[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    answer, everything, ops = KINDS[kind](path)
    answer(examples[0])
    seconds = []
    for example in examples[:TIMED]:
        started = time.perf_counter()
        answer(example)
        seconds.append(time.perf_counter() - started)
    figures = {"latency_ms": 1e3 * float(np.median(seconds)), "peak_mb": peak(), "ops": ops}
    if kind != "keras":
        np.savez(folder / "outputs.npz", **everything(examples))
    (folder / "figures.json").write_text(json.dumps(figures))


def peak() -> float:
    """The most memory that the process has held, in megabytes, where the system tells (Linux); else NaN."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def saved_model(path: str):
    """With TensorFlow alone, as TF Serving runs it: strings in, or tensors with an output for each of their steps."""
    import tensorflow as tf

    loaded = tf.saved_model.load(path)
    serve = loaded.signatures["serving_default"]
    names = serve.structured_input_signature[1]
    graph = serve.graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]

    def run(examples):
        return serve(**tensors(names, examples))

    def everything(examples):
        if "steps" in names:
            parts = [run([example])["probabilities"][0].numpy() for example in examples]
            return {"probabilities": np.concatenate(parts)}
        parts = [run(examples[start : start + AT_ONCE]) for start in range(0, len(examples), AT_ONCE)]
        return {key: without_objects(np.concatenate([part[key].numpy() for part in parts])) for key in parts[0]}

    return lambda example: run([example]), everything, len(nodes)


def keras_model(path: str):
    """The model in Keras, one call of `predict_on_batch`'s graph an example."""
    import tensorflow as tf

    from rnn_keras.training.run_directory import RunDirectory

    model = RunDirectory(Path(path)).load_model()
    function = tf.function(lambda inputs: model(inputs, training=False), autograph=False, reduce_retracing=True)
    names = [tensor.name for tensor in model.inputs]
    return lambda example: function(tensors(names, [example])), None, None


def tensors(names, examples: list) -> dict:
    """A batch of examples by the names of a model's inputs: the one that it has, or `steps` and their `lengths`."""
    import tensorflow as tf

    inputs = {name: tf.constant(examples) for name in names if name != "lengths"}
    if "lengths" in names:
        inputs["lengths"] = tf.constant([len(example) for example in examples], tf.int32)
    return inputs


def onnx_file(path: str):
    """With onnxruntime alone."""
    import onnx

    from rnn_keras.export.onnx_export import OnnxModel

    return by_runner(OnnxModel(path), len(onnx.load(path).graph.node))


def litert(path: str):
    """With ai-edge-litert alone."""
    from rnn_keras.runtime.litert_seq2seq import opened

    model = opened(path)
    return by_runner(model, len(model.ops))


def without_objects(values: np.ndarray) -> np.ndarray:
    """Strings as bytes of one width, which NumPy stores without pickling."""
    return values.astype("S") if values.dtype == object else values


def by_runner(model, ops: int):
    return lambda example: model.scores([example]), lambda examples: {"output": model.scores(examples)}, ops


KINDS = {"keras": keras_model, "saved_model": saved_model, "onnx": onnx_file, "litert": litert}

if __name__ == "__main__":
    main(*sys.argv[1:])
