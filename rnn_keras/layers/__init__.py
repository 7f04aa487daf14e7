"""Recurrent layers for Keras with gates that read like the equations; drop-in for those of keras.layers."""

from rnn_keras.layers.by_name import RECURRENT_LAYERS
from rnn_keras.layers.convert import convert
from rnn_keras.layers.fast_path import general_loop
from rnn_keras.layers.gru import GRU, GRUCell
from rnn_keras.layers.lstm import LSTM, LSTMCell
from rnn_keras.layers.one_hot import OneHot
from rnn_keras.layers.pooling import MaskedMaxPooling1D
from rnn_keras.layers.segments import MergeSegments, SplitSegments
from rnn_keras.layers.simple_rnn import SimpleRNN, SimpleRNNCell
from rnn_keras.layers.time_distributed import TimeDistributed

__all__ = [
    "GRU",
    "LSTM",
    "RECURRENT_LAYERS",
    "GRUCell",
    "LSTMCell",
    "MaskedMaxPooling1D",
    "MergeSegments",
    "OneHot",
    "SimpleRNN",
    "SimpleRNNCell",
    "SplitSegments",
    "TimeDistributed",
    "convert",
    "general_loop",
]
