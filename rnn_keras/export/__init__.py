"""Models as files that other systems run, and what runs them."""

import importlib

FORMATS = ("saved_model", "litert", "onnx")
QUANTISATIONS = ("none", "dynamic", "float16", "int8")


RUNNERS = {"LiteRTModel": "runner", "OnnxModel": "onnx_file"}


def __getattr__(name):
    # Not imported at the top, because what is beside it needs TensorFlow, and the runners must do without.
    if name in RUNNERS:
        return getattr(importlib.import_module(f"rnn_keras.export.{RUNNERS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
