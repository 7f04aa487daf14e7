"""Every gate compared with NumPy's float64 equations, one step after another."""

import keras
import numpy as np
import pytest

import rnn_keras.layers
from rnn_keras.diagnostics import gate_traces, open_gate_fraction
from tests.helpers import oracle

BATCH, TIME, FEATURES, UNITS = 2, 6, 2, 3
NAMES = {
    "SimpleRNN": ("hidden_state",),
    "LSTM": ("hidden_state", "cell_state", "input_gate", "forget_gate", "candidate", "output_gate"),
    "GRU": ("hidden_state", "update_gate", "reset_gate", "candidate"),
}


def gates_by_numpy(family, x, weights, reset_after=True):
    """`{name: (batch, time, units)}`, the states from the oracle and the gates from the equations."""
    kernel, recurrent, *bias = (np.asarray(weight, np.float64) for weight in weights)
    bias = bias[0] if bias else np.zeros(kernel.shape[1])
    found = {name: [] for name in NAMES[family]}
    states = [np.zeros((len(x), UNITS)) for _ in range(oracle.STATES[family])]
    for step in range(x.shape[1]):
        before = states
        arguments = {"reset_after": reset_after} if family == "GRU" else {}
        states = oracle.STEPS[family](x[:, step], before, [kernel, recurrent, bias], **arguments)
        computed = {"hidden_state": states[0]}
        if family == "LSTM":
            i, f, g, o = np.split(x[:, step] @ kernel + before[0] @ recurrent + bias, 4, axis=-1)
            computed |= {"cell_state": states[1], "input_gate": oracle.sigmoid(i), "forget_gate": oracle.sigmoid(f)}
            computed |= {"candidate": np.tanh(g), "output_gate": oracle.sigmoid(o)}
        if family == "GRU":
            to_input, to_state = bias if reset_after else (bias, 0 * bias)
            xz, xr, _ = np.split(x[:, step] @ kernel + to_input, 3, axis=-1)
            hz, hr, _ = np.split(before[0] @ recurrent + to_state, 3, axis=-1)
            update = oracle.sigmoid(xz + hz)
            candidate = (states[0] - update * before[0]) / (1 - update)
            computed |= {"update_gate": update, "reset_gate": oracle.sigmoid(xr + hr), "candidate": candidate}
        for name, values in computed.items():
            found[name].append(values)
    return {name: np.stack(values, axis=1) for name, values in found.items()}


def layer_of(family, library=rnn_keras.layers, **arguments):
    layer = getattr(library, family)(UNITS, **arguments)
    layer.build((BATCH, TIME, FEATURES))
    generator = np.random.default_rng(5)
    layer.set_weights([generator.normal(0, 0.6, weight.shape) for weight in layer.get_weights()])
    return layer


def sequences():
    return np.random.default_rng(1).normal(size=(BATCH, TIME, FEATURES)).astype("float32")


def assert_traces_close(traces, expected):
    assert set(traces) == set(expected)
    for name, values in expected.items():
        assert traces[name].shape == values.shape
        np.testing.assert_allclose(traces[name], values, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("library", [rnn_keras.layers, keras.layers], ids=["ours", "keras"])
@pytest.mark.parametrize(
    ("family", "arguments"), [("SimpleRNN", {}), ("LSTM", {}), ("GRU", {}), ("GRU", {"reset_after": False})]
)
def test_every_gate_at_every_step(family, arguments, library):
    layer, x = layer_of(family, library, **arguments), sequences()
    assert_traces_close(gate_traces(layer, x), gates_by_numpy(family, x, layer.get_weights(), **arguments))


def test_in_a_model_and_with_ids():
    ids = np.array([[0, 3, 2, 1], [2, 2, 0, 1]])
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            rnn_keras.layers.GRU(4, input_dim=4, return_sequences=True, name="first"),
            rnn_keras.layers.LSTM(UNITS, name="second"),
            keras.layers.Dense(1),
        ]
    )
    first, second = model.get_layer("first"), model.get_layer("second")
    x = oracle.run("GRU", np.eye(4)[ids], first.get_weights())[0]
    expected = gates_by_numpy("LSTM", x, second.get_weights())
    assert_traces_close(gate_traces(model, ids), expected)
    np.testing.assert_allclose(gate_traces(model, ids, layer="first")["hidden_state"], x, atol=1e-5)


def test_masked_steps_have_nan_gates_and_the_state_of_the_step_before():
    layer, x = layer_of("LSTM"), sequences()
    mask = np.array([[True, True, False, True, False, False], [True] * TIME])
    traces = gate_traces(layer, x, mask=mask)
    shorter = gates_by_numpy("LSTM", x[:1, [0, 1, 3]], layer.get_weights())

    for name, values in shorter.items():
        np.testing.assert_allclose(traces[name][:1, [0, 1, 3]], values, atol=2e-5)
    assert np.isnan(traces["forget_gate"][0, [2, 4, 5]]).all()
    np.testing.assert_array_equal(traces["cell_state"][0, 4], traces["cell_state"][0, 3])


def test_go_backwards_and_bidirectional_are_in_the_order_of_the_inputs():
    layer, x = layer_of("GRU", go_backwards=True), sequences()
    reversed_gates = gates_by_numpy("GRU", x[:, ::-1], layer.get_weights())
    reversed_gates = {name: values[:, ::-1] for name, values in reversed_gates.items()}
    assert_traces_close(gate_traces(layer, x), reversed_gates)

    wrapper = keras.layers.Bidirectional(rnn_keras.layers.GRU(UNITS))
    wrapper.build((BATCH, TIME, FEATURES))
    wrapper.set_weights(layer.get_weights() * 2)
    expected = {f"backward_{name}": values for name, values in reversed_gates.items()}
    forward = gates_by_numpy("GRU", x, layer.get_weights())
    assert_traces_close(
        gate_traces(wrapper, x), expected | {f"forward_{name}": values for name, values in forward.items()}
    )
    assert_traces_close(gate_traces(wrapper, x, direction="forward"), forward)


def test_the_fraction_of_units_whose_gate_stays_open():
    gate = np.array([[[0.95, 0.2, 0.99], [0.92, 0.95, 0.5], [np.nan, np.nan, np.nan]]])
    assert open_gate_fraction({"forget_gate": gate}) == pytest.approx(1 / 3)
    assert open_gate_fraction({"update_gate": gate}, threshold=0.4) == pytest.approx(2 / 3)
    bidirectional = {"forward_forget_gate": gate, "backward_forget_gate": np.ones_like(gate)}
    assert open_gate_fraction(bidirectional) == pytest.approx((1 / 3 + 1) / 2)
    assert open_gate_fraction(bidirectional, gate="forward_forget_gate") == pytest.approx(1 / 3)
    layer = layer_of("LSTM")
    kernel, recurrent, bias = layer.get_weights()
    bias[UNITS : 2 * UNITS] = [30, -30, 30]
    layer.set_weights([kernel, recurrent, bias])
    assert open_gate_fraction(gate_traces(layer, sequences())) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="a SimpleRNN has no gates"):
        open_gate_fraction({"hidden_state": gate})


def test_a_cell_whose_gates_have_no_names():
    layer = keras.layers.RNN([keras.layers.GRUCell(2), keras.layers.GRUCell(3)])
    with pytest.raises(ValueError, match="have no names; expected one of LSTM, GRU, SimpleRNN"):
        gate_traces(layer, sequences())
