"""From probabilities to answers, inside the graph: chains of tags, and sequences written token by token."""

from rnn_keras.decoding.beam import BeamSearch, beam_search
from rnn_keras.decoding.decoder import AttentionDecoder, Memory
from rnn_keras.decoding.encoder import BidirectionalEncoder
from rnn_keras.decoding.greedy import greedy_search
from rnn_keras.decoding.picture_reader import PictureReader
from rnn_keras.decoding.search import Search

__all__ = [
    "AttentionDecoder",
    "BeamSearch",
    "BidirectionalEncoder",
    "Memory",
    "PictureReader",
    "Search",
    "beam_search",
    "greedy_search",
]
