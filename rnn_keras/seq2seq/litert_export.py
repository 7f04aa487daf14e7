"""An encoder and a decoder step as two signatures of a LiteRT file; see `rnn_keras.runtime.litert_seq2seq`."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
import tensorflow as tf

from rnn_keras.data.open_vocabulary import SPACE
from rnn_keras.export.litert import convert_functions
from rnn_keras.export.litert_recurrent import LiteRTEngine, prepared_for_litert
from rnn_keras.export.spec import description_file
from rnn_keras.runtime.litert_seq2seq import TARGET_VOCABULARY
from rnn_keras.seq2seq.decoder import AttentionDecoder, Memory
from rnn_keras.utils.errors import UserError


def convert_seq2seq(encoder: keras.Model, decoder: AttentionDecoder, quantisation: str) -> bytes:
    """The content of a `.tflite` file that reads one input at a time and writes step by step.

    Args:
        encoder: a functional model with one input, `(batch, ...)`, and the outputs `places` and `summary` of which the
            decoder reads; of a sequence, `(batch, time)`, any length.
        decoder: the decoder.
        quantisation: none, dynamic or float16; see `rnn_keras.export.litert.convert`.

    Raises:
        UserError: the converter refuses it, or `quantisation` is int8, for which a loop of single steps is not
            calibrated.
    """
    if quantisation == "int8":
        raise UserError("a model that writes step by step has no int8 file; leave int8 out of --quantize")
    (encoder_input,) = encoder.inputs
    engine = LiteRTEngine(is_batch_fixed=True)

    def encode(inputs: Any) -> dict[str, Any]:
        with prepared_for_litert(encoder, engine, padding="unused"):
            memory, states = decoder.begin(*encoder(inputs, training=False))
        outputs = {name: value for name, value in memory._asdict().items() if value is not None}
        return name_states(states) | outputs

    def step(tokens: Any, *values: Any) -> dict[str, Any]:
        by_name = dict(zip(names, values, strict=True))
        flat = [by_name[name] for name in names if name.startswith("state")]
        states = tf.nest.pack_sequence_as(structure, flat)
        memory = Memory(by_name.get("keys"), by_name.get("values"), None)
        logits, next_states = decoder.step(tokens, states, memory)
        return {"logits": logits} | name_states(next_states)

    structure = [[0] * decoder.states_per_layer for _ in decoder.recurrent]
    units = decoder.units
    shapes: dict[str, tuple[int | None, ...]] = dict.fromkeys(name_states(structure), (1, units))
    if decoder.attention is not None:
        shapes |= {"keys": (1, None, units), "values": (1, None, units)}
    names = list(shapes)
    specs = [tf.TensorSpec(shape, tf.float32, name) for name, shape in shapes.items()]
    functions = {
        "encode": (encode, [tf.TensorSpec((1, *encoder_input.shape[1:]), encoder_input.dtype, "read")]),
        "step": (step, [tf.TensorSpec((1,), tf.int32, "tokens"), *specs]),
    }
    return convert_functions(functions, [*encoder.variables, *decoder.variables], quantisation)


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


def name_states(states: Iterable[Any]) -> dict[str, Any]:
    """A nest of states by the names `state_0`, `state_1` and so on."""
    return {f"state_{number}": value for number, value in enumerate(tf.nest.flatten(states))}
