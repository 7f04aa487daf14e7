"""What the recurrent layers of the three families share: the projection of all steps, masks, and the loop over time."""

import functools
import inspect
from typing import Any

import keras

# Not public, and needed: the loop over time that keras.layers.RNN itself runs on every backend, and the bindings of
# cuDNN. The public `RNN.inner_loop` would compute the input projection anew in each step.
from keras.src import backend

from rnn_keras.layers import fast_path
from rnn_keras.layers.arguments import positive_integer
from rnn_keras.layers.bptt.block import Parameters
from rnn_keras.layers.call_checks import batch_size_message, check_run_time_sizes, check_sequences
from rnn_keras.layers.cell import RecurrentCell
from rnn_keras.layers.keras_types import RegularizerLike, Shape, Tensor, ops
from rnn_keras.layers.rematerialization import repeat_for_gradient


class RecurrentLayer(keras.layers.RNN):
    """A cell applied at every step: inputs `(batch, time, features)` -> `(batch, units)` or `(batch, time, units)`.

    The same arguments, weights and results as the keras.layers class of the same name. Two things differ: the gradient
    is computed by hand-written equations where the arguments allow it (see `execution_path` and
    `rnn_keras.layers.bptt`), and with `input_dim=V` the layer also takes integer ids of shape `(batch, time)`, each
    standing for a one-hot vector of width V that is looked up instead of multiplied.

    Args:
        input_dim: the width of one-hot vectors that ids stand for, see above.
        general_loop: whether TensorFlow differentiates the loop itself: slower, and to any order.

    Call arguments:
        sequences: `(batch, time, features)`, or ids `(batch, time)` where `input_dim` is given.
        initial_state: list of tensors `(batch, units)`. Without it the states start as zeros, or with `stateful` as the
            last call left them.
        mask: booleans `(batch, time)`. Where it is False the state stays as it is and the output is the previous
            output (zeros with `zero_output_for_mask`).
        training: whether dropout applies.

    Returns:
        The last output `(batch, units)`, or all with `return_sequences`: `(batch, time, units)`, in the order in which
        the steps were computed (with `go_backwards` the first row is of the last step). With `return_state`, a tuple of
        this and of every state `(batch, units)`.

    Raises:
        ValueError: inputs of another rank or width than declared, ids that are not integers, a batch of another size
            than a stateful layer was built for, a mask of another length, `unroll` with an unknown number of steps,
            sequences without a step, ragged or sparse tensors. Where a size is known only when a graph runs, it is a
            tf.errors.InvalidArgumentError with the same sentence.
    """

    # How the last call ran, known once the layer was called or traced: "fast" (hand-written backpropagation through
    # time), "cuDNN", or the reason why it took the general loop. (`path` is Keras's: the layer's place in the model.)
    execution_path: str | None = None

    # Defined by each family.
    cell_class: type[RecurrentCell] = RecurrentCell
    cell_name: str
    has_cudnn_kernel: bool = False

    cell: RecurrentCell

    def __init_subclass__(cls, **kwargs: Any):
        """Gives the layer its cell's arguments as read-only attributes, as keras.layers do: `layer.units`."""
        super().__init_subclass__(**kwargs)
        for name in cls.cell_arguments():
            setattr(cls, name, property(lambda self, name=name: getattr(self.cell, name)))

    @classmethod
    def cell_arguments(cls) -> list[str]:
        """The names of the constructor's arguments that are the cell's."""
        parameters = inspect.signature(cls.cell_class.__init__).parameters
        return [name for name in parameters if name not in ("self", "kwargs")]

    def __init__(
        self,
        activity_regularizer: RegularizerLike = None,
        input_dim: int | None = None,
        general_loop: bool = False,
        **kwargs: Any,
    ):
        cell_arguments = {name: kwargs.pop(name) for name in self.cell_arguments()}
        if "implementation" in kwargs:
            cell_arguments["implementation"] = kwargs.pop("implementation")
        cell = self.cell_class(
            **cell_arguments,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name=self.cell_name,
        )
        use_cudnn = kwargs.pop("use_cudnn") if self.has_cudnn_kernel else False
        if use_cudnn not in ("auto", True, False):
            raise ValueError(f"`use_cudnn` must be 'auto', True or False, got {use_cudnn!r}.")
        # Not super(): the next class in line is keras.layers.LSTM or the like, which would make a cell of its own.
        keras.layers.RNN.__init__(self, cell, activity_regularizer=activity_regularizer, **kwargs)
        if self.has_cudnn_kernel:
            self.use_cudnn = use_cudnn
            if use_cudnn and self.has_cudnn():
                self.supports_jit = False  # cuDNN's operations cannot be compiled by XLA
        self.input_dim = None if input_dim is None else positive_integer("input_dim", input_dim)
        self.general_loop = general_loop
        if input_dim is None:
            self.input_spec = keras.layers.InputSpec(ndim=3)
        else:
            self.input_spec = keras.layers.InputSpec(min_ndim=2, max_ndim=3)

    def build(self, sequences_shape: Shape, initial_state_shape: Any = None) -> None:
        if self.input_dim is not None:
            width = self.input_dim if len(sequences_shape) == 2 else sequences_shape[-1]
            if width != self.input_dim:
                raise ValueError(
                    f"{self.name} was made with input_dim={self.input_dim}: it takes ids (batch, time) or one-hot "
                    f"vectors (batch, time, {self.input_dim}), got inputs of shape {tuple(sequences_shape)}."
                )
            sequences_shape = (*sequences_shape[:2], width)
        super().build(sequences_shape)

    def call(
        self,
        sequences: Tensor,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
    ) -> Any:
        check_sequences(self, sequences)
        are_ids = len(sequences.shape) == 2
        if are_ids and "int" not in keras.backend.standardize_dtype(sequences.dtype):
            raise ValueError(
                f"{self.name} takes integer ids where the inputs have shape (batch, time), got dtype "
                f"{sequences.dtype}; declare keras.Input(shape=(None,), dtype='int32')."
            )
        if self.unroll and sequences.shape[1] is None:
            raise ValueError(
                f"Cannot unroll {self.name}: the number of time steps is undefined. Give keras.Input a shape with a "
                "fixed number of steps, or set unroll=False."
            )
        sequences = check_run_time_sizes(self, sequences)
        states = self.find_initial_states(sequences, initial_state)
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        if mask is not None and None not in (mask.shape[1], sequences.shape[1]) and mask.shape[1] != sequences.shape[1]:
            raise ValueError(
                f"`mask` of {self.name} must have shape (batch, time) = {tuple(sequences.shape[:2])}, got "
                f"{tuple(mask.shape)}."
            )
        if mask is not None and not are_ids:
            # What a masked step holds must not reach the weights' gradients, NaN neither: 0 * NaN is NaN.
            kept = ops.cast(mask if len(mask.shape) == 3 else ops.expand_dims(mask, -1), "bool")
            sequences = ops.where(kept, sequences, ops.zeros_like(sequences))
        results = None
        if not are_ids:
            results = self.try_cudnn(sequences, states, mask, training)
        execution_path = "cuDNN"
        if results is None:
            obstacle = "general_loop=True" if self.general_loop else None
            obstacle = obstacle or fast_path.find_obstacle(self.cell, self.cell_class, self.unroll, sequences, mask)
            obstacle = obstacle or fast_path.find_forward_mode([sequences, *states, *self.cell.trainable_variables])
            execution_path = obstacle or "fast"
            if obstacle is None:
                starts_from_zeros = initial_state is None and not self.stateful
                results = self.run_fast_path(sequences, are_ids, states, mask, training, starts_from_zeros)
            else:
                results = self.run_general_loop(sequences, are_ids, states, mask, training)
        self.execution_path = execution_path
        self._maybe_reset_dropout_masks(self.cell)
        last_output, outputs, states = results
        states = [ops.cast(state, self.compute_dtype) for state in states]
        if self.stateful:
            for variable, state in zip(self.states, states, strict=True):  # pyright: ignore[reportArgumentType]
                variable.assign(state)
        output = ops.cast(outputs if self.return_sequences else last_output, self.compute_dtype)
        return (output, *states) if self.return_state else output

    def find_initial_states(self, sequences: Tensor, initial_state: Any) -> list[Tensor]:
        """The given initial state, or that of the last call of a stateful layer, or zeros: `(batch, units)` each."""
        if self.stateful:
            batch, expected = sequences.shape[0], self._expected_batch_size
            if None not in (batch, expected) and batch != expected:
                raise ValueError(batch_size_message(self, batch))
        if initial_state is None:
            initial_state = self.states if self.stateful else self.get_initial_state(ops.shape(sequences)[0])
        if not isinstance(initial_state, (list, tuple)):
            initial_state = [initial_state]
        if len(initial_state) != len(self.state_size):
            raise ValueError(
                f"`initial_state` of {self.name} must have {len(self.state_size)} tensor(s) of shape "
                f"(batch, {self.units}), got {len(initial_state)}."
            )
        states = [ops.convert_to_tensor(state, dtype=self.compute_dtype) for state in initial_state]
        for state in states:
            fits = len(state.shape) == 2 and state.shape[1] == self.units
            if not fits or (None not in (state.shape[0], sequences.shape[0]) and state.shape[0] != sequences.shape[0]):
                raise ValueError(
                    f"`initial_state` of {self.name} must have tensors of shape (batch, {self.units}) for inputs of "
                    f"shape {tuple(sequences.shape)}, got {tuple(state.shape)}."
                )
        return states

    def run_general_loop(
        self, sequences: Tensor, are_ids: bool, states: list[Tensor], mask: Any, training: bool
    ) -> tuple[Tensor, Tensor | None, list[Tensor]]:
        """Projects all inputs in one product, then runs the cell's step function once per time step.

        Returns:
            The last output `(batch, units)`, all outputs `(batch, time, units)`, the list of last states.
        """
        # Time comes first from here on, so that a step reads one contiguous block; the inputs are transposed rather
        # than their projection, which is wider.
        if are_ids:
            projected = self.cell.project_ids(ops.transpose(sequences), training)
        else:
            projected = self.cell.project(ops.transpose(sequences, (1, 0, 2)), training)
        if mask is not None:
            mask = ops.cast(mask, "bool")
            mask = mask if len(mask.shape) == 3 else ops.expand_dims(mask, -1)
            mask = ops.transpose(mask, (1, 0, 2))
        dropout_masks = self.cell.recurrent_dropout_masks(states[0], training)

        def step(projected_at_t, states_at_t):
            new_states = list(self.cell.step(projected_at_t, states_at_t, dropout_masks)[: len(states)])
            return new_states[0], new_states

        results: Any = backend.rnn(
            step,
            projected,
            states,
            go_backwards=self.go_backwards,
            mask=mask,
            unroll=self.unroll,
            input_length=projected.shape[0],
            time_major=True,
            zero_output_for_mask=self.zero_output_for_mask,
            return_all_outputs=self.return_sequences,
        )
        last_output, outputs, last_states = results
        return last_output, ops.transpose(outputs, (1, 0, 2)), list(last_states)

    def run_fast_path(
        self,
        sequences: Tensor,
        are_ids: bool,
        states: list[Tensor],
        mask: Any,
        training: bool,
        starts_from_zeros: bool,
    ) -> tuple[Tensor, Tensor | None, list[Tensor]]:
        """The same results by hand-written backpropagation through time; see `rnn_keras.layers.bptt`."""
        inputs, kernel, bias = self.prepare_fast_inputs(sequences, are_ids, training)
        if mask is not None:
            mask = ops.cast(mask, "bool")
            mask = mask if len(mask.shape) == 2 else ops.squeeze(mask, -1)
        if self.go_backwards:
            inputs = ops.flip(inputs, 1)
            mask = None if mask is None else ops.flip(mask, 1)
        dropout_masks: Any = self.cell.recurrent_dropout_masks(states[0], training)
        if dropout_masks is None:
            dropout_masks = ()
        elif isinstance(dropout_masks, list):
            dropout_masks = tuple(dropout_masks)
        else:
            dropout_masks = (dropout_masks,)
        parameters = Parameters(kernel, bias, self.cell.recurrent_kernel, self.cell.recurrent_bias)
        initial_states: Any = tuple(states)
        outputs, last_states = fast_path.run(
            self.cell.equations(), inputs, mask, parameters, dropout_masks, initial_states, self.return_sequences
        )
        last_output = last_states[0]
        if mask is not None and (self.zero_output_for_mask or not starts_from_zeros):
            # A masked step repeats the output before it, which at first is zero whatever the initial state.
            has_output = mask if self.zero_output_for_mask else ops.cumsum(ops.cast(mask, "int32"), axis=1) > 0
            has_output = ops.expand_dims(ops.cast(has_output, last_output.dtype), -1)
            last_output = last_output * has_output[:, -1]
            outputs = None if outputs is None else outputs * has_output
        return last_output, outputs, list(last_states)

    def prepare_fast_inputs(self, sequences: Tensor, are_ids: bool, training: bool) -> tuple[Any, Any, Any]:
        """Inputs with the kernel and the bias still to be applied, or projected inputs, None and None."""
        cell = self.cell
        if are_ids:
            return cell.project_ids(sequences, training), None, None
        sequences = ops.cast(sequences, self.compute_dtype)
        try:
            return self.apply_input_dropout(sequences, training), cell.kernel, cell.input_bias
        except NotImplementedError:
            projected = cell.project(ops.transpose(sequences, (1, 0, 2)), training)
            return ops.transpose(projected, (1, 0, 2)), None, None

    def try_cudnn(
        self, sequences: Tensor, states: list[Tensor], mask: Tensor | None, training: bool
    ) -> tuple[Any, Any, list[Any]] | None:
        """The same results from cuDNN's kernel, or None where there is no GPU or the arguments rule it out."""
        use_cudnn = getattr(self, "use_cudnn", False)
        results = None
        if use_cudnn and not self.recurrent_dropout:
            try:
                results = self.run_cudnn(self.apply_input_dropout(sequences, training), states, mask)
            except NotImplementedError:
                results = None
        if results is None and use_cudnn is True:
            raise ValueError(
                f"{self.name} was made with use_cudnn=True, but cuDNN does not support its arguments or is not "
                "installed; use_cudnn='auto' uses it only where it can be used."
            )
        return results

    def has_cudnn(self) -> bool:
        """Whether TensorFlow has a GPU and cuDNN a kernel for these arguments."""
        if keras.backend.backend() != "tensorflow":
            return False
        reset_after = getattr(self.cell, "reset_after", None)
        return backend.cudnn_ok(
            self.activation,
            getattr(self.cell, "recurrent_activation", None),
            self.unroll,
            self.use_bias,
            reset_after=reset_after,
        )

    def apply_input_dropout(self, sequences: Tensor, training: bool) -> Tensor:
        """The inputs times one dropout mask for all steps.

        Raises:
            NotImplementedError: each gate has a mask of its own, so that there is no single input.
        """
        applies = training and self.cell.applies_dropout(self.dropout)
        dropout_masks = self.cell.get_dropout_mask(sequences[:, 0]) if applies else None
        if dropout_masks is None:
            return sequences
        if isinstance(dropout_masks, list):
            raise NotImplementedError("one input for all gates")
        return sequences * ops.expand_dims(dropout_masks, 1)

    def run_cudnn(self, sequences: Tensor, states: list[Tensor], mask: Tensor | None) -> tuple[Any, Any, list[Any]]:
        """The results of the family's kernel in cuDNN, as those of `run_general_loop`.

        Raises:
            NotImplementedError: cuDNN has none for these arguments.
        """
        raise NotImplementedError

    def cudnn_arguments(self) -> dict[str, Any]:
        cell = self.cell
        return {
            "kernel": cell.kernel,
            "recurrent_kernel": cell.recurrent_kernel,
            "bias": cell.bias,
            "activation": cell.activation,
            "recurrent_activation": getattr(cell, "recurrent_activation", None),
            "return_sequences": self.return_sequences,
            "go_backwards": self.go_backwards,
            "unroll": self.unroll,
        }

    def get_config(self) -> dict[str, Any]:
        config = keras.layers.RNN.get_config(self)
        del config["cell"]
        cell_config = self.cell.get_config()
        config |= {name: value for name, value in cell_config.items() if name not in ("name", "dtype", "trainable")}
        regularizer = keras.regularizers.serialize(self.activity_regularizer)
        own = {"input_dim": self.input_dim, "general_loop": self.general_loop}
        return config | {"activity_regularizer": regularizer} | own

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "RecurrentLayer":
        """The layer of a configuration, those of Keras 2's files included.

        Raises:
            ValueError: the layer took `(time, batch, features)`, as Keras 2's could with `time_major=True`.
        """
        config = dict(config)
        if config.pop("time_major", False):
            raise ValueError(
                f"{config.get('name', cls.__name__)} was made with time_major=True for inputs (time, batch, features); "
                "recurrent layers take (batch, time, features): transpose the inputs, and load the layer without it."
            )
        return cls(**config)

    def rematerialized_call(self, layer_call: Any, *args: Any, **kwargs: Any) -> Any:
        """Keras's `RematScope`: the call is repeated for the gradient instead of kept.

        TensorFlow repeats functions of tensors by position alone, so that all others are bound here. The mode
        "activations" saves nothing here, since a gradient of the fast path keeps no activation but its own.
        """
        mode = getattr(self._remat_mode, "mode", None)
        if mode == "activations":
            return layer_call
        given = super().rematerialized_call(layer_call, *args, **kwargs)
        return given if given is layer_call else functools.partial(repeat_for_gradient, layer_call)
