"""Backpropagation through time, written out: the forward step, the gradients gate by gate, and the two loops."""

from rnn_keras.layers.bptt.activations import ACTIVATIONS
from rnn_keras.layers.bptt.block import Parameters
from rnn_keras.layers.bptt.gru import GRUEquations
from rnn_keras.layers.bptt.lstm import LSTMEquations
from rnn_keras.layers.bptt.products import under_xla
from rnn_keras.layers.bptt.recurrence import recurrence
from rnn_keras.layers.bptt.simple_rnn import SimpleRNNEquations

__all__ = [
    "ACTIVATIONS",
    "GRUEquations",
    "LSTMEquations",
    "Parameters",
    "SimpleRNNEquations",
    "recurrence",
    "under_xla",
]
