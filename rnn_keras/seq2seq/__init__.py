"""Models that write sequences token by token: encoder, attention decoder, and greedy and beam search in the graph."""

from rnn_keras.seq2seq.beam import BeamSearch, beam_search, iterate_beam_search
from rnn_keras.seq2seq.decoder import AttentionDecoder, Memory
from rnn_keras.seq2seq.encoder import BidirectionalEncoder
from rnn_keras.seq2seq.greedy import greedy_search, sample_sequences
from rnn_keras.seq2seq.search import Search

__all__ = [
    "AttentionDecoder",
    "BeamSearch",
    "BidirectionalEncoder",
    "Memory",
    "Search",
    "beam_search",
    "greedy_search",
    "iterate_beam_search",
    "sample_sequences",
]
