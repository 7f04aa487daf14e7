"""A runner that travels with exported files: `predict.py`, one file that needs numpy and the engine alone.

It is not a copy that is kept beside `rnn_keras.runtime`, but is put together from its sources: of the command
`rnn_keras.runtime.predict`, and of what that uses, in the order in which Python needs it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from rnn_keras.export.sources import Definition, collect_sources, join_sources
from rnn_keras.runtime.seq2seq import TARGET_VOCABULARY
from rnn_keras.utils.errors import UserError

NAME = "predict.py"
VERSION = sys.modules["rnn_keras"].__version__  # not imported: the package itself imports the exports
COMMAND = "rnn_keras.runtime.predict"
# In place of what belongs to an installed rnn_keras.
REPLACED = {Definition("rnn_keras.utils.extras", "require_extra"): Definition(COMMAND, "require_engine")}
# Where the runners are that the command opens files with.
RUNNERS = {
    "LiteRTModel": "rnn_keras.runtime.litert_model",
    "open_litert": "rnn_keras.runtime.litert_seq2seq",
    "OnnxModel": "rnn_keras.runtime.onnx_model",
    "OnnxSeq2Seq": "rnn_keras.runtime.onnx_seq2seq",
}
DISTRIBUTIONS = {".tflite": "ai-edge-litert", ".onnx": "onnxruntime"}


def write_runner(folder: Path, files: Sequence[Path]) -> Path:
    """Writes `predict.py`, which runs exported files where neither rnn_keras nor TensorFlow is installed.

    Args:
        folder: where it is written.
        files: the exported files that it will stand beside, `.tflite` and `.onnx`; it holds what these need.

    Returns:
        Its path.

    Raises:
        UserError: there is none of these files.

    Example:
        >>> write_runner(Path("saved_models/sentiment"), [Path("saved_models/sentiment/sentiment.tflite")])
        PosixPath('saved_models/sentiment/predict.py')
    """
    path = folder / NAME
    path.write_text(make_runner(files), encoding="utf-8")
    return path


def make_runner(files: Sequence[Path]) -> str:
    """The source of `predict.py`; see `write_runner`."""
    openers = dict(sorted(filter(None, map(choose_opener, files))))  # `open_litert` opens any LiteRT file
    if not openers:
        raise UserError(f"there is no file to run; expected one that ends in {' or '.join(DISTRIBUTIONS)}")
    openers = dict(sorted(openers.items(), key=lambda item: -len(item[0])))  # `_encoder.onnx` before `.onnx`
    entries = ", ".join(f'"{end}": {name}' for end, name in openers.items())
    sources = collect_sources(
        Definition(COMMAND, "main"),
        replaced=REPLACED,
        values={Definition(COMMAND, "OPENERS"): f"OPENERS: dict[str, Callable[[str], Runner]] = {{{entries}}}"},
        imported={(COMMAND, name): Definition(module, name) for name, module in RUNNERS.items()},
    )
    named = [file.name for file in files if choose_opener(file)]
    engines = sorted({DISTRIBUTIONS[Path(name).suffix] for name in named})
    body = join_sources(sources)
    return f'{describe(named, engines)}\n{body}\n\n\nif __name__ == "__main__":\n    sys.exit(main())\n'


def choose_opener(file: Path) -> tuple[str, str] | None:
    """How the name of an exported file ends, and the name of what opens it; None for a file that is not opened."""
    if file.suffix not in DISTRIBUTIONS:
        return None
    writes_sequences = TARGET_VOCABULARY.encode() in file.read_bytes()  # the name of a file inside
    if file.suffix == ".tflite":
        return ".tflite", "open_litert" if writes_sequences else "LiteRTModel"
    first = file.with_name(file.name.replace("_step.onnx", "_encoder.onnx"))
    if first != file and first.exists():
        return None  # the second of two files, which the first one finds
    return ("_encoder.onnx", "OnnxSeq2Seq") if writes_sequences else (".onnx", "OnnxModel")


def describe(names: Sequence[str], engines: Sequence[str]) -> str:
    """The docstring of `predict.py`.

    Args:
        names: of the files that it opens.
        engines: the distributions that it needs.
    """
    name = names[0]
    return f'''"""Predictions of {", ".join(names)}, without TensorFlow and without rnn_keras.

    pip install numpy {" ".join(engines)}
    python {NAME} {name} INPUT ...

An input is a text, numbers as JSON, a .npy or .npz file, or an image file, as the model takes them; without one, each
line of standard input is. `--json` prints one JSON object; with `--stream`, each input continues from the state after
the one before; `--help` says more. From Python:

    from predict import open_model
    open_model("{name}").predict([...])

Written by rnn_keras {VERSION} from its own sources: do not edit it, export again. Apache License 2.0.
"""
'''
