"""A model that writes sequences as two functions of named tensors, as exported files hold them: read, and one step."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from rnn_keras.data.text import PADDING
from rnn_keras.seq2seq.decoder import AttentionDecoder, Memory

Signature = tuple[Callable[..., dict[str, Any]], Sequence[tf.TensorSpec]]


class StepFunctions(NamedTuple):
    """Each is a function that returns a dict of tensors, and its arguments."""

    encode: Signature  # an input -> what the steps need: first states, and the memory for the attention
    step: Signature  # tokens `(batch,)` int32 and what the steps need -> `logits (batch, vocabulary)`, the next states


def make_functions(encoder: keras.Model, decoder: AttentionDecoder, batch: int | None) -> StepFunctions:
    """The functions of an encoder and a decoder.

    Args:
        encoder: a functional model with one input, `(batch, ...)`, and the outputs `places` and `summary` of which the
            decoder reads. Ids `(batch, time)` may end in padding.
        decoder: the decoder.
        batch: the size of the batch. None: any; then ids have a `mask`, which the steps need too.
    """
    (encoder_input,) = encoder.inputs
    has_mask = batch is None and decoder.attention is not None and len(encoder_input.shape) == 2
    structure = [[0] * decoder.states_per_layer for _ in decoder.recurrent]
    shapes: dict[str, tuple[int | None, ...]] = dict.fromkeys(name_states(structure), (batch, decoder.units))
    if decoder.attention is not None:
        shapes |= dict.fromkeys(("keys", "values"), (batch, None, decoder.units))
    if has_mask:
        shapes["mask"] = (batch, None)
    names = list(shapes)

    def encode(inputs: Any) -> dict[str, Any]:
        mask = tf.not_equal(inputs, PADDING) if has_mask else None
        places, summary = encoder(inputs, training=False)
        memory, states = decoder.begin(places, summary, mask)
        return name_states(states) | {name: value for name, value in memory._asdict().items() if value is not None}

    def step(tokens: Any, *values: Any) -> dict[str, Any]:
        by_name = dict(zip(names, values, strict=True))
        flat = [by_name[name] for name in names if name.startswith("state")]
        memory = Memory(by_name.get("keys"), by_name.get("values"), by_name.get("mask"))
        logits, next_states = decoder.step(tokens, tf.nest.pack_sequence_as(structure, flat), memory)
        return {"logits": logits} | name_states(next_states)

    specs = [tf.TensorSpec(shape, tf.bool if name == "mask" else tf.float32, name) for name, shape in shapes.items()]
    return StepFunctions(
        (encode, [tf.TensorSpec((batch, *encoder_input.shape[1:]), encoder_input.dtype, "read")]),
        (step, [tf.TensorSpec((batch,), tf.int32, "tokens"), *specs]),
    )


def name_states(states: Iterable[Any]) -> dict[str, Any]:
    """A nest of states by the names `state_0`, `state_1` and so on."""
    return {f"state_{number}": value for number, value in enumerate(tf.nest.flatten(states))}
