"""An application whose inputs have one class each: scoring, predicting and plotting are the same for all of these."""

import abc
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rnn_keras.cli.app import App
from rnn_keras.cli.protocols import FinishedRun

if TYPE_CHECKING:
    import keras
    import numpy as np
    from matplotlib.figure import Figure

    from rnn_keras.data.classification_data import ClassificationData
    from rnn_keras.training.train import TrainedNetwork


class ClassifierApp(App):
    """An app with three methods: `load_data` (which returns a `ClassificationData`), `build_network`, `encode_inputs`.

    The saved model has a layer `label`, a StringLookup of the class names as `label_layer` makes it, and the network
    inside as the layer `network_name`. The network gives the probabilities of the classes, `(n, classes)`, or with two
    classes that of the second, `(n, 1)`.

    Attributes:
        network_name: the name of the network, a layer of the saved model.
    """

    network_name: str = "classifier"

    @abc.abstractmethod
    def encode_inputs(self, model: "keras.Model", inputs: Sequence[bytes]) -> "np.ndarray | list[np.ndarray]":
        """What the network reads for each input of `predict`: an array `(n, ...)`, or sequences `(time, ...)`.

        Raises:
            UserError: an input cannot be read.
        """

    def get_network(self, model: "keras.Model") -> "keras.Model":
        """The network inside a saved model."""
        return model.get_layer(self.network_name)  # pyright: ignore[reportReturnType]

    def get_class_names(self, model: "keras.Model") -> list[str]:
        """The classes of a saved model."""
        return model.get_layer("label").get_vocabulary()  # pyright: ignore[reportAttributeAccessIssue]

    def score(self, model: "keras.Model", data: "ClassificationData", split: str) -> dict[str, Any]:
        """Accuracy, macro F1, mean negative log-likelihood and the number of examples; see `classification_metrics`."""
        from rnn_keras.data.classification_data import predict_probabilities
        from rnn_keras.training.metrics import classification_metrics

        probabilities = predict_probabilities(self.get_network(model), data.inputs(split))
        return classification_metrics(probabilities, data.labels(split))

    def predict(self, run: FinishedRun, inputs: Sequence[bytes]) -> list[dict]:
        """The `label` of each input, its `score` (see `describe_score`), and the `probabilities` of all classes."""
        from rnn_keras.data.classification_data import predict_probabilities

        names = self.get_class_names(run.model)
        encoded = self.encode_inputs(run.model, inputs)
        return [
            {
                "label": names[row.argmax()],
                "score": self.describe_score(row),
                "probabilities": dict(zip(names, row.tolist(), strict=True)),
            }
            for row in predict_probabilities(self.get_network(run.model), encoded)
        ]

    def describe_score(self, probabilities: "np.ndarray") -> float:
        """The number beside the label, of the probabilities `(classes,)`; default: that of the label."""
        return float(probabilities.max())

    def plot(self, trained: "TrainedNetwork", model: "keras.Model", data: Any, config: Any) -> "dict[str, Figure]":
        """`confusion.png` of the test split."""
        from rnn_keras.data.classification_data import predict_probabilities
        from rnn_keras.training.plots import plot_confusion_matrix

        predicted = predict_probabilities(self.get_network(model), data.inputs("test")).argmax(axis=1)
        return {"confusion": plot_confusion_matrix(data.labels("test"), predicted, data.class_names)}
