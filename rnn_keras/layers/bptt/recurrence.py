"""A whole batch of sequences with its gradient written out, and further derivatives by TensorFlow."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from rnn_keras.layers.bptt.block import Parameters, forward_block, time_major
from rnn_keras.layers.bptt.equations import Equations
from rnn_keras.layers.bptt.passes import Options, Tensors, backward_pass, forward_pass
from rnn_keras.layers.bptt.shapes import leading_sizes, set_static_sizes


def recurrence(
    equations: Equations,
    inputs: tf.Tensor,
    mask: tf.Tensor | None,
    parameters: Parameters,
    dropout_masks: Tensors,
    states: Tensors,
    *,
    return_sequences: bool = True,
    save_for_gradient: bool = True,
    compile: bool = True,
    bfloat16: bool = False,
) -> tuple[tf.Tensor | None, Tensors]:
    """Hidden states of all steps, differentiable with respect to inputs, parameters and states.

    Args:
        equations: one of `SimpleRNNEquations`, `LSTMEquations`, `GRUEquations`.
        inputs: `(batch, time, features)`, or projected where `parameters.kernel` is None:
            `(batch, time, gate_count * units)`. They may have 16 bits, unlike all else.
        mask: booleans `(batch, time)`, or None; where it is False the states stay as they are.
        parameters: the weights.
        dropout_masks: of the hidden state, `(batch, units)` each; none, one, or one for each gate.
        states: initial states, `(batch, units)` each.
        return_sequences: whether the hidden states of all steps are returned.
        save_for_gradient: whether what the gradient needs is saved; without it the gradient repeats the forward pass.
        compile: whether XLA compiles the blocks; otherwise everything is one block.
        bfloat16: whether large products between compiled blocks are computed in bfloat16.

    Returns:
        Hidden states `(batch, time, units)` (None without `return_sequences`), and the tuple of last states.

    Tapes do not look into the two passes: the first gradient is written out, and of it TensorFlow differentiates the
    plain loop, so that every order is right, and forward mode too.
    """
    inputs, mask, dropout_masks, states = share_batch_size((inputs, mask, dropout_masks, states))
    weights = [tf.convert_to_tensor(value) for value in parameters.present()]
    saving = Options(
        equations,
        return_sequences,
        save=True,
        compile=compile,
        one_block=not compile,
        bfloat16=bfloat16 and compile,
    )
    options = dataclasses.replace(saving, save=save_for_gradient)

    def group(values: Sequence[tf.Tensor]) -> tuple[tf.Tensor, Parameters, Tensors]:
        """Inputs, parameters and states, from the list of what has gradients."""
        own_inputs, *own_weights = values[: 1 + len(weights)]
        return own_inputs, parameters.replaced_by(own_weights), tuple(values[1 + len(weights) :])

    def arrange(hidden_states: Any, last_states: Tensors) -> Tensors:
        """The results that have gradients."""
        return (hidden_states, *last_states) if return_sequences else last_states

    def run_forward(options: Options, values: Sequence[tf.Tensor]) -> tuple[tf.Tensor | None, Tensors, Any]:
        return options.call(forward_pass, mask, dropout_masks, *group(values))

    @tf.custom_gradient
    def run(*values):
        hidden_states, last_states, saved = run_forward(options, values)

        def gradient(*d_results):
            own_hidden_states, own_saved = hidden_states, saved
            if not save_for_gradient:
                own_hidden_states, _, own_saved = run_forward(saving, values)
            return first_gradient(own_hidden_states, own_saved, values, d_results)

        return arrange(hidden_states, last_states), gradient

    def first_gradient(hidden_states, saved, values, d_results):
        @tf.custom_gradient
        def differentiate(*values_and_d_results):
            # Tensors of the graph of this gradient, which that of the second one can reach, unlike those of the call.
            own_mask, own_dropout_masks, arguments = tf.nest.map_structure(
                lambda value: None if value is None else tf.identity(value),
                (mask, dropout_masks, values_and_d_results),
            )
            own_values, own_d_results = arguments[: len(values)], arguments[len(values) :]
            d_inputs, d_weights, d_states = saving.call(
                backward_pass,
                own_mask,
                own_dropout_masks,
                *group(own_values),
                hidden_states,
                saved,
                own_d_results[0] if return_sequences else None,
                own_d_results[-len(states) :],
            )

            def second_gradient(*d_gradients):
                return differentiate_twice(own_mask, own_dropout_masks, own_values, own_d_results, d_gradients)

            return [d_inputs, *d_weights, *d_states], second_gradient

        return differentiate(*values, *d_results)

    def differentiate_twice(mask, dropout_masks, values, d_results, d_gradients):
        """By TensorFlow, from the plain loop, with respect to the values and to the gradients of the results."""
        with recorded([values, d_results]) as differentiate_again:
            with recorded(values) as differentiate:
                own_inputs, own_parameters, initial_states = group(values)
                hidden_states, last_states, _ = forward_block(
                    equations,
                    own_inputs if own_parameters.kernel is not None else time_major(own_inputs),
                    mask,
                    leading_sizes(own_inputs)[1],
                    own_parameters,
                    dropout_masks,
                    initial_states,
                    save_states=False,
                    save_gates=False,
                )
            gradients = differentiate(arrange(hidden_states, last_states), values, d_results)
        return differentiate_again(gradients, [*values, *d_results], d_gradients)

    results: Any = run(inputs, *weights, *states)
    return results[0] if return_sequences else None, results[-len(states) :]


@contextlib.contextmanager
def recorded(sources: Any) -> Iterator[Callable[..., list[tf.Tensor]]]:
    """Gives a function (results, sources, gradients of the results) -> gradients of the sources.

    By a tape, which further tapes see. While TensorFlow builds gradients of whole functions it stops all tapes; then
    by the graph itself.
    """
    with tf.GradientTape() as tape:
        tape.watch(sources)

        def differentiate(results: Any, sources: Any, d_results: Any) -> list[tf.Tensor]:
            gradients = tape.gradient(results, sources, d_results)
            if any(gradient is None for gradient in gradients):
                gradients = tf.gradients(results, sources, d_results)
            return gradients

        yield differentiate


def share_batch_size(values: Any) -> Any:
    """The same tensors with a static batch size in all of them if one of them has it, as the loops want it."""
    sizes = {value.shape[0] for value in tf.nest.flatten(values) if value is not None} - {None}
    if not sizes:
        return values
    size = max(sizes)
    return tf.nest.map_structure(
        lambda value: None if value is None else set_static_sizes(value, size, *value.shape[1:]), values
    )
