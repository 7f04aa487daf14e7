"""Exported files of many models against Keras: kind x layers x directions x mask x library, in every format.

    python -m benchmarks.export_table [--seeds 10] [--only "LSTM 2"] [--json]

Each model reads 50 sequences, of different lengths where it has a mask or the file takes any length. A row has the mean
and the largest difference from Keras over all seeds, in percent of the range of Keras's outputs. It exits with 1 if a
file in floating point differs by more than 1e-5, or an 8-bit one by more than 1 % in the mean or 8 % anywhere.
"""

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import rnn_keras
from rnn_keras.export.bundle import compute_all_outputs
from rnn_keras.export.litert import conversion as litert_conversion
from rnn_keras.export.litert import converter
from rnn_keras.export.measure import flatten_outputs
from rnn_keras.export.onnx import conversion as onnx_conversion
from rnn_keras.export.spec import description_file
from rnn_keras.runtime.litert_model import append_associated_files
from rnn_keras.runtime.network import PADDED
from rnn_keras.utils.terminal import console
from rnn_keras.utils.tf_logging import silent_stderr

KINDS = ("SimpleRNN", "LSTM", "GRU")
LIBRARIES = {"ours": rnn_keras, "keras": keras.layers}
MASKS = ("none", "right", "holes")
FORMATS = ("onnx", "none", "dynamic", "float16", "int8")  # the last four are LiteRT's
FEATURES, UNITS, SEQUENCES, CALIBRATION, LONGEST = 8, 32, 50, 200, 60
LIMITS = {"onnx": (1e-5, 1e-5), "none": (1e-5, 1e-5), "int8": (0.01, 0.08)}  # mean and largest, as shares of the range


def iterate_models() -> Iterator[tuple[str, int, int, str, str]]:
    """Kind, layers, directions, mask, library."""
    return itertools.product(KINDS, (1, 2), (1, 2), MASKS, LIBRARIES)


def build_model(kind: str, layers: int, directions: int, mask: str, library: str) -> keras.Model:
    """The model, with an output at its last step."""
    inputs = x = keras.Input((None, FEATURES), name="x")
    if mask != "none":
        x = keras.layers.Masking()(x)
    for number in range(layers):
        layer = getattr(LIBRARIES[library], kind)(UNITS, return_sequences=number < layers - 1)
        x = keras.layers.Bidirectional(layer)(x) if directions == 2 else layer(x)
    return keras.Model(inputs, keras.layers.Dense(4)(x))


def make_sequences(count: int, mask: str, seed: int, *, is_fixed: bool) -> list[np.ndarray]:
    """Sequences `(steps, features)`, with all-zero steps for a mask of holes."""
    generator = np.random.default_rng(seed)
    lengths = [LONGEST if is_fixed else 1 + number * (LONGEST - 1) // (count - 1) for number in range(count)]
    rows = [generator.normal(size=(length, FEATURES)).astype("float32") for length in lengths]
    if mask == "holes":
        for row in rows:
            row[generator.random(len(row)) < 0.2] = 0
    return rows


def measure(model: keras.Model, format: str, mask: str, seed: int) -> tuple[float, float]:
    """The mean and the largest difference from Keras, as shares of the range of its outputs."""
    is_fixed = format == "int8" and mask == "none"
    rows = make_sequences(SEQUENCES, mask, seed, is_fixed=is_fixed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("model.onnx" if format == "onnx" else "model.tflite")
        if format == "onnx":
            path.write_bytes(onnx_conversion.convert(model, {}))
            runner: Any = rnn_keras.OnnxModel(path)
        else:
            calibration = make_sequences(CALIBRATION, mask, seed + 1000, is_fixed=is_fixed) if format == "int8" else ()
            content = litert_conversion.convert(model, LONGEST, format, calibration)
            path.write_bytes(append_associated_files(content, description_file({PADDED: {"x": 0.0}})))
            runner = rnn_keras.LiteRTModel(path)
        found = np.concatenate([flatten_outputs({"output": runner.run_one(row)[0]}) for row in rows])
    expected = compute_all_outputs(model, rows)
    differences = np.abs(found - expected) / np.ptp(expected)
    return float(differences.mean()), float(differences.max())


def convert_here(folder: str, quantisation: str) -> None:
    """The converter in this process: a crash would be seen, and each start of a process takes seconds."""
    with silent_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converter.main(folder, quantisation)


def main() -> int:
    """Measures, prints, and says by its status whether all is within the limits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="of each model in int8; other formats have one")
    parser.add_argument("--only", default="", help='models whose name has this, such as "LSTM 2"')
    parser.add_argument("--json", action="store_true", help="the rows as one JSON list, and nothing else")
    options = parser.parse_args()
    litert_conversion.run_converter = convert_here
    rows, fails = [], 0
    for choice in iterate_models():
        name = "{} {} x{} mask {} {}".format(*choice)
        if options.only not in name:
            continue
        started, row = time.perf_counter(), {"model": name}
        for format in FORMATS:
            results = []
            for seed in range(1, (options.seeds if format == "int8" else 1) + 1):
                keras.utils.set_random_seed(seed)
                results.append(measure(build_model(*choice), format, choice[3], seed))
            mean, largest = max(result[0] for result in results), max(result[1] for result in results)
            row |= {f"{format}_mean": mean, f"{format}_largest": largest}
            limit = LIMITS.get(format, (np.inf, np.inf))
            fails += mean > limit[0] or largest > limit[1]
        rows.append(row)
        cells = "  ".join(f"{format} {100 * row[f'{format}_largest']:.1e} %" for format in FORMATS)
        int8 = f"int8 mean {100 * row['int8_mean']:.2f} %"
        line = f"{name:36} {cells}  {int8}  {time.perf_counter() - started:.0f} s"
        if not options.json:
            console.print(line, highlight=False)
    if options.json:
        print(json.dumps(rows))
    else:
        console.print(f"{len(rows)} models, {fails} files outside of the limits")
    return int(fails > 0)


if __name__ == "__main__":
    sys.exit(main())
