"""The recurrent layers on a GPU, where cuDNN computes them: beside keras.layers and torch, and in one app's epoch.

`python -m benchmarks.gpu` ends within five minutes. No GPU could be had so far, so there are no figures of it.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from benchmarks.candidates import (
    FAMILIES,
    KERAS_GRAPH,
    OURS,
    TORCH,
    Size,
    has_torch,
    make_keras,
    make_torch,
    time_call,
    time_medians,
)
from benchmarks.layers import describe_machine
from rnn_keras.utils.tf_logging import import_tensorflow, quiet_tensorflow

SIZES = (Size(32, 128, 64, 64), Size(64, 200, 128, 64), Size(64, 100, 256, 256), Size(256, 200, 512, 512))


@dataclass
class Options:
    """Time a training step and a forward pass of each layer on the GPU, and an epoch of the app sentiment."""

    seconds: float = 150.0
    """No further size begins after so long; the app's epoch comes after."""
    repeats: int = 15
    """How often each candidate is timed."""
    epoch: bool = True
    """Whether to train the app for an epoch."""
    on_cpu: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Run on the CPU, to try this program where there is no GPU."""


def main(options: Options) -> None:
    quiet_tensorflow()
    import_tensorflow()
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus and not options.on_cpu:
        sys.exit("TensorFlow sees no GPU here; `pip install tensorflow[and-cuda]` where there is one")
    report: dict[str, Any] = {"machine": describe_machine(2), "device": "cpu", "times": []}
    if gpus and not options.on_cpu:
        report["device"] = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
    started = time.monotonic()
    for size in SIZES:
        for family in FAMILIES:
            if time.monotonic() - started < options.seconds:
                report["times"] += time_candidates(family, size, options)
                print(json.dumps(report["times"][-2:]), file=sys.stderr)
    if options.epoch:
        report["epoch_seconds"] = time_epoch()
    print(json.dumps(report))


def time_candidates(family: str, size: Size, options: Options) -> list[dict[str, Any]]:
    """Median seconds of both tasks, with what a call gives waited for."""
    import numpy as np
    import tensorflow as tf

    x = np.random.default_rng(1).standard_normal(size[:3]).astype("float32")
    rows = []
    with tf.device("CPU" if options.on_cpu else "GPU"):
        candidates = {name: make_keras(family, size, x, None, name) for name in (OURS, KERAS_GRAPH)}
        if has_torch():
            candidates[TORCH] = make_torch(family, size, x, None, 2, "cpu" if options.on_cpu else "cuda")
        for task in ("forward", "training"):
            functions = {name: tasks[task] for name, tasks in candidates.items()}
            medians = time_medians(functions, options.repeats, warm_ups=2, time_turn=time_until_computed)
            rows.append({"family": family, "size": list(size), "task": task, "seconds": medians})
    return rows


def time_until_computed(function: Callable[[], Any]) -> float:
    """Seconds of a call, until the device has computed what it gives."""
    return time_call(lambda: wait_for(function()))


def wait_for(result: Any) -> None:
    """Returns when the device has computed a result: reading a number of it waits; torch has a call for this."""
    if hasattr(result, "numpy") and not hasattr(result, "is_cuda"):
        result[0, 0, 0].numpy()
    elif isinstance(result, list):
        result[0][0, 0, 0].numpy()
    elif has_torch():
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()


def time_epoch() -> float:
    """Seconds of an epoch of the app sentiment on its packaged reviews."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [sys.executable, "-m", "apps.sentiment", "train", "--epochs", "2", "--run-dir", str(run)]
        subprocess.run(command, check=True, capture_output=True)
        return json.loads((run / "metrics.json").read_text())["seconds"]["epoch"]


if __name__ == "__main__":
    main(tyro.cli(Options))
