"""An application that classifies images."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rnn_keras.cli.classifier import ClassifierApp
from rnn_keras.training.config import TrainingConfig

if TYPE_CHECKING:
    import keras
    import numpy as np

    from rnn_keras.data.classification_data import ClassificationData
    from rnn_keras.export.spec import ExportSpec


@dataclasses.dataclass(frozen=True)
class ImageClassifierConfig(TrainingConfig):
    """Settings of the images."""

    dataset: str = "digits"
    """Data to learn from: digits (bundled with scikit-learn), any TFDS name with an image and a label (mnist,
    fashion_mnist), or a path to a folder with a subfolder of PNG or JPEG images for each class."""
    size: int | None = None
    """Height and width that images are scaled to, at least 4; default: the data's own up to 64 (digits 8, mnist 28),
    and 28 where there is no one size, and for folders."""
    color: bool = False
    """Keep the colours of the images; else they become grey."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("size", self.size is None or self.size >= 4, "at least 4")


class ImageClassifierApp(ClassifierApp):
    """An exportable app with two methods: `build_network`, on pixels, and `build_model`, with the decoding of files.

    The data are a `ClassificationData` whose inputs are pixels `(n, size, size, channels)` uint8.
    """

    inputs_are_files = True

    def check_source(self, config: Any) -> None:
        from rnn_keras.data.image_classification import check_image_source

        check_image_source(config.dataset, config.data_dir)

    def load_data(
        self, config: Any, class_names: Sequence[str] | None = None, paper: int | None = None
    ) -> "ClassificationData":
        from rnn_keras.data.classification_data import ClassificationData
        from rnn_keras.data.image_classification import load_image_dataset

        images = load_image_dataset(
            config.dataset,
            config.data_dir,
            size=config.size,
            channels=3 if config.color else 1,
            paper=paper,
            class_names=class_names,
        )
        height, width, channels = images.everything.images.shape[1:]
        details = f"{height} x {width}, {'grey' if channels == 1 else 'colour'}"
        return ClassificationData(images, lambda pixels: pixels, "images", details)

    def load_evaluation_data(self, model: "keras.Model", config: Any) -> "ClassificationData":
        _, size, _, channels = self.get_network(model).input_shape
        config = dataclasses.replace(config, size=size, color=channels == 3)
        return self.load_data(config, self.get_class_names(model), self.get_paper(model))

    def get_paper(self, model: "keras.Model") -> int:
        """What stands for padding and transparent parts in a saved model's images."""
        from rnn_keras.data.images import find_decoding

        decoding = find_decoding(model)
        return 0 if decoding is None else decoding.paper

    def encode_inputs(self, model: "keras.Model", inputs: Sequence[bytes]) -> "np.ndarray":
        """The pixels of image files, by their paths."""
        from rnn_keras.data.image_classification import read_images

        _, size, _, channels = self.get_network(model).input_shape
        return read_images(inputs, size, channels, self.get_paper(model))

    def export_spec(self, model: "keras.Model", config: Any, examples: int) -> "ExportSpec":
        """The SavedModel takes the bytes of image files, the other files take pixels."""
        from rnn_keras.export.classification import image_classification_spec

        load = functools.cache(lambda: self.load_evaluation_data(model, config).dataset)
        return image_classification_spec(model, load, examples)
