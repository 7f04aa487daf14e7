"""Measures a recurrent network's memory: how far back gradients reach, and the value of every gate at every step."""

from rnn_keras.diagnostics.gate_traces import gate_traces, open_gate_fraction
from rnn_keras.diagnostics.gradient_flow import FlowProbe, GradientFlow, gradient_flow
from rnn_keras.diagnostics.gradient_monitor import GradientMonitor
from rnn_keras.diagnostics.jacobian import JacobianProduct, jacobian_product
from rnn_keras.diagnostics.plots import plot_gates, plot_gradient_flow
from rnn_keras.diagnostics.word_vectors import cosine_similarities, plot_word_vectors

__all__ = [
    "FlowProbe",
    "GradientFlow",
    "GradientMonitor",
    "JacobianProduct",
    "cosine_similarities",
    "gate_traces",
    "gradient_flow",
    "jacobian_product",
    "open_gate_fraction",
    "plot_gates",
    "plot_gradient_flow",
    "plot_word_vectors",
]
