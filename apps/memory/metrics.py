"""How much of what mattered is still there at the end."""

import keras
import numpy as np

from apps.memory.tasks import Adding, Task

EVALUATION_BATCH = 250


def answers(network: keras.Model, steps: np.ndarray) -> np.ndarray:
    """The network's outputs for all examples."""
    return network.predict(steps, batch_size=EVALUATION_BATCH, verbose=0)


def metrics(network: keras.Model, task: Task, steps: np.ndarray, truth: np.ndarray) -> dict:
    """Of the adding problem `mse` beside `baseline_mse`, that of always saying 1; of copying, the share of letters and
    of whole rows that are right, and `loss` in nats a letter beside the `baseline_loss` of guessing. `solved` says
    whether the error is below the task's limit."""
    found = answers(network, steps)
    if isinstance(task, Adding):
        error = found - truth
        mse = float(np.square(error).mean())
        return {
            "mse": mse,
            "baseline_mse": float(np.square(truth - 1).mean()),
            "mean_absolute_error": float(np.abs(error).mean()),
            "solved": mse < task.solved,
            "examples": len(truth),
        }
    likely = np.take_along_axis(found, truth[..., np.newaxis], axis=-1)
    right = found.argmax(axis=-1) == truth
    loss = float(-np.log(np.maximum(likely, 1e-7)).mean())
    return {
        "accuracy": float(right.mean()),
        "exact": float(right.all(axis=1).mean()),
        "loss": loss,
        "baseline_loss": task.baseline,
        "solved": loss < task.solved,
        "examples": len(truth),
    }
