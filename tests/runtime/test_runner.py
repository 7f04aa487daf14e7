"""What the runners of exported files answer, of networks whose outputs are known."""

import json

import numpy as np
import pytest

from rnn_keras.runtime.network import NetworkRunner
from rnn_keras.runtime.runner import DESCRIPTION


class Known(NetworkRunner):
    """A file with this description, whose network gives these outputs for every batch."""

    def __init__(self, outputs, description=None):
        files = {} if description is None else {DESCRIPTION: json.dumps(description).encode()}
        super().__init__("known.tflite", files)
        self.known = np.array(outputs, "float32")
        self.connect({"x": ((None, None, None), np.dtype("float32"))}, ["output"])

    def compute(self, feeds, *, reset):
        return {"output": self.known}


NO_YES = {"no": 0.25, "yes": 0.75}


@pytest.mark.parametrize(
    ("outputs", "description", "expected"),
    [
        ([[0.5]], None, [{"output": 0.5}]),
        ([[0.5, 2.0]], None, [{"output": [0.5, 2.0]}]),
        ([[[1.0], [2.0]]], {"letters": "abc"}, [{"output": [[1.0], [2.0]]}]),
        ([[[1.0], [2.0]]], {"per_step": True}, [{"output": 1.0}, {"output": 2.0}]),
        ([[0.75]], {"labels": ["no", "yes"]}, [{"label": "yes", "score": 0.75, "probabilities": NO_YES}]),
        ([[0.25, 0.75]], {"labels": ["no", "yes"]}, [{"label": "yes", "score": 0.75, "probabilities": NO_YES}]),
        (
            [[0.25]],
            {"labels": ["yes", "no"]},
            [{"label": "yes", "score": 0.25, "probabilities": {"yes": 0.75, "no": 0.25}}],
        ),
        (
            [[0.25, 0.5, 0.25]],
            {"labels": ["a", "b", "c"]},
            [{"label": "b", "score": 0.5, "probabilities": {"a": 0.25, "b": 0.5, "c": 0.25}}],
        ),
        (
            [[0.25, 0.75]],
            {"labels": ["no", "yes"], "score": "of_label"},
            [{"label": "yes", "score": 0.75, "probabilities": NO_YES}],
        ),
    ],
)
def test_predictions_of_files_with_labels_and_without(outputs, description, expected):
    assert Known(outputs, description).predict([np.zeros((3, 1))]) == expected
