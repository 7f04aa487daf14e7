"""Recurrent layers for Keras with gates that read like the equations; drop-in for those of keras.layers."""

from rnn_keras.layers.fast_path import general_loop
from rnn_keras.layers.gru import GRU, GRUCell
from rnn_keras.layers.keypoints import Keypoints
from rnn_keras.layers.lstm import LSTM, LSTMCell
from rnn_keras.layers.members import MeanOfMembers
from rnn_keras.layers.one_hot import OneHot
from rnn_keras.layers.pieces import Joined, Pieces
from rnn_keras.layers.pooling import MaskedMaxPooling1D
from rnn_keras.layers.simple_rnn import SimpleRNN, SimpleRNNCell
from rnn_keras.layers.steps import AtFullRate, InsideLengths, MeanOfSteps, PerStep, StandardizedInTime, WholeLengths
from rnn_keras.layers.word_pairs import WordPairs

__all__ = [
    "GRU",
    "LSTM",
    "AtFullRate",
    "GRUCell",
    "InsideLengths",
    "Joined",
    "Keypoints",
    "LSTMCell",
    "MaskedMaxPooling1D",
    "MeanOfMembers",
    "MeanOfSteps",
    "OneHot",
    "PerStep",
    "Pieces",
    "SimpleRNN",
    "SimpleRNNCell",
    "StandardizedInTime",
    "WholeLengths",
    "WordPairs",
    "general_loop",
]
