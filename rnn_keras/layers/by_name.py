"""The three recurrent layers by the names that settings and command lines use."""

from collections.abc import Callable

from rnn_keras.layers.gru import GRU
from rnn_keras.layers.lstm import LSTM
from rnn_keras.layers.recurrent_layer import RecurrentLayer
from rnn_keras.layers.simple_rnn import SimpleRNN

RECURRENT_LAYERS: dict[str, Callable[..., RecurrentLayer]] = {"simple_rnn": SimpleRNN, "lstm": LSTM, "gru": GRU}
