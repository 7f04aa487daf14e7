"""Sequences written token by token: the network that writes, and the search for the likeliest sequence."""

from rnn_keras.decoding.beam import BeamSearch, beam_search
from rnn_keras.decoding.decoder import CELLS, AttentionDecoder, Memory
from rnn_keras.decoding.greedy import greedy_search
from rnn_keras.decoding.search import Search

__all__ = ["CELLS", "AttentionDecoder", "BeamSearch", "Memory", "Search", "beam_search", "greedy_search"]
