"""From probabilities to answers, inside the graph: chains of tags, and sequences written token by token."""

from apps.captioning.image_memory import ImageMemory
from rnn_keras.seq2seq.beam import BeamSearch, beam_search
from rnn_keras.seq2seq.decoder import AttentionDecoder, Memory
from rnn_keras.seq2seq.encoder import BidirectionalEncoder
from rnn_keras.seq2seq.greedy import greedy_search
from rnn_keras.seq2seq.search import Search

__all__ = [
    "AttentionDecoder",
    "BeamSearch",
    "BidirectionalEncoder",
    "ImageMemory",
    "Memory",
    "Search",
    "beam_search",
    "greedy_search",
]
