"""What a SavedModel makes of its network's output, in NumPy, so that an ONNX file answers the same without TensorFlow.

The description inside a file says under `SIGNATURE` what the SavedModel of the same export takes and gives:

    {"inputs": {"text": {"dtype": "string", "shape": [null], "feeds": "ids"}},
     "outputs": {"label": {"dtype": "string", "shape": [null], "output": "probabilities", "answer": "label"}}}

`feeds` is the input of the file that the values go to, texts as ids; `answer` is the function here that makes the
values of the file's `output` those of the SavedModel.
"""

from collections.abc import Callable, Sequence

import numpy as np

SIGNATURE = "signature"  # in the description of a file


def get_probabilities(outputs: np.ndarray) -> np.ndarray:
    """`(..., classes)`; of an output `(..., 1)`, which is that of the second of two classes, both."""
    return np.concatenate([1 - outputs, outputs], axis=-1) if outputs.shape[-1] == 1 else outputs


def choose_labels(outputs: np.ndarray, labels: Sequence[bytes]) -> np.ndarray:
    """The label of the largest probability, bytes in an array of objects."""
    index = (outputs[..., 0] > 0.5).astype(int) if outputs.shape[-1] == 1 else outputs.argmax(axis=-1)
    return np.array(labels, object)[index]


Answer = Callable[[np.ndarray, Sequence[bytes]], np.ndarray]

# In the order in which a model's output is compared with them.
ANSWERS: dict[str, Answer] = {
    "same": lambda outputs, labels: outputs,
    "last": lambda outputs, labels: outputs[..., -1],  # the probability of the second of two classes
    "probabilities": lambda outputs, labels: get_probabilities(outputs),
    "largest": lambda outputs, labels: get_probabilities(outputs).max(axis=-1),
    "label": choose_labels,
}
