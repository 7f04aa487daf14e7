"""The gradient flow compared with Jacobians by complex steps through NumPy's float64 equations."""

import keras
import numpy as np
import pytest

import rnn_keras.layers
from rnn_keras.diagnostics import gradient_flow
from rnn_keras.diagnostics.gradient_flow import GradientFlow
from tests.helpers import oracle
from tests.helpers.layer_cases import FAMILIES, combinations

BATCH, TIME, FEATURES, UNITS = 2, 5, 2, 3
LIBRARIES = {"ours": (rnn_keras.layers,), "keras": (keras.layers,)}


def layer_of(family, library=rnn_keras.layers, **arguments):
    layer = getattr(library, family)(UNITS, **arguments)
    layer.build((BATCH, TIME, FEATURES))
    generator = np.random.default_rng(3)
    layer.set_weights([generator.normal(0, 0.7, weight.shape) for weight in layer.get_weights()])
    return layer


def sequences(time=TIME, seed=1):
    return np.random.default_rng(seed).normal(size=(BATCH, time, FEATURES)).astype("float32")


def brute_force(family, weights, x, readout=None):
    """`{name: (batch, lags)}`: Frobenius norms of the Jacobians of the last output, over the root of its width."""
    found = {name: np.zeros(x.shape[:2]) for name in ("hidden_state", "cell_state")[: oracle.STATES[family]]}
    found["inputs"] = np.zeros(x.shape[:2])
    readout = np.eye(UNITS) if readout is None else readout
    for example in range(len(x)):
        one = x[example : example + 1].astype(np.float64)
        for lag in range(x.shape[1]):
            here = x.shape[1] - 1 - lag
            _, states = oracle.run(family, one[:, : here + 1], weights)
            _, before = oracle.run(family, one[:, :here], weights) if here else (None, None)
            for column in readout.T:

                def of_states(values, one=one, column=column, here=here):
                    if here == x.shape[1] - 1:
                        return (values[0] @ column)[0]
                    return (oracle.run(family, one[:, here + 1 :], weights, initial_state=values)[1][0] @ column)[0]

                def of_input(values, one=one, column=column, here=here, before=before):
                    rest = np.concatenate([values[0], one[:, here + 1 :]], axis=1)
                    return (oracle.run(family, rest, weights, initial_state=before)[1][0] @ column)[0]

                gradients = oracle.exact_gradients(of_states, states)
                gradients += oracle.exact_gradients(of_input, [one[:, here : here + 1]])
                for name, gradient in zip(found, gradients, strict=True):
                    found[name][example, lag] += np.square(gradient).sum()
    return {name: np.sqrt(squares / readout.shape[1]) for name, squares in found.items()}


