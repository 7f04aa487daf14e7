"""An encoder and a decoder step as two signatures of a LiteRT file; see `rnn_keras.runtime.litert_seq2seq`."""

from collections.abc import Mapping
from typing import Any

import keras

from rnn_keras.data.open_vocabulary import SPACE
from rnn_keras.export.litert.conversion import convert_functions
from rnn_keras.export.litert.recurrent import LiteRTEngine, prepared_for_litert
from rnn_keras.export.spec import description_file
from rnn_keras.runtime.seq2seq import TARGET_VOCABULARY
from rnn_keras.seq2seq.decoder import AttentionDecoder
from rnn_keras.seq2seq.step_functions import make_functions
from rnn_keras.utils.errors import UserError


def convert_seq2seq(encoder: keras.Model, decoder: AttentionDecoder, quantisation: str) -> bytes:
    """The content of a `.tflite` file that reads one input at a time and writes step by step.

    Args:
        encoder: a functional model with one input, `(batch, ...)`, and the outputs `places` and `summary` of which the
            decoder reads; of a sequence, `(batch, time)`, any length.
        decoder: the decoder.
        quantisation: none, dynamic or float16; see `rnn_keras.export.litert.conversion.convert`.

    Raises:
        UserError: the converter refuses it, or `quantisation` is int8, for which a loop of single steps is not
            calibrated.
    """
    if quantisation == "int8":
        raise UserError("a model that writes step by step has no int8 file; leave int8 out of --quantize")
    engine = LiteRTEngine(is_batch_fixed=True)
    functions = make_functions(encoder, decoder, batch=1)
    encode, signature = functions.encode

    def encode_natively(inputs: Any) -> dict[str, Any]:
        with prepared_for_litert(encoder, engine, padding="unused"):
            return encode(inputs)

    named = {"encode": (encode_natively, signature), "step": functions.step}
    return convert_functions(named, [*encoder.variables, *decoder.variables], quantisation)


def seq2seq_files(model: keras.Model, description: Mapping[str, Any], answer: str) -> dict[str, bytes]:
    """The files inside the LiteRT file, by name: how the runner is to search, and the tokens that it writes.

    Args:
        model: with layers named `search` and `detokenizer`.
        description: what the runner needs to know about its inputs.
        answer: the name of what is written.
    """
    search: Any = model.get_layer("search")
    joined: Any = model.get_layer("detokenizer")
    generation = {
        "start": search.limits["start"],
        "end": search.limits["end"],
        "most_written": search.limits["maximum_length"],
        "forbidden": search.forbidden,
        "space": SPACE,
        "answer": answer,
    }
    return description_file({**description, **generation}) | {TARGET_VOCABULARY: "\n".join(joined.tokens).encode()}
