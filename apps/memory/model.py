"""One recurrent layer and a dense layer: only the recurrent layer can remember."""

from typing import Any

import keras
import numpy as np

from apps.memory.config import ForgetBias, MemoryConfig
from apps.memory.marked_numbers import MarkedNumbers
from apps.memory.tasks import BLANK, GO, LETTERS, AddingProblem, CopyTask, Task
from rnn_keras.data.open_vocabulary import Detokenizer
from rnn_keras.layers import OneHot
from rnn_keras.layers.by_name import RECURRENT_LAYERS

ops: Any = keras.ops  # Keras has no annotations, and the types inferred from all backends at once are wrong

RECURRENT_LAYER = "recurrent"  # the name of the recurrent layer
RESERVED_IDS = 4  # of Detokenizer, before its tokens


def build_network(config: MemoryConfig, task: Task) -> keras.Model:
    """Steps of the task -> its targets.

    Of the adding problem `(batch, time, 2)` -> sums `(batch, 1)`; of the copy task ids `(batch, time)` -> probabilities
    of each letter `(batch, items, letters)`.
    """
    settings = config.task_settings
    make_layer: Any = RECURRENT_LAYERS[config.cell]
    if isinstance(task, AddingProblem):
        inputs = keras.Input((None, 2), name="steps")
        x = make_layer(settings.units, name=RECURRENT_LAYER)(inputs)
        outputs = keras.layers.Dense(1, dtype="float32", name="sum")(x)
    else:
        inputs = keras.Input((None,), dtype="int32", name="ids")
        x: Any = OneHot(len(LETTERS) + GO + 1, name="one_hot")(inputs)
        x = make_layer(settings.units, return_sequences=True, name=RECURRENT_LAYER)(x)
        dense = keras.layers.Dense(len(LETTERS), activation="softmax", dtype="float32", name="letters")
        outputs = dense(x[:, -task.items :])
    network = keras.Model(inputs, outputs, name="network")
    layer = network.get_layer(RECURRENT_LAYER)
    initialize_forget_bias(layer, config.cell, settings.forget_bias, task.length, config.seed)
    return network


def initialize_forget_bias(layer: Any, cell: str, start: ForgetBias, length: int, seed: int) -> None:
    """Sets the bias of the gate that keeps the state: the forget gate of an LSTM, the update gate of a GRU.

    "chrono": f = log(u) with u uniform between 1 and the length of the task, so that a unit forgets in u steps, and an
    LSTM's input gate -f. Source: Tallec & Ollivier, Can recurrent neural networks warp time?, ICLR 2018, equation 16.

    Args:
        layer: the recurrent layer.
        cell: its kind; a SimpleRNN has no gate.
        start: where the gate starts.
        length: steps over which something is to be remembered.
        seed: of the times of "chrono".
    """
    if start == "chrono":
        times = np.random.default_rng(seed).uniform(1, max(length - 1, 2), layer.units)
        set_forget_bias(layer, cell, np.log(times), -np.log(times))
    else:
        set_forget_bias(layer, cell, {"zero": 0.0, "one": 1.0}[start])


def set_forget_bias(layer: Any, cell: str, forget_bias: Any, input_bias: Any = None) -> None:
    """Sets the bias of an LSTM's forget gate or a GRU's update gate; a SimpleRNN has none.

    Args:
        layer: the recurrent layer.
        cell: its kind.
        forget_bias: a number, or one for each unit.
        input_bias: that of an LSTM's input gate; None: it stays.
    """
    if cell == "simple_rnn":
        return
    kernel, recurrent_kernel, bias = layer.get_weights()
    units = layer.units
    if cell == "lstm":
        bias[units : 2 * units] = forget_bias
        if input_bias is not None:
            bias[:units] = input_bias
    else:
        bias[0, :units] = forget_bias
    layer.set_weights([kernel, recurrent_kernel, bias])


@keras.saving.register_keras_serializable(package="apps.memory.model")
class MemoryModel(keras.Model):
    """The saved model; `import apps.memory.model` before `keras.models.load_model`."""


def build_text_model(network: keras.Model, task: Task) -> keras.Model:
    """Raw texts `(batch,)` -> `sum (batch,)`, or `recalled (batch,)` and `probabilities (batch, items, letters)`.

    The texts are lines of numbers, two of them marked, such as `0.3* 0.5 0.2 0.9*`; or, of the copy task, the letters.
    """
    text = keras.Input((), dtype="string", name="text")
    if isinstance(task, AddingProblem):
        sums = ops.squeeze(network(MarkedNumbers(name="numbers")(text)), -1)
        return MemoryModel({"text": text}, {"sum": sums}, name=task.name)
    probabilities: Any = network(encode_letters(text, task))
    ids = ops.argmax(probabilities, axis=-1)
    recalled = Detokenizer([*[""] * RESERVED_IDS, *LETTERS], name="detokenizer")(ids + RESERVED_IDS)
    return MemoryModel({"text": text}, {"recalled": recalled, "probabilities": probabilities}, name=task.name)


def encode_letters(text: Any, task: CopyTask) -> Any:
    """Texts `(batch,)` -> the ids that the network reads, as `CopyTask.encode` makes them."""
    letters = keras.layers.TextVectorization(
        standardize="lower",
        split="character",
        vocabulary=list(LETTERS),
        output_sequence_length=task.items,
        name="letter_ids",
    )(text)
    ids = ops.cast(letters, "int32")  # 0 for nothing and 1 for what is not a letter, as the network's own
    ids = ops.pad(ids, [[0, 0], [0, task.length - 1]], constant_values=BLANK)
    return ops.pad(ids, [[0, 0], [0, 1 + task.items]], constant_values=GO)


def get_network(model: keras.Model) -> keras.Model:
    """The network inside a saved model."""
    return model.get_layer("network")  # pyright: ignore[reportReturnType]
