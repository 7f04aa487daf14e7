"""From probabilities to answers, inside the graph: sequences written token by token, and the search for the likeliest."""

from rnn_keras.decoding.beam import BeamSearch, beam_search
from rnn_keras.decoding.decoder import AttentionDecoder, Memory
from rnn_keras.decoding.encoder import BidirectionalEncoder
from rnn_keras.decoding.greedy import greedy_search
from rnn_keras.decoding.search import Search

__all__ = [
    "AttentionDecoder",
    "BeamSearch",
    "BidirectionalEncoder",
    "Memory",
    "Search",
    "beam_search",
    "greedy_search",
]
