"""What models that choose among classes are exported as: a label and a score for each input, or for each step."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

import keras
import numpy as np

from rnn_keras.data.image_classification import ImageDataset
from rnn_keras.data.image_files import encode_kinds
from rnn_keras.data.images import ImageDecoding, find_decoding
from rnn_keras.data.text import encode_texts
from rnn_keras.data.text_classification import TextDataset
from rnn_keras.export.spec import Comparison, Conversion, ExportSpec, RawInput, decide_class, description_file
from rnn_keras.runtime.runner import VOCABULARY

CALIBRATION_EXAMPLES = 200


class Options(TypedDict, total=False):
    """What these functions hand on to `ExportSpec`."""

    output: str | None
    outputs: Sequence[str] | None
    per_step: bool
    conversion: Conversion


Sample = Callable[[str, int], tuple[Sequence[RawInput], np.ndarray]]


def classification_spec(
    model: keras.Model,
    sample: Sample,
    examples: int,
    *,
    encode: Callable[[Sequence], list[np.ndarray]],
    network: keras.Model | None = None,
    description: Mapping[str, Any] | None = None,
    files: Callable[[str], Mapping[str, bytes]] | None = None,
    metric_name: str = "accuracy",
    calibration_examples: int = CALIBRATION_EXAMPLES,
    **options: Unpack[Options],
) -> ExportSpec:
    """The `ExportSpec` of a model with a layer `label`, as `rnn_keras.data.classification.label_layer` makes it.

    Args:
        model: raw inputs in, predictions out.
        sample: a split (`train` or `test`) and a number -> at most that many raw inputs of the split, and their labels
            `(n,)`; of a model with `per_step`, tensors `(steps, ...)` and the labels of all their steps.
        examples: the most inputs of the test split to compare; 0: none.
        encode: see `ExportSpec`.
        network: see `ExportSpec`; default: the layer `classifier`.
        description: what the description inside the files says besides `labels`; see `NetworkRunner.predict`.
        files: a quantisation -> the files inside; default: the description alone.
        metric_name: the name of the accuracy in the report.
        calibration_examples: how many training inputs calibrate int8.
        options: `output`, `outputs`, `conversion` and `per_step` of `ExportSpec`.

    Example:
        >>> def sample(split, number):
        ...     images = load_image_dataset("digits").sample(split, number)
        ...     return encode_images(images.images), images.labels
        >>> spec = classification_spec(model, sample, examples=1000, encode=decode_images)
    """
    inputs, labels = sample("test", examples) if examples else ((), np.zeros(0, int))
    described = {"labels": get_class_names(model), **(description or {})}
    if options.get("per_step"):
        described["per_step"] = True
    return ExportSpec(
        model=model,
        network=network or get_network(model, "classifier"),
        encode=encode,
        comparison=Comparison(inputs, lambda outputs: float(np.mean(decide_class(outputs) == labels)), metric_name),
        files=files or (lambda quantisation: description_file(described)),
        calibration=lambda: sample("train", calibration_examples)[0],
        **options,
    )


def text_classification_spec(
    model: keras.Model, load: Callable[[], TextDataset], examples: int, **options: Unpack[Options]
) -> ExportSpec:
    """The `ExportSpec` of a model that classifies raw texts by a layer `text_vectorization`.

    The vocabulary and the tokenizer are inside the files, which therefore read raw texts.

    Args:
        model: see `classification_spec`.
        load: returns the texts; it is called if examples are needed.
        examples, options: see `classification_spec`.
    """
    vectorization: Any = model.get_layer("text_vectorization")
    specification = functools.cache(vectorization.get_config()["split"].specification)  # it takes seconds

    def sample(split: str, number: int) -> tuple[list[bytes], np.ndarray]:
        found = load().sample(split, number)
        texts = [text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass") for text in found.texts]
        return texts, found.labels

    def files(quantisation: str) -> dict[str, bytes]:
        # Unrolled 8-bit loops crash XNNPACK.
        xnnpack = quantisation != "int8"
        described = {"labels": get_class_names(model), "tokenizer": specification(), "xnnpack": xnnpack}
        return description_file(described) | {VOCABULARY: "\n".join(vectorization.get_vocabulary()).encode()}

    return classification_spec(
        model,
        sample,
        examples,
        encode=lambda texts: encode_texts(vectorization, texts),
        files=files,
        **options,
    )


def image_classification_spec(
    model: keras.Model, load: Callable[[], ImageDataset], examples: int, **options: Unpack[Options]
) -> ExportSpec:
    """The `ExportSpec` of a model that classifies the bytes of image files; the LiteRT and ONNX files take pixels.

    The files that are compared are of all kinds, see `encode_kinds`.

    Args:
        model: see `classification_spec`.
        load: returns the images; it is called if examples are needed.
        examples, options: see `classification_spec`.
    """
    network = get_network(model, "classifier")
    _, size, _, channels = network.input_shape
    decoding = find_decoding(model) or ImageDecoding(size, channels)

    def sample(split: str, number: int) -> tuple[list[bytes], np.ndarray]:
        found = load().sample(split, number)
        return encode_kinds(found.images, decoding.paper), found.labels

    return classification_spec(
        model,
        sample,
        examples,
        network=network,
        encode=lambda contents: [decoding.decode(content).numpy() for content in contents],
        description={"score": "of_label"},
        **options,
    )


def get_class_names(model: keras.Model) -> list[str]:
    """The vocabulary of a model's layer `label`."""
    layer: Any = model.get_layer("label")
    return layer.get_vocabulary()


def get_network(model: keras.Model, name: str) -> keras.Model:
    """A model's layer of that name, which is a model itself.

    Raises:
        TypeError: it is not a model.
    """
    layer = model.get_layer(name)
    if not isinstance(layer, keras.Model):
        raise TypeError(f"the layer {name!r} of {model.name!r} is not a model, but a {type(layer).__name__}")
    return layer
