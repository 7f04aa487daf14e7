"""Predictions of an exported file from a shell; numpy and the engine are all that it needs.

    python -m rnn_keras.runtime.predict sentiment.tflite "a masterpiece" "a bore"
    python -m rnn_keras.runtime.predict prices.onnx inputs.npy --json
    sensor | python -m rnn_keras.runtime.predict prices.tflite --stream

`rnn_keras.export.standalone` writes this program, and what it uses, as one file beside the exported ones.
"""

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnn_keras.runtime.array_file import read_array_file
from rnn_keras.runtime.litert_seq2seq import open_litert
from rnn_keras.runtime.network import NetworkRunner
from rnn_keras.runtime.onnx_model import OnnxModel
from rnn_keras.runtime.onnx_seq2seq import OnnxSeq2Seq
from rnn_keras.runtime.runner import Runner
from rnn_keras.utils.errors import UserError

# By how the name of a file ends.
OPENERS: dict[str, Callable[[str], Runner]] = {
    "_encoder.onnx": OnnxSeq2Seq,
    ".onnx": OnnxModel,
    ".tflite": open_litert,
}
DISTRIBUTIONS = {"ai_edge_litert": "ai-edge-litert", "PIL": "pillow"}  # whose modules have another name


def main(arguments: Sequence[str] | None = None) -> int:
    """Predicts for the arguments of the command line, or for the lines of standard input; returns the exit code."""
    parser = argparse.ArgumentParser(description="Predicts with an exported file.")
    parser.add_argument("model", metavar="MODEL", help=f"the exported file: {' or '.join(OPENERS)}")
    parser.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="*",
        help="a text; an image file; numbers as JSON, such as [[0.5], [0.25]], or as {name: numbers} for several "
        "inputs; a .npy file of shape (examples, steps, ...), or a .npz file with one such array for each input, by "
        "its name. None: each line of standard input is one of these",
    )
    parser.add_argument(
        "--json", action="store_true", help='print {"predictions": [...]}; with --stream, for each part'
    )
    parser.add_argument(
        "--stream", action="store_true", help="the inputs are the parts of one stream: the state continues"
    )
    options = parser.parse_args(arguments)
    try:
        model = open_model(options.model)
        words = options.inputs or (line.decode("utf-8", "replace").rstrip("\r\n") for line in sys.stdin.buffer)
        print_predictions(predict(model, words, stream=options.stream), as_json=options.json, stream=options.stream)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        name = str(error.name).partition(".")[0]
        print(f"error: {name} is not installed: pip install {DISTRIBUTIONS.get(name, name)}", file=sys.stderr)
        return 2
    except (BrokenPipeError, KeyboardInterrupt):
        sys.stderr.close()  # or Python reports that it could not write what is left
        return 1
    return 0


def open_model(path: str) -> Runner:
    """The runner of an exported file.

    Raises:
        UserError: it is missing, damaged, or of another format.
    """
    for end, opener in OPENERS.items():
        if path.endswith(end):
            return opener(path)
    if not Path(path).exists():
        raise UserError(f"{path} does not exist; expected an exported file that ends in {' or '.join(OPENERS)}")
    raise UserError(f"{path} is not an exported file that can be run; expected one that ends in {' or '.join(OPENERS)}")


def require_engine(extra: str, *modules: str) -> None:
    """Refuses to go on without an engine, in place of `rnn_keras.utils.extras.require_extra` where there is no extra.

    Raises:
        UserError: it is not installed.
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise UserError(f"{module} is not installed: pip install {DISTRIBUTIONS.get(module, module)}")


def predict(model: Runner, words: Iterable[str], *, stream: bool) -> Iterator[list[dict[str, Any]]]:
    """The predictions for each input, as `Runner.predict` has them.

    Args:
        model: an exported file.
        words: the inputs as they are on the command line.
        stream: whether each continues from the state after the one before.

    Raises:
        UserError: one of them is not an input of this model, or the model has no state.
    """
    is_first = True
    for word in words:
        for one in read_inputs(word, model):
            if isinstance(model, NetworkRunner):
                yield model.predict([one], reset=is_first or not stream)
            elif stream:
                raise UserError(f"{model.path} writes a sequence for each input; leave --stream out")
            else:
                yield model.predict([one])
            is_first = False


def read_inputs(word: str, model: Runner) -> Iterator[Any]:
    """The examples that an argument stands for: a text, a tensor, a dict of tensors, or the bytes of an image.

    Raises:
        UserError: it is none of these.
    """
    path = Path(word)
    if path.suffix in (".npy", ".npz"):
        yield from read_arrays(path)
    elif "picture" in model.description:
        yield read_content(path)
    elif "tokenizer" in model.description:
        yield word
    else:
        yield parse_numbers(word)


def read_arrays(path: Path) -> Iterator[Any]:
    """The examples in a `.npy` file, or dicts of those in a `.npz` file.

    Raises:
        UserError: the file cannot be read, or holds something else.
    """
    arrays = read_array_file(path)
    counts = {len(array) if array.ndim else 0 for array in arrays.values()}
    if len(counts) != 1 or 0 in counts:
        raise UserError(
            f"{path} holds no examples, or not as many for each input; expected shapes (examples, steps, ...)"
        )
    for rows in zip(*arrays.values(), strict=True):
        yield rows[0] if "" in arrays else dict(zip(arrays, rows, strict=True))


def read_content(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({getattr(error, 'strerror', None) or error}); name a file") from error


def parse_numbers(word: str) -> Any:
    """A tensor, or tensors by the names of the inputs, written as JSON.

    Raises:
        UserError: it is neither.
    """
    try:
        value = json.loads(word)
        if isinstance(value, dict):
            return {name: np.array(numbers, np.float64) for name, numbers in value.items()}
        return np.array(value, np.float64)
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{word[:40]!r} is not an input of this model; expected numbers as JSON, such as [[0.5], [0.25]], or the "
            "name of a .npy or .npz file"
        ) from error


def print_predictions(predictions: Iterable[list[dict[str, Any]]], *, as_json: bool, stream: bool) -> None:
    """Prints a line for each prediction; as JSON, one line for all, or of a stream, one for each part."""
    together = []
    for some in predictions:
        if not as_json:
            print("\n".join(map(format_prediction, some)), flush=True)
        elif stream:
            print(json.dumps({"predictions": some}, ensure_ascii=False), flush=True)
        else:
            together += some
    if as_json and not stream:
        print(json.dumps({"predictions": together}, ensure_ascii=False))


def format_prediction(prediction: dict[str, Any]) -> str:
    """A line for people: the label and its score, or what is predicted."""
    if "label" in prediction:
        return f"{prediction['label']}\t{prediction['score']:.4f}"
    return "\t".join(value if isinstance(value, str) else json.dumps(value) for value in prediction.values())


if __name__ == "__main__":
    sys.exit(main())
