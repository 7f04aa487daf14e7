"""One recurrent layer and a readout: whatever is remembered, this layer remembers."""

import keras
import numpy as np
from keras import ops

from apps.memory.config import MemoryConfig
from apps.memory.marked_numbers import MarkedNumbers
from apps.memory.tasks import BLANK, GO, LETTERS, Adding, Copy, Task
from rnn_keras.data.open_vocabulary import JoinedText
from rnn_keras.layers import GRU, LSTM, OneHot, SimpleRNN

CELLS = {"simple_rnn": SimpleRNN, "lstm": LSTM, "gru": GRU}
MEMORY = "memory"  # the recurrent layer's name


def build_network(config: MemoryConfig, task: Task) -> keras.Model:
    """Of the adding problem `(batch, time, 2)` -> `(batch, 1)`; of copying, ids `(batch, time)` -> probabilities
    `(batch, items, letters)` of each letter."""
    cell = CELLS[config.cell]
    if isinstance(task, Adding):
        given = keras.Input((None, 2), name="steps")
        x = cell(config.units, name=MEMORY)(given)
        answer = keras.layers.Dense(1, dtype="float32", name="sum")(x)
    else:
        given = keras.Input((None,), dtype="int32", name="ids")
        x = OneHot(len(LETTERS) + GO + 1, name="one_hot")(given)
        x = cell(config.units, return_sequences=True, name=MEMORY)(x)
        decision = keras.layers.Dense(len(LETTERS), activation="softmax", dtype="float32", name="letters")
        answer = decision(x[:, -task.items :])
    network = keras.Model(given, answer, name="network")
    open_gates(network.get_layer(MEMORY), config, task)
    return network


def open_gates(layer: keras.layers.RNN, config: MemoryConfig, task: Task) -> None:
    """Sets what the bias of the gate that keeps the state starts with: an LSTM's forget gate, a GRU's update gate.

    "chrono": f = log(u) with u even between 1 and the length of the task, so that a unit forgets in u steps, and an
    LSTM's input gate -f. Source: Tallec & Ollivier, Can recurrent neural networks warp time?, ICLR 2018, equation 16.
    """
    if config.cell == "simple_rnn":
        return  # it has no gate
    units = config.units
    if config.forget_bias == "chrono":
        times = np.random.default_rng(config.seed).uniform(1, max(task.length - 1, 2), units)
        kept = np.log(times)
    else:
        kept = np.full(units, {"zero": 0.0, "one": 1.0}[config.forget_bias])
    kernel, recurrent_kernel, bias = layer.get_weights()
    if config.cell == "lstm":
        bias[units : 2 * units] = kept
        if config.forget_bias == "chrono":
            bias[:units] = -kept
    else:
        bias[0, :units] = kept
    layer.set_weights([kernel, recurrent_kernel, bias])


def build_text_model(network: keras.Model, task: Task) -> keras.Model:
    """Raw texts `(batch,)` -> the answers; see the README for their form."""
    text = keras.Input((), dtype="string", name="text")
    if isinstance(task, Adding):
        answers = {"sum": ops.squeeze(network(MarkedNumbers(name="numbers")(text)), -1)}
        return keras.Model({"text": text}, answers, name=task.name)
    probabilities = network(steps_of_letters(text, task))
    ids = ops.argmax(probabilities, axis=-1)
    joined = JoinedText([*[""] * 4, *LETTERS], name="joined")(ids + 4)
    return keras.Model({"text": text}, {"recalled": joined, "probabilities": probabilities}, name=task.name)


def steps_of_letters(text, task: Copy):
    """Texts `(batch,)` -> the ids that the network reads, as `Copy.steps` makes them."""
    letters = keras.layers.TextVectorization(
        standardize="lower",
        split="character",
        vocabulary=list(LETTERS),
        output_sequence_length=task.items,
        name="letter_ids",
    )(text)
    ids = ops.cast(letters, "int32")  # 0 for nothing and 1 for what is no letter, as the network's own
    ids = ops.pad(ids, [[0, 0], [0, task.length - 1]], constant_values=BLANK)
    ids = ops.pad(ids, [[0, 0], [0, 1]], constant_values=GO)
    return ops.pad(ids, [[0, 0], [0, task.items]], constant_values=BLANK)
