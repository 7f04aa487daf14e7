"""What models that predict numbers are exported as: tensors in, numbers out."""

from collections.abc import Callable, Sequence

import keras
import numpy as np

from rnn_keras.export.spec import Comparison, Conversion, ExportSpec

CALIBRATION_EXAMPLES = 200
SHARE_OF_DEVIATION = 0.05

Sample = Callable[[str, int], tuple[Sequence[np.ndarray], np.ndarray]]


def regression_spec(
    model: keras.Model,
    sample: Sample,
    examples: int,
    *,
    network: keras.Model | None = None,
    tolerance: float | None = None,
    metric: Callable[[np.ndarray, np.ndarray], float] | None = None,
    metric_name: str = "mse",
    output: str = "output",
    steps: int | None = None,
) -> ExportSpec:
    """The `ExportSpec` of a model whose inputs are tensors and whose outputs are numbers.

    Args:
        model: one tensor in, numbers out.
        sample: a split (`train` or `test`) and a number -> at most that many inputs of the split, tensors `(...)`, and
            their targets `(n, ...)`.
        examples: the most inputs of the test split to compare; 0: none.
        network: the part of the model on tensors; default: the model itself.
        tolerance: by how much a file's numbers may differ from Keras's; default: a twentieth of the standard deviation
            of the targets.
        metric: outputs and targets, both `(n, ...)` -> a value of the report; default: the mean squared error.
        metric_name: its name in the report.
        output: see `ExportSpec`.
        steps: see `Conversion`.

    Example:
        >>> def sample(split, number):
        ...     inputs, targets = data.windows[split]
        ...     return list(inputs[:number]), targets[:number]
        >>> spec = regression_spec(model, sample, examples=1000)
    """
    inputs, targets = sample("test", examples) if examples else ((), np.zeros(0))
    if tolerance is None:
        tolerance = SHARE_OF_DEVIATION * float(np.std(targets)) if len(inputs) else 0.0

    def score(outputs: np.ndarray) -> float:
        outputs = outputs.reshape(targets.shape)
        return float(np.mean(np.square(outputs - targets))) if metric is None else metric(outputs, targets)

    return ExportSpec(
        model=model,
        network=network or model,
        encode=list,
        comparison=Comparison(inputs, score, metric_name, tolerance=tolerance),
        output=output,
        calibration=lambda: sample("train", CALIBRATION_EXAMPLES)[0],
        conversion=Conversion(steps=steps),
    )
