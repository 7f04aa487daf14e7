"""A pytest plugin for a child process: Keras's own tests find our layers where they look for Keras's.

The classes are replaced before any test module is imported, in every place from which the tests take them, and every
construction is counted, so that the parent can tell that the tests did run on ours.
"""

import collections
import gc
import os

import keras
import keras.src.layers
import keras.src.layers.rnn.bidirectional

import rnn_keras.layers

NAMES = ("SimpleRNN", "LSTM", "GRU", "SimpleRNNCell", "LSTMCell", "GRUCell")
constructed = collections.Counter()
gc.set_threshold(200_000, 20, 100)  # as in tests/conftest.py


def count_constructions(cls):
    # In __new__, because Keras reads the signatures of __init__, build and call.
    original = cls.__new__

    def counting(kind, *args, **kwargs):
        if kind is cls:
            constructed[cls.__name__] += 1
        return original(kind, *args, **kwargs)

    cls.__new__ = staticmethod(counting)


def pytest_configure(config):
    config.addinivalue_line("markers", "requires_trainable_backend: used by Keras's tests")
    for name in NAMES:
        ours = getattr(rnn_keras.layers, name)
        if ours is getattr(keras.layers, name):
            raise RuntimeError(f"{name} of rnn_keras.layers is the one of keras.layers")
        count_constructions(ours)
        # `bidirectional` asks isinstance(layer, LSTM) before it takes a path of its own.
        for module in (keras.layers, keras.src.layers, keras.src.layers.rnn.bidirectional):
            if hasattr(module, name):
                setattr(module, name, ours)


def pytest_sessionfinish(session):
    with open(os.environ["CONSTRUCTED_FILE"], "w") as file:
        for name in NAMES:
            file.write(f"{name} {constructed[name]}\n")
