"""How much of what was to be remembered is still there at the end."""

from typing import Any

import keras
import numpy as np

from apps.memory.data import EVALUATION_BATCH
from apps.memory.tasks import AddingProblem, Task


def compute_metrics(network: keras.Model, task: Task, steps: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
    """The metrics of a network on examples of its task.

    Args:
        network: as `build_network` made it.
        task: what it was trained on.
        steps, targets: as the task generates them.

    Returns:
        For the adding problem `mse` beside `baseline_mse`, that of always predicting 1. For the copy task the shares of
        letters and of complete examples that are right, `accuracy` and `exact`, and `loss` in nats per letter beside
        the `baseline_loss` of guessing. For both `solved`, whether the error is below the task's limit.
    """
    outputs = network.predict(steps, batch_size=EVALUATION_BATCH, verbose=0)  # pyright: ignore[reportArgumentType]
    if isinstance(task, AddingProblem):
        error = outputs - targets
        mse = float(np.square(error).mean())
        return {
            "mse": mse,
            "baseline_mse": float(np.square(targets - 1).mean()),
            "mean_absolute_error": float(np.abs(error).mean()),
            "solved": mse < task.solved_below,
            "examples": len(targets),
        }
    probabilities = np.take_along_axis(outputs, targets[..., np.newaxis], axis=-1)
    correct = outputs.argmax(axis=-1) == targets
    loss = float(-np.log(np.maximum(probabilities, 1e-7)).mean())
    return {
        "accuracy": float(correct.mean()),
        "exact": float(correct.all(axis=1).mean()),
        "loss": loss,
        "baseline_loss": task.baseline,
        "solved": loss < task.solved_below,
        "examples": len(targets),
    }
