"""Gradient flows on the disk, so that a training that goes on after a kill still has those from before it."""

from pathlib import Path

import numpy as np

from rnn_keras.diagnostics.gradient_flow import GradientFlow
from rnn_keras.utils.files import atomic_write

LAYER = "layer"


def write_flows(path: Path, flows: list[tuple[int, GradientFlow]]) -> None:
    """`(epoch, flow)` of one layer, in an .npz file."""
    norms = {f"{epoch} {name}": norms for epoch, flow in flows for name, norms in flow.of_examples.items()}
    with atomic_write(path) as temporary:
        np.savez(temporary, **{LAYER: flows[0][1].name}, **norms)


def read_flows(path: Path) -> list[tuple[int, GradientFlow]]:
    """What `write_flows` wrote; nothing where there is no such file."""
    if not path.exists():
        return []
    of_epoch: dict[int, dict[str, np.ndarray]] = {}
    with np.load(path) as kept:
        layer = str(kept[LAYER])
        for key in kept.files:
            if key != LAYER:
                epoch, name = key.split(" ", 1)
                of_epoch.setdefault(int(epoch), {})[name] = kept[key]
    return [(epoch, GradientFlow(norms, layer)) for epoch, norms in of_epoch.items()]
