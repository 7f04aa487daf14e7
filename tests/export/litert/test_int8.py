"""8-bit LiteRT files against the networks that they were made from."""

import keras
import numpy as np
import pytest
from tensorflow.lite.python import schema_py_generated as schema

from rnn_keras.export.litert.conversion import convert
from rnn_keras.export.litert.flatbuffer import FlatGraph, FlatModel
from rnn_keras.export.litert.step import NumpyOperations, read_weights, step_cell
from rnn_keras.layers import GRU, LSTM, SimpleRNN
from rnn_keras.runtime import LiteRTModel

FAMILIES = (LSTM, GRU, SimpleRNN)
FEATURES = 8


def stack(cell, layers, *, units=32, both=False, steps=None):
    inputs = x = keras.Input((steps, FEATURES), name="series")
    for _ in range(layers):
        layer = cell(units, return_sequences=True)
        x = keras.layers.Bidirectional(layer)(x) if both else layer(x)
    return keras.Model(inputs, x)


def draw(count, steps, seed=0):
    return np.random.default_rng(seed).normal(size=(count, steps, FEATURES)).astype("float32")


def find_errors(model, sequences, tmp_path, *, tested=6):
    """The mean and the largest error, as parts of the range of the outputs, of a file that the others calibrate."""
    path = tmp_path / "model.tflite"
    path.write_bytes(convert(model, sequences.shape[1], "int8", list(sequences[:-tested])))
    file = LiteRTModel(path)
    expected = model(sequences[-tested:]).numpy()
    errors = np.abs(np.concatenate([file.run(x[np.newaxis])[0] for x in sequences[-tested:]]) - expected)
    return errors.mean() / np.ptp(expected), errors.max() / np.ptp(expected), file


@pytest.mark.parametrize("cell", [LSTM, GRU, pytest.param(SimpleRNN, marks=pytest.mark.slow)])
def test_stacked_layers_are_close(cell, tmp_path, in_process):
    """With the converter's own ranges, the second LSTM had a cell state that the runtime's kernel leaves uncomputed."""
    keras.utils.set_random_seed(2)
    mean, largest, file = find_errors(stack(cell, 2), draw(26, 20, seed=2), tmp_path)

    assert mean < 0.01
    assert largest < 0.08
    assert ("WHILE" in file.ops) == (cell is not LSTM)
    graph = FlatGraph(FlatModel(file.path.read_bytes())).graph
    cell_states = [t for t in graph.tensors if t.isVariable and t.type == schema.TensorType.INT16]
    assert len(cell_states) == (2 if cell is LSTM else 0)
    assert all(2.0**-15 <= tensor.quantization.scale[0] <= 2.0**-9 for tensor in cell_states)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layers", "both", "steps", "seeds"),
    [
        (1, False, 20, 3),
        (2, True, 20, 3),
        (3, False, 20, 3),
        (1, True, 100, 1),
        (2, False, 100, 1),
        (2, True, 500, 1),
    ],
)
@pytest.mark.parametrize("cell", FAMILIES)
def test_random_weights_are_close(cell, layers, both, steps, seeds, tmp_path, in_process):
    for seed in range(seeds):
        keras.utils.set_random_seed(seed)
        mean, largest, _ = find_errors(stack(cell, layers, both=both), draw(30, steps, seed), tmp_path)
        assert mean < 0.01, (seed, mean)
        assert largest < 0.08, (seed, largest)


@pytest.mark.slow
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("cell", FAMILIES)
def test_trained_weights_are_close(cell, both, tmp_path, in_process):
    """Trained to predict sums of sines, and to hold a value for tens of steps, which needs gates that are shut."""
    keras.utils.set_random_seed(1)
    inputs, outputs = draw_waves(1024, 50, seed=1)
    model = stack(cell, 2, units=24, both=both)
    model = keras.Model(model.inputs, keras.layers.Dense(2)(model.outputs[0]))
    model.compile(keras.optimizers.Adam(5e-3), "mse")
    model.fit(inputs, outputs, epochs=5, verbose=0)
    for steps in (20, 500):
        mean, largest, _ = find_errors(model, draw_waves(46, steps, seed=2)[0], tmp_path)
        assert mean < 0.01, (steps, mean)
        assert largest < 0.08, (steps, largest)


