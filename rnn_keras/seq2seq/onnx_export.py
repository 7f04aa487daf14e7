"""An encoder and a decoder step as two ONNX files; see `rnn_keras.runtime.onnx_seq2seq`."""

import hashlib
from collections.abc import Mapping
from typing import Any

import keras

from rnn_keras.export.onnx.conversion import convert_function
from rnn_keras.export.onnx.recurrent import OnnxEngine
from rnn_keras.export.recurrent.calls import replaced
from rnn_keras.runtime.onnx_seq2seq import ENCODER_SUM, NEXT, name_onnx_files
from rnn_keras.seq2seq.decoder import AttentionDecoder
from rnn_keras.seq2seq.step_functions import make_functions


def convert_seq2seq(
    encoder: keras.Model, decoder: AttentionDecoder, files: Mapping[str, bytes], name: str
) -> dict[str, bytes]:
    """The content of two `.onnx` files, for any batch size, by their names: `<name>_encoder.onnx`, `<name>_step.onnx`.

    Args:
        encoder: a functional model with one input, `(batch, ...)`, and the outputs `places` and `summary` of which the
            decoder reads; of ids, `(batch, time)`, any length, with padding (0) at the end.
        decoder: the decoder.
        files: the files inside the first one, by name; see `rnn_keras.seq2seq.litert_export.seq2seq_files`.
        name: of the app.

    Raises:
        UserError: tf2onnx cannot convert it.
    """
    functions, engine = make_functions(encoder, decoder, batch=None), OnnxEngine()
    with replaced(encoder, engine, padding="unused"):
        first = convert_function(*functions.encode, files, engine)
    step, signature = functions.step

    def step_with_names(*inputs: Any) -> dict[str, Any]:
        # In ONNX an output cannot have the name of an input.
        return {NEXT + name if name.startswith("state") else name: value for name, value in step(*inputs).items()}

    # Steps of one export after the encoder of another would write nonsense.
    second = convert_function(step_with_names, signature, {ENCODER_SUM: hashlib.sha256(first).hexdigest().encode()})
    return dict(zip(name_onnx_files(name), (first, second), strict=True))
