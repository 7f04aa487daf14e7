"""Float64 NumPy recurrences written from the equations, independent of TensorFlow and Keras.

Every function takes weights in the order and layout in which Keras stores them: `kernel` (features, gates * units),
`recurrent_kernel` (units, gates * units) and `bias`, with the gates side by side: input, forget, candidate, output
for LSTM; update, reset, candidate for GRU.
"""

import numpy as np


def sigmoid(x):
    # The tanh form does not overflow for large negative arguments.
    return 0.5 * (1.0 + np.tanh(0.5 * x))


ACTIVATIONS = {
    "linear": lambda x: x,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "relu": lambda x: np.maximum(x, 0.0),
    "softsign": lambda x: x / (1.0 + np.abs(x)),
    # The slope that Keras documents: relu6(x + 3) / 6.
    "hard_sigmoid": lambda x: np.clip(x / 6.0 + 0.5, 0.0, 1.0),
}


def simple_rnn_step(x, states, weights, activation="tanh", recurrent_activation=None, reset_after=None):
    """h' = act(x W + h U + b)."""
    del recurrent_activation, reset_after
    kernel, recurrent, bias = weights
    (h,) = states
    return [ACTIVATIONS[activation](x @ kernel + h @ recurrent + bias)]


def lstm_step(x, states, weights, activation="tanh", recurrent_activation="sigmoid", reset_after=None):
    """c' = f c + i g; h' = o act(c')."""
    del reset_after
    kernel, recurrent, bias = weights
    h, c = states
    act, gate = ACTIVATIONS[activation], ACTIVATIONS[recurrent_activation]
    pre_i, pre_f, pre_g, pre_o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=-1)
    c = gate(pre_f) * c + gate(pre_i) * act(pre_g)
    return [gate(pre_o) * act(c), c]


def gru_step(x, states, weights, activation="tanh", recurrent_activation="sigmoid", reset_after=True):
    """h' = z h + (1 - z) g, where the reset gate acts after or before the recurrent product."""
    kernel, recurrent, bias = weights
    (h,) = states
    act, gate = ACTIVATIONS[activation], ACTIVATIONS[recurrent_activation]
    w_z, w_r, w_g = np.split(kernel, 3, axis=-1)
    u_z, u_r, u_g = np.split(recurrent, 3, axis=-1)
    bias_in, bias_rec = bias if reset_after else (bias, np.zeros_like(bias))
    b_z, b_r, b_g = np.split(bias_in, 3, axis=-1)
    d_z, d_r, d_g = np.split(bias_rec, 3, axis=-1)
    z = gate(x @ w_z + b_z + h @ u_z + d_z)
    r = gate(x @ w_r + b_r + h @ u_r + d_r)
    inner = r * (h @ u_g + d_g) if reset_after else (r * h) @ u_g
    return [z * h + (1.0 - z) * act(x @ w_g + b_g + inner)]


STEPS = {"SimpleRNN": simple_rnn_step, "LSTM": lstm_step, "GRU": gru_step}
GATES = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}
STATES = {"SimpleRNN": 1, "LSTM": 2, "GRU": 1}


def run(
    family,
    x,
    weights,
    *,
    mask=None,
    initial_state=None,
    go_backwards=False,
    zero_output_for_mask=False,
    activation="tanh",
    recurrent_activation="sigmoid",
    reset_after=True,
):
    """Outputs (batch, time, units) in processing order, and the list of final states.

    A masked step leaves the states as they are and repeats the output before it (zeros where there is none), or
    outputs zeros with `zero_output_for_mask`. Without a bias among the `weights` it is zero.
    """
    x = numbers(x)
    weights = [numbers(w) for w in weights]
    units = weights[1].shape[0]
    if len(weights) == 2:
        columns = GATES[family] * units
        weights.append(np.zeros((2, columns) if family == "GRU" and reset_after else columns))
    batch, time = x.shape[:2]
    if initial_state is None:
        states = [np.zeros((batch, units)) for _ in range(STATES[family])]
    else:
        states = [numbers(s) for s in initial_state]
    mask = np.ones((batch, time), dtype=bool) if mask is None else np.asarray(mask, dtype=bool)

    outputs = []
    previous = np.zeros((batch, units))
    for t in reversed(range(time)) if go_backwards else range(time):
        keep = mask[:, t, None]
        new = STEPS[family](
            x[:, t],
            states,
            weights,
            activation=activation,
            recurrent_activation=recurrent_activation,
            reset_after=reset_after,
        )
        output = np.where(keep, new[0], np.zeros_like(previous) if zero_output_for_mask else previous)
        states = [np.where(keep, n, s) for n, s in zip(new, states, strict=True)]
        outputs.append(output)
        previous = output
    return np.stack(outputs, axis=1), states


def numbers(values):
    """float64, or complex128 where `exact_gradients` asks for a derivative."""
    return np.asarray(values, dtype=np.complex128 if np.iscomplexobj(values) else np.float64)


def exact_gradients(function, values, step=1e-30):
    """The gradients of a real scalar function of several arrays, to machine precision.

    By complex steps: Im f(x + i h) / h has no subtraction, so that h can be arbitrarily small (Squire and Trapp, SIAM
    Review 40, 1998). The function must be analytic, as tanh and the sigmoid are.
    """
    gradients = []
    for number, value in enumerate(values):
        gradient = np.zeros(np.shape(value))
        for index in np.ndindex(*np.shape(value)):
            stepped = [numbers(v) for v in values]
            stepped[number] = stepped[number].astype(np.complex128)
            stepped[number][index] += 1j * step
            gradient[index] = np.imag(function(stepped)) / step
        gradients.append(gradient)
    return gradients


def numerical_gradient(function, value, step=1e-5):
    """Central differences of a scalar function, one element of `value` at a time."""
    value = np.array(value, dtype=np.float64)
    gradient = np.zeros_like(value)
    for index in np.ndindex(*value.shape):
        original = value[index]
        value[index] = original + step
        above = function(value)
        value[index] = original - step
        below = function(value)
        value[index] = original
        gradient[index] = (above - below) / (2.0 * step)
    return gradient