def draw_waves(count, steps, seed):
    generator = np.random.default_rng(seed)
    rates, phases, sizes = (generator.uniform(*ends, (count, 3, 1)) for ends in ((0.05, 0.6), (0, 6.3), (0.2, 1)))
    waves = (sizes * np.sin(rates * np.arange(steps + 1) + phases)).sum(1) + generator.normal(
        0, 0.05, (count, steps + 1)
    )
    takes, held = generator.random((count, steps)) < 0.1, np.zeros((count, steps + 1))
    for t in range(steps):
        held[:, t + 1] = np.where(takes[:, t], waves[:, t], held[:, t])
    inputs = np.zeros((count, steps, FEATURES), "float32")
    inputs[..., 0], inputs[..., 1] = waves[:, :-1], takes
    return inputs, np.stack([waves[:, 1:], held[:, 1:]], -1).astype("float32")


@pytest.mark.slow
def test_hundreds_of_steps_make_a_small_file(tmp_path, in_process):
    for cell in (GRU, SimpleRNN):
        keras.utils.set_random_seed(1)
        mean, largest, file = find_errors(stack(cell, 1, units=64), draw(30, 500), tmp_path)
        assert mean < 0.01
        assert largest < 0.08
        assert file.path.stat().st_size < 100_000


@pytest.mark.slow
def test_states_that_are_handed_on_are_close(tmp_path, in_process):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((20, FEATURES))
    for cell in (keras.layers.LSTM, keras.layers.GRU):
        _, *states = cell(12, return_state=True)(inputs)
        outputs = cell(12, return_sequences=True)(inputs, initial_state=states)
        mean, largest, file = find_errors(keras.Model(inputs, outputs), draw(46, 20), tmp_path)
        assert mean < 0.01
        assert largest < 0.08
        assert file.ops.count("WHILE") >= 1


@pytest.mark.slow
def test_a_cell_state_too_large_for_the_fused_lstm_is_a_loop(tmp_path, in_process):
    """It counts to 90 and back; the fused operation's 16 bits end at 64."""
    network = keras.Sequential([keras.Input((None, 1)), keras.layers.LSTM(1, return_sequences=True)])
    kernel, recurrent, bias = np.array([[0, 0, 9, 0]]), np.zeros((1, 4)), np.array([20, 20, 0, 20])
    network.layers[0].set_weights([kernel.astype("float32"), recurrent.astype("float32"), bias.astype("float32")])
    steps = np.concatenate([np.ones(90), -np.ones(89)]).astype("float32").reshape(1, -1, 1)
    path = tmp_path / "model.tflite"
    path.write_bytes(convert(network, steps.shape[1], "int8", [steps[0]]))
    file = LiteRTModel(path)

    assert "WHILE" in file.ops
    np.testing.assert_allclose(file.run(steps)[0], network(steps), atol=0.05)


@pytest.mark.parametrize(
    "cell",
    [
        LSTM(5),
        GRU(5),
        SimpleRNN(5),
        keras.layers.GRU(5, reset_after=False, recurrent_activation="relu", activation="linear", use_bias=False),
    ],
    ids=str,
)
def test_a_step_in_numpy_equals_the_cell(cell):
    cell.build((1, None, 3))
    generator = np.random.default_rng(1)
    for weight in cell.weights:
        weight.assign(generator.normal(size=weight.shape))
    x = generator.normal(size=(4, 3)).astype("float32")
    states = [generator.normal(size=(4, 5)).astype("float32") for _ in np.atleast_1d(cell.cell.state_size)]
    ops = NumpyOperations()
    mine = step_cell(ops, cell.cell, read_weights(cell.cell), x, states)

    _, theirs = cell.cell(x, [keras.ops.convert_to_tensor(state) for state in states])
    for one, other in zip(mine, keras.tree.flatten(theirs), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert ops.largest["state_0"] == pytest.approx(float(np.abs(mine[0]).max()))
