"""Gradient flows in a file, so that a training run that resumes after it was killed has those from before."""

from pathlib import Path
from typing import Any

import numpy as np

from rnn_keras.diagnostics.gradient_flow import GradientFlow
from rnn_keras.utils.files import atomic_write

LAYER = "layer"


def write_flows(path: Path, flows: list[tuple[int, GradientFlow]]) -> None:
    """Writes `(epoch, flow)` of one layer to an .npz file.

    Raises:
        UserError: the file cannot be written.
    """
    arrays: dict[str, Any] = {LAYER: flows[0][1].name}
    for epoch, flow in flows:
        arrays |= {f"{epoch} {name}": norms for name, norms in flow.per_example.items()}
    with atomic_write(path) as temporary:
        np.savez(temporary, **arrays)


def read_flows(path: Path) -> list[tuple[int, GradientFlow]]:
    """Reads what `write_flows` wrote; an empty list where there is no such file."""
    if not path.exists():
        return []
    by_epoch: dict[int, dict[str, np.ndarray]] = {}
    with np.load(path) as arrays:
        layer = str(arrays[LAYER])
        for key in arrays.files:
            if key != LAYER:
                epoch, name = key.split(" ", 1)
                by_epoch.setdefault(int(epoch), {})[name] = arrays[key]
    return [(epoch, GradientFlow(norms, layer)) for epoch, norms in by_epoch.items()]
