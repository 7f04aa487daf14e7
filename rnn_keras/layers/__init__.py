"""Recurrent layers for Keras with gates that read like the equations; drop-in for those of keras.layers."""

from apps.sentiment.hashed_bigrams import HashedBigrams
from apps.video_tagging.ensemble import EnsembleAverage
from apps.video_tagging.sequence_ops import (
    FullLengths,
    MaskedAveragePooling1D,
    MaskedInstanceNormalization,
    SequenceMask,
    SequenceUpSampling,
    TimeDistributedAnyLength,
)
from apps.video_tagging.spatial_softmax import SpatialSoftmax
from rnn_keras.layers.fast_path import general_loop
from rnn_keras.layers.gru import GRU, GRUCell
from rnn_keras.layers.lstm import LSTM, LSTMCell
from rnn_keras.layers.one_hot import OneHot
from rnn_keras.layers.pooling import MaskedMaxPooling1D
from rnn_keras.layers.segments import MergeSegments, SplitSegments
from rnn_keras.layers.simple_rnn import SimpleRNN, SimpleRNNCell

__all__ = [
    "GRU",
    "LSTM",
    "EnsembleAverage",
    "FullLengths",
    "GRUCell",
    "HashedBigrams",
    "LSTMCell",
    "MaskedAveragePooling1D",
    "MaskedInstanceNormalization",
    "MaskedMaxPooling1D",
    "MergeSegments",
    "OneHot",
    "SequenceMask",
    "SequenceUpSampling",
    "SimpleRNN",
    "SimpleRNNCell",
    "SpatialSoftmax",
    "SplitSegments",
    "TimeDistributedAnyLength",
    "general_loop",
]
