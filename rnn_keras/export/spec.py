"""What an app says of its model so that it can be exported and the files held against it."""

import dataclasses
from collections.abc import Callable, Sequence

import keras
import numpy as np


@dataclasses.dataclass(frozen=True)
class ExportSpec:
    """A trained model, and what its files are measured with.

    Args:
        model: raw inputs in, answers out, whose weights and vocabularies go into the SavedModel.
        endpoint: a tf.function with an input signature; see `export_saved_model`.
        network: the part on tensors, with one input `(batch, steps, ...)` and one output `(batch, ...)`.
        steps: the most steps that the network is given.
        tensors: raw inputs -> the network's inputs, a list of `(steps, ...)`.
        scores: the SavedModel's dict of outputs for raw inputs -> the network's outputs, `(n, ...)`.
        files: a quantisation -> what travels inside its LiteRT file, by name; with a vocabulary among it the file is
            given raw inputs, else tensors.
        examples: raw inputs, of the test split.
        calibration: raw inputs, of the training split, for full int8.
        decide: the network's outputs `(n, ...)` -> decisions `(n,)` that must not change.
        metric: the network's outputs for `examples` -> the task's metric.
        metric_name: its name.
        in_step: whether the network has an output for each step of its input, `(batch, steps, ...)`. Then the examples
            are tensors `(steps, ...)` themselves, which the SavedModel takes as its argument `steps`, with their
            `lengths`; and for the three functions above, and for files held against Keras, n is the number of the steps
            of all of them.
        litert: a quantisation -> a LiteRT file's content without what travels inside, of a model that is more than one
            network with one input and one output. It has no ONNX form.
        expected: a format -> Keras's answers to the examples, `(n,)`, where these rather than scores are compared;
            default: the network's outputs.
    """

    model: keras.Model
    endpoint: Callable
    network: keras.Model
    steps: int
    tensors: Callable[[Sequence], list[np.ndarray]]
    scores: Callable[[dict], np.ndarray]
    files: Callable[[str], dict[str, bytes]]
    examples: Sequence[bytes]
    calibration: Sequence[bytes]
    decide: Callable[[np.ndarray], np.ndarray]
    metric: Callable[[np.ndarray], float]
    metric_name: str
    in_step: bool = False
    litert: Callable[[str], bytes] | None = None
    expected: Callable[[str], np.ndarray] | None = None