@pytest.mark.parametrize(
    ("library", "family"),
    combinations(LIBRARIES, FAMILIES, fast=("ours-SimpleRNN", "ours-LSTM", "ours-GRU", "keras-SimpleRNN")),
)
def test_norms_are_those_of_brute_force_jacobians(library, family):
    layer, x = layer_of(family, library), sequences()
    flow = gradient_flow(layer, x)
    expected = brute_force(family, layer.get_weights(), x)

    assert set(flow.per_example) == set(expected)
    for name, norms in expected.items():
        np.testing.assert_allclose(flow.per_example[name], norms, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(flow.hidden_state, np.sqrt(np.square(expected["hidden_state"]).mean(axis=0)), rtol=1e-4)
    assert flow.hidden_state[0] == pytest.approx(1)
    of_states = sum(np.square(norms).mean(axis=0) for name, norms in expected.items() if name != "inputs")
    np.testing.assert_allclose(flow.state, np.sqrt(of_states), rtol=1e-4)


def test_gradient_of_a_models_output():
    layer, x = layer_of("GRU"), sequences()
    steps = keras.Input((None, FEATURES))
    model = keras.Model(steps, keras.layers.Dense(2)(layer(steps)))
    kernel = model.layers[-1].kernel.numpy().astype(np.float64)
    expected = brute_force("GRU", layer.get_weights(), x, kernel)
    flow = gradient_flow(model, x)
    np.testing.assert_allclose(flow.per_example["hidden_state"], expected["hidden_state"], rtol=1e-4)
    np.testing.assert_allclose(flow.per_example["inputs"], expected["inputs"], rtol=1e-4)

    # Of a scalar of the outputs: here the first one alone.
    expected = brute_force("GRU", layer.get_weights(), x, kernel[:, :1])
    flow = gradient_flow(model, x, target_fn=lambda outputs: outputs[:, 0])
    np.testing.assert_allclose(flow.inputs, np.sqrt(np.square(expected["inputs"]).mean(axis=0)), rtol=1e-4)


def test_first_of_two_layers():
    """Its gradients come from all steps of the second; compared with central differences of the model."""
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input((None, FEATURES)),
            rnn_keras.layers.LSTM(UNITS, return_sequences=True, name="first"),
            rnn_keras.layers.SimpleRNN(2, return_sequences=True, name="second"),
        ]
    )
    x, late = sequences(), 3
    flow = gradient_flow(model, x, layer="first", step=late)
    jacobian = np.zeros((BATCH, 2, TIME, FEATURES))
    for step in range(TIME):
        for feature in range(FEATURES):
            moved = np.zeros_like(x)
            moved[:, step, feature] = 1e-2
            difference = model(x + moved).numpy()[:, late] - model(x - moved).numpy()[:, late]
            jacobian[:, :, step, feature] = difference / 2e-2
    expected = np.sqrt(np.square(jacobian).sum(axis=(1, 3)) / 2)[:, late::-1]

    np.testing.assert_allclose(flow.per_example["inputs"], expected, rtol=2e-3, atol=1e-5)
    assert len(flow.lags) == late + 1


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("SimpleRNN",)))
def test_masked_steps_are_not_lags(family):
    layer, x = layer_of(family), sequences(TIME)
    plain = gradient_flow(layer, x)
    longer = np.concatenate([x[:, :2], np.full((BATCH, 2, FEATURES), 7, "float32"), x[:, 2:]], axis=1)
    mask = np.ones(longer.shape[:2], bool)
    mask[:, 2:4] = False
    masked = gradient_flow(layer, longer, mask=mask)
    padded = gradient_flow(layer, np.pad(x, [(0, 0), (0, 3), (0, 0)]), mask=np.arange(TIME + 3) < [[TIME]] * BATCH)

    for flow in (masked, padded):
        for name, norms in plain.per_example.items():
            np.testing.assert_allclose(flow.per_example[name], norms, rtol=1e-4)


def test_sequences_of_several_lengths_count_from_their_own_ends():
    layer, x = layer_of("GRU"), sequences()
    shorter = gradient_flow(layer, x[1:, : TIME - 2])
    mask = np.ones((BATCH, TIME), bool)
    mask[1, TIME - 2 :] = False
    flow = gradient_flow(layer, x, mask=mask)

    np.testing.assert_allclose(flow.per_example["inputs"][1, : TIME - 2], shorter.per_example["inputs"][0], rtol=1e-4)
    assert np.isnan(flow.per_example["inputs"][1, TIME - 2 :]).all()
    assert np.isfinite(flow.hidden_state).all()


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("SimpleRNN",)))
def test_go_backwards_and_bidirectional(family):
    x = sequences()
    forward, backward = layer_of(family), layer_of(family, go_backwards=True)
    expected = gradient_flow(forward, x[:, ::-1])
    for flow in (gradient_flow(backward, x), gradient_flow(bidirectional(forward), x, direction="backward")):
        for name, norms in expected.per_example.items():
            np.testing.assert_allclose(flow.per_example[name], norms, rtol=1e-4)
    plain = gradient_flow(forward, x).hidden_state
    np.testing.assert_allclose(gradient_flow(bidirectional(forward), x).hidden_state, plain, rtol=1e-4)


def bidirectional(layer):
    """A Bidirectional with the layer's weights in both directions."""
    wrapper = keras.layers.Bidirectional(type(layer)(UNITS))
    wrapper.build((BATCH, TIME, FEATURES))
    wrapper.set_weights(layer.get_weights() * 2)
    return wrapper


