"""Files for microcontrollers against the networks that they were made from, in tflite-micro's own interpreter."""

import keras
import numpy as np
import pytest

from rnn_keras.export.litert.conversion import convert
from rnn_keras.export.micro.arena import measure_arena
from rnn_keras.layers import GRU, LSTM, SimpleRNN
from rnn_keras.utils.errors import UserError

runtime = pytest.importorskip("tflite_micro.python.tflite_micro.runtime", reason="tflite-micro is not installed")

ARENA = 2_000_000
TOLERANCE = {"none": 1e-5, "int8": 0.08}  # of the range of the outputs


def run_micro(content, sequences):
    """The outputs for each sequence, one after the other."""
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=ARENA)
    outputs = []
    for sequence in sequences:
        interpreter.reset()
        interpreter.set_input(sequence[np.newaxis], 0)
        interpreter.invoke()
        outputs.append(interpreter.get_output(0)[0])
    return np.stack(outputs)


def require_close(model, sequences, quantisation, *, tested=4, **options):
    content = convert(model, sequences.shape[1], quantisation, list(sequences[:-tested]), target="micro", **options)
    expected = model(sequences[-tested:]).numpy()
    errors = np.abs(run_micro(content, sequences[-tested:]) - expected)
    assert errors.max() < TOLERANCE[quantisation] * np.ptp(expected)
    return content


def draw(count, steps, features=6):
    return np.random.default_rng(1).normal(size=(count, steps, features)).astype("float32")


def sequence_model(cell, *, units=10, layers=2, steps=20, features=6):
    keras.utils.set_random_seed(1)
    inputs = x = keras.Input((steps, features))
    for _ in range(layers - 1):
        x = keras.layers.Bidirectional(cell(units, return_sequences=True))(x)
    return keras.Model(inputs, keras.layers.Dense(3)(cell(units)(x)))


@pytest.mark.parametrize(
    ("cell", "quantisation"),
    [
        (GRU, "none"),
        (LSTM, "int8"),
        *(
            pytest.param(cell, quantisation, marks=pytest.mark.slow)
            for cell in (GRU, LSTM, SimpleRNN, keras.layers.GRU, keras.layers.LSTM)
            for quantisation in ("none", "int8")
        ),
    ],
)
def test_equals_keras(cell, quantisation, in_process):
    require_close(sequence_model(cell), draw(40, 20), quantisation)


@pytest.mark.slow
@pytest.mark.parametrize("quantisation", ["none", "int8"])
@pytest.mark.parametrize("cell", [GRU, LSTM])
def test_masked_ids_equal_keras(cell, quantisation, in_process):
    keras.utils.set_random_seed(1)
    ids = keras.Input((12,), dtype="int32")
    x = keras.layers.Embedding(20, 6, mask_zero=True, embeddings_initializer="normal")(ids)
    x = keras.layers.Bidirectional(cell(8, return_sequences=True))(x)
    model = keras.Model(ids, keras.layers.Dense(3)(cell(8)(x)))
    generator = np.random.default_rng(1)
    sequences = generator.integers(1, 20, (40, 12)).astype("int32")
    for sequence in sequences:
        sequence[generator.integers(1, 13) :] = 0
    require_close(model, sequences, quantisation, padding="unused")


@pytest.mark.slow
@pytest.mark.parametrize("quantisation", ["none", "int8"])
def test_four_stacked_lstms_of_hundred_steps_come_to_an_end(quantisation, in_process):
    """What Keras 3 and LiteRT's converter make of this network changes the shapes of tensors, which are planned for one
    step: tflite-micro then writes over its loop counter, and never ends, or is wrong.
    """
    keras.utils.set_random_seed(1)
    network = keras.Sequential([keras.Input((100, 32))])
    for _ in range(4):
        network.add(keras.layers.LSTM(128, return_sequences=True))
    content = require_close(network, draw(24, 100, 32), quantisation)
    assert measure_arena(content) < 300_000


@pytest.mark.slow
def test_the_arena_is_what_the_file_needs(in_process):
    content = convert(sequence_model(GRU), 20, "int8", list(draw(20, 20)), target="micro")
    arena = measure_arena(content)
    runtime.Interpreter.from_bytes(content, arena_size=arena).invoke()
    with pytest.raises(RuntimeError, match="failed to allocate"):
        runtime.Interpreter.from_bytes(content, arena_size=arena - 64)


@pytest.mark.slow
def test_a_file_that_no_microcontroller_runs_is_a_sentence(in_process):
    content = convert(sequence_model(GRU), 20, "none")
    with pytest.raises(UserError, match=r"tflite-micro cannot run this file: .*export it with target='micro'"):
        measure_arena(content)


def test_other_quantisations_are_refused():
    with pytest.raises(UserError, match="files for microcontrollers are none or int8; got the quantisation dynamic"):
        convert(sequence_model(GRU), 20, "dynamic", target="micro")
