"""Recurrent layers for Keras whose gates read like the equations, and what measures, trains, exports and serves them.

The public names are imported when they are first used: a program that only runs an exported file needs no TensorFlow,
and `--help` waits for nothing slow.

    >>> import keras
    >>> import rnn_keras
    >>> model = keras.Sequential([keras.Input((None, 8)), rnn_keras.LSTM(32), keras.layers.Dense(1)])
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnn_keras import diagnostics, layers
    from rnn_keras.diagnostics import (
        GradientFlow,
        GradientMonitor,
        JacobianProduct,
        gate_traces,
        gradient_flow,
        jacobian_product,
        open_gate_fraction,
        plot_gates,
        plot_gradient_flow,
    )
    from rnn_keras.export.export_model import export_model
    from rnn_keras.layers import (
        GRU,
        LSTM,
        GRUCell,
        LSTMCell,
        MaskedMaxPooling1D,
        MergeSegments,
        OneHot,
        SimpleRNN,
        SimpleRNNCell,
        SplitSegments,
        TimeDistributed,
        general_loop,
    )
    from rnn_keras.runtime import LiteRTModel, LiteRTSeq2Seq, OnnxModel, OnnxSeq2Seq
    from rnn_keras.training.trained_model import load
    from rnn_keras.training.truncated_bptt import TruncatedBPTT
    from rnn_keras.utils.errors import UserError

__version__ = "0.2.0"

__all__ = [
    "GRU",
    "LSTM",
    "GRUCell",
    "GradientFlow",
    "GradientMonitor",
    "JacobianProduct",
    "LSTMCell",
    "LiteRTModel",
    "LiteRTSeq2Seq",
    "MaskedMaxPooling1D",
    "MergeSegments",
    "OneHot",
    "OnnxModel",
    "OnnxSeq2Seq",
    "SimpleRNN",
    "SimpleRNNCell",
    "SplitSegments",
    "TimeDistributed",
    "TruncatedBPTT",
    "UserError",
    "diagnostics",
    "export_model",
    "gate_traces",
    "general_loop",
    "gradient_flow",
    "jacobian_product",
    "layers",
    "load",
    "open_gate_fraction",
    "plot_gates",
    "plot_gradient_flow",
]

# Where each name is. A package is found under its own name.
_NAMES_IN = {
    "rnn_keras.diagnostics": (
        "GradientFlow",
        "GradientMonitor",
        "JacobianProduct",
        "gate_traces",
        "gradient_flow",
        "jacobian_product",
        "open_gate_fraction",
        "plot_gates",
        "plot_gradient_flow",
    ),
    "rnn_keras.export.export_model": ("export_model",),
    "rnn_keras.layers": (
        "GRU",
        "LSTM",
        "GRUCell",
        "LSTMCell",
        "MaskedMaxPooling1D",
        "MergeSegments",
        "OneHot",
        "SimpleRNN",
        "SimpleRNNCell",
        "SplitSegments",
        "TimeDistributed",
        "general_loop",
    ),
    "rnn_keras.runtime": ("LiteRTModel", "LiteRTSeq2Seq", "OnnxModel", "OnnxSeq2Seq"),
    "rnn_keras.training.trained_model": ("load",),
    "rnn_keras.training.truncated_bptt": ("TruncatedBPTT",),
    "rnn_keras.utils.errors": ("UserError",),
}
_MODULE_OF = {name: module for module, names in _NAMES_IN.items() for name in names}
_PACKAGES = ("diagnostics", "layers")


def __getattr__(name: str) -> object:
    if name in _PACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _MODULE_OF:
        value = getattr(importlib.import_module(_MODULE_OF[name]), name)
        globals()[name] = value  # found at once from now on
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