def test_ids_are_one_hot_vectors():
    ids = np.array([[0, 2, 1, 1], [1, 0, 0, 2]])
    layer = rnn_keras.layers.SimpleRNN(UNITS, input_dim=3)
    from_ids = gradient_flow(layer, ids)
    of_vectors = gradient_flow(layer, np.eye(3, dtype="float32")[ids])
    np.testing.assert_allclose(from_ids.inputs, of_vectors.inputs, rtol=1e-5)


def test_a_custom_cell_and_the_state_of_a_stateful_layer():
    class Leaky(keras.layers.Layer):
        state_size = output_size = 2

        def call(self, inputs, states, training=False):
            new = 0.5 * states[0] + inputs[:, :2]
            return new, [new]

    flow = gradient_flow(keras.layers.RNN(Leaky()), sequences())
    np.testing.assert_allclose(flow.hidden_state, 0.5 ** np.arange(TIME), rtol=1e-5)
    assert flow.half_life == pytest.approx(1)

    stateful = layer_of("GRU", stateful=True)
    stateful(sequences())
    state = stateful.states[0].numpy()
    gradient_flow(stateful, sequences(seed=2))
    np.testing.assert_array_equal(stateful.states[0].numpy(), state)


def test_measuring_changes_nothing():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((None, FEATURES)), rnn_keras.layers.SimpleRNN(4, dropout=0.5), keras.layers.Dense(1)]
    )
    x = sequences()
    before = model.predict(x, verbose=0)
    gradient_flow(model, x)
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)
    assert "call" not in vars(model.layers[0])


def flow_of(norms):
    return GradientFlow({"hidden_state": np.array([norms], float), "inputs": np.array([norms], float)})


@pytest.mark.parametrize(
    ("norms", "vanishes_at", "explodes_at", "half_life", "summary"),
    [
        (0.5 ** np.arange(16), 10, None, 1.0, "vanishes at lag 10 (below a thousandth of lag 0); half-life 1.0 steps"),
        (3 * 0.9 ** np.arange(10), None, None, np.log(0.5) / np.log(0.9), "lasts: 0.39 of lag 0 is left at lag 9;"),
        (np.ones(5), None, None, np.inf, "it does not halve"),
        (10.0 ** np.arange(6), None, 4, np.inf, "explodes: at lag 4 the norm is 10,000 times that at lag 0"),
        ([1, 0, 0], 1, None, 0.0, "vanishes at lag 1"),
        ([1, 5, np.inf], None, 2, -1, "explodes: the norm overflows at lag 2"),
        ([1, 5, np.nan], None, 2, -1, "explodes: the norm overflows at lag 2"),
    ],
)
def test_summaries_and_half_lives(norms, vanishes_at, explodes_at, half_life, summary):
    flow = flow_of(norms)
    assert (flow.vanishes_at, flow.explodes_at) == (vanishes_at, explodes_at)
    if half_life >= 0:
        assert flow.half_life == pytest.approx(half_life)
    assert summary in flow.summary


def test_errors():
    plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)], name="plain")
    model = keras.Sequential([keras.Input((None, 2)), rnn_keras.layers.GRU(3, name="gru"), keras.layers.Dense(2)])
    for call, sentence in (
        (lambda: gradient_flow(plain, np.zeros((1, 4))), "'plain' has no recurrent layer"),
        (lambda: gradient_flow(keras.layers.Dense(2), np.zeros((1, 4))), "Expected a recurrent layer .* got Dense"),
        (lambda: gradient_flow(model, sequences(), layer="gruu"), "no recurrent layer named 'gruu'.* gru"),
        (lambda: gradient_flow(layer_of("GRU"), sequences(), step=9), "step 9 is outside of the 5 steps"),
        (lambda: gradient_flow(layer_of("GRU"), sequences(), direction="up"), "`direction` must be"),
    ):
        with pytest.raises(ValueError, match=sentence):
            call()


def test_an_unbuilt_model_is_built_first():
    model = keras.Sequential([rnn_keras.layers.SimpleRNN(3), keras.layers.Dense(2)])
    steps = np.random.default_rng(1).normal(size=(2, 4, 2)).astype("float32")
    flow = gradient_flow(model, steps)
    np.testing.assert_allclose(flow.state, gradient_flow(model, steps).state, rtol=1e-6)
    assert len(flow.lags) == 4 and flow.state[0] > 0
