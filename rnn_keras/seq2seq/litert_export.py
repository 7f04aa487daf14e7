"""An encoder and a decoder step as two signatures of a LiteRT file; see `rnn_keras.runtime.litert_seq2seq`."""

import json

import keras
import tensorflow as tf

from rnn_keras.data.open_vocabulary import SPACE
from rnn_keras.export.litert import convert_functions
from rnn_keras.export.litert_network import for_litert
from rnn_keras.runtime.litert_model import DESCRIPTION
from rnn_keras.runtime.litert_seq2seq import TARGET
from rnn_keras.seq2seq.decoder import AttentionDecoder, Memory
from rnn_keras.utils.errors import UserError


def convert_writer(reader: keras.Model, decoder: AttentionDecoder, quantisation: str) -> bytes:
    """The content of a `.tflite` file that reads one input at a time and writes step by step.

    Args:
        reader: a functional model with one input, `(batch, ...)`, and the outputs `places` and `summary` that the
            decoder is given; of a sequence, `(batch, time)`, any length.

    Raises:
        UserError: the converter refuses it, or `quantisation` is int8, for which a loop of single steps is not
            calibrated.
    """
    if quantisation == "int8":
        raise UserError("a model that writes step by step has no int8 file; leave int8 out of --quantize")
    (given,) = reader.inputs
    network = for_litert(reader, 1, given.shape[1])

    def encode(read):
        memory, states = decoder.begin(*network(read, training=False))
        return {**named("state", tf.nest.flatten(states)), **present(memory)}

    def step(tokens, *values):
        by_name = dict(zip(names, values, strict=True))
        flat = [by_name[name] for name in names if name.startswith("state")]
        states = tf.nest.pack_sequence_as(like, flat)
        memory = Memory(by_name.get("keys"), by_name.get("values"), None)
        logits, following = decoder.step(tokens, states, memory)
        return {"logits": logits, **named("state", tf.nest.flatten(following))}

    per_layer, units = decoder.states_per_layer, decoder.units
    like = [[0] * per_layer for _ in decoder.recurrent]
    states = {f"state_{number}": (1, units) for number in range(len(tf.nest.flatten(like)))}
    places = {} if decoder.attention is None else {"keys": (1, None, units), "values": (1, None, units)}
    names = [*states, *places]
    specs = [tf.TensorSpec(shape, tf.float32, name) for name, shape in (states | places).items()]
    functions = {
        "encode": (encode, [tf.TensorSpec((1, *given.shape[1:]), given.dtype, "read")]),
        "step": (step, [tf.TensorSpec((1,), tf.int32, "tokens"), *specs]),
    }
    return convert_functions(functions, [*network.variables, *reader.variables, *decoder.variables], quantisation)


def written_by(model: keras.Model, description: dict, answer: str) -> dict[str, bytes]:
    """What travels inside the file, by name: how the runner is to search, and the tokens that it writes.

    Args:
        model: with layers named `search` and `joined_text`.
        description: what the runner needs to know of what is read.
        answer: the name of what is written.
    """
    search = model.get_layer("search")
    writing = {
        "start": search.limits["start"],
        "end": search.limits["end"],
        "most_written": search.limits["maximum_length"],
        "forbidden": search.forbidden,
        "space": SPACE,
        "answer": answer,
    }
    return {
        DESCRIPTION: json.dumps(description | writing, ensure_ascii=False).encode(),
        TARGET: "\n".join(model.get_layer("joined_text").tokens).encode(),
    }


def named(stem: str, values) -> dict:
    return {f"{stem}_{number}": value for number, value in enumerate(values)}


def present(memory: Memory) -> dict:
    return {name: value for name, value in memory._asdict().items() if value is not None}
