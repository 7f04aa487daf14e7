"""Exported files at work. They need numpy and the engine (ai-edge-litert or onnxruntime), not TensorFlow or Keras."""

from rnn_keras.runtime.litert_model import LiteRTModel
from rnn_keras.runtime.litert_seq2seq import LiteRTSeq2Seq, open_litert
from rnn_keras.runtime.network import NetworkRunner
from rnn_keras.runtime.onnx_model import OnnxModel
from rnn_keras.runtime.onnx_seq2seq import OnnxSeq2Seq, open_onnx
from rnn_keras.runtime.runner import Runner

__all__ = [
    "LiteRTModel",
    "LiteRTSeq2Seq",
    "NetworkRunner",
    "OnnxModel",
    "OnnxSeq2Seq",
    "Runner",
    "open_litert",
    "open_onnx",
]
