"""The product of Jacobians, compared with differences of NumPy's equations."""

import keras
import numpy as np
import pytest

import rnn_keras.layers
from rnn_keras.diagnostics import jacobian_product
from tests.helpers import oracle


@pytest.mark.parametrize("library", [rnn_keras.layers, keras.layers], ids=["ours", "keras"])
@pytest.mark.parametrize("activation", ["tanh", "softsign"])
def test_the_radius_is_that_of_the_product(library, activation):
    layer = library.SimpleRNN(4, activation=activation)
    x = np.random.default_rng(1).normal(size=(2, 7, 3)).astype("float32")
    layer.build(x.shape)
    generator = np.random.default_rng(2)
    weights = [generator.normal(0, 0.6, weight.shape) for weight in layer.get_weights()]
    layer.set_weights(weights)
    product = jacobian_product(layer, x)

    for example in range(2):
        states = oracle.run("SimpleRNN", x[example : example + 1], weights, activation=activation)[0][0]
        for lag in range(7):
            # dh_T / dh_{T-k}, an output at a time.
            def last(values, column, example=example, lag=lag):
                if lag == 0:
                    return values[0][0, column]
                rest = x[example : example + 1, 7 - lag :]
                return oracle.run("SimpleRNN", rest, weights, initial_state=values, activation=activation)[1][0][
                    0, column
                ]

            start = states[6 - lag][np.newaxis]
            rows = [
                oracle.numerical_gradient(lambda v, c=column: last([v], c), start, step=1e-6)[0] for column in range(4)
            ]
            jacobian = np.stack(rows)
            radius = np.abs(np.linalg.eigvals(jacobian)).max()
            assert np.exp(product.log_spectral_radius[example, lag]) == pytest.approx(radius, rel=1e-4)
    assert product.recurrent_spectral_radius == pytest.approx(np.abs(np.linalg.eigvals(weights[1])).max(), rel=1e-5)


def test_a_long_product_neither_overflows_nor_underflows():
    for factor in (1e-3, 1e3):
        layer = keras.layers.SimpleRNN(2, activation="linear")
        x = np.zeros((1, 150, 1), "float32")  # float64 ends at 1e308
        layer.build(x.shape)
        layer.set_weights([np.ones((1, 2)), factor * np.eye(2), np.zeros(2)])
        product = jacobian_product(layer, x)
        np.testing.assert_allclose(product.per_step, factor, rtol=1e-5)
        assert ("shrinks" if factor < 1 else "grows") in product.summary


def test_other_layers_are_refused():
    with pytest.raises(ValueError, match="is that of a SimpleRNN"):
        jacobian_product(keras.layers.LSTM(2), np.zeros((1, 3, 2)))
