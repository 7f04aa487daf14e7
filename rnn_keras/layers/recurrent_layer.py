"""What the recurrent layers of the three families share: the projection of all steps, masks, and the loop over time."""

import inspect

import keras
from keras import ops

# Not public, and needed: the loop over time that keras.layers.RNN itself runs on every backend, and the bindings of
# cuDNN. The public `RNN.inner_loop` would compute the input projection anew in each step.
from keras.src import backend

from rnn_keras.layers import fast_path
from rnn_keras.layers.arguments import positive_integer


class RecurrentLayer(keras.layers.RNN):
    """A cell applied again and again: inputs `(batch, time, features)` -> `(batch, units)` or `(batch, time, units)`.

    The same arguments, weights and results as the keras.layers class of the same name. Two things differ: the gradient
    is computed by hand-written equations where the arguments allow it (see `execution_path` and
    `rnn_keras.layers.bptt`), and with `input_dim=V` the layer also takes integer ids of shape `(batch, time)`, each
    standing for a one-hot vector of width V that is looked up instead of multiplied.

    Call arguments:
        sequences: `(batch, time, features)`, or ids `(batch, time)` where `input_dim` is given.
        initial_state: list of tensors `(batch, units)`; zeros, or the kept state if `stateful`, when absent.
        mask: booleans `(batch, time)`. Where it is False the state stays as it is and the output is the previous
            output (zeros with `zero_output_for_mask`).
        training: whether dropout applies.

    Returns:
        The last output `(batch, units)`, or all with `return_sequences`: `(batch, time, units)`, in the order in which
        the steps were taken (with `go_backwards` the first row is of the last step). With `return_state`, a tuple of
        this and of every state `(batch, units)`.

    Raises:
        ValueError: inputs of another rank or width than declared, ids that are no integers, a batch of another size
            than a stateful layer was built for, `unroll` of an unknown number of steps.
    """

    # How the last call ran, known once the layer was called or traced: "fast" (hand-written backpropagation through
    # time), "cuDNN", or the reason why it took the general loop. (`path` is Keras's: the layer's place in the model.)
    execution_path: str | None = None

    cell_class = None
    cell_name = None
    has_cudnn_kernel = False

    def __init_subclass__(cls, **kwargs):
        """Gives the layer its cell's arguments as read-only attributes, as keras.layers do: `layer.units`."""
        super().__init_subclass__(**kwargs)
        for name in cls.cell_arguments():
            setattr(cls, name, property(lambda self, name=name: getattr(self.cell, name)))

    @classmethod
    def cell_arguments(cls):
        parameters = inspect.signature(cls.cell_class.__init__).parameters
        return [name for name in parameters if name not in ("self", "kwargs")]

    def __init__(self, activity_regularizer=None, input_dim=None, **kwargs):
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
            if use_cudnn and self.cudnn_fits():
                self.supports_jit = False  # cuDNN's operations cannot be compiled by XLA
        self.input_dim = None if input_dim is None else positive_integer("input_dim", input_dim)
        rank = {"ndim": 3} if input_dim is None else {"min_ndim": 2, "max_ndim": 3}
        self.input_spec = keras.layers.InputSpec(**rank)

    def build(self, sequences_shape, initial_state_shape=None):
        if self.input_dim is not None:
            width = self.input_dim if len(sequences_shape) == 2 else sequences_shape[-1]
            if width != self.input_dim:
                raise ValueError(
                    f"{self.name} was made with input_dim={self.input_dim}: it takes ids (batch, time) or one-hot "
                    f"vectors (batch, time, {self.input_dim}), got inputs of shape {tuple(sequences_shape)}."
                )
            sequences_shape = (*sequences_shape[:2], width)
        super().build(sequences_shape)

    def call(self, sequences, initial_state=None, mask=None, training=False):
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
        states = self.starting_states(sequences, initial_state)
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        results = None
        if not are_ids:
            results = self.run_on_cudnn(sequences, states, mask, training)
        execution_path = "cuDNN"
        if results is None:
            reason = fast_path.reason_against(self, sequences, mask)
            execution_path = reason or "fast"
            run = self.run_fast if reason is None else self.run_loop
            results = run(sequences, are_ids, states, mask, training)
        self.execution_path = execution_path
        self._maybe_reset_dropout_masks(self.cell)
        last_output, outputs, states = results
        states = [ops.cast(state, self.compute_dtype) for state in states]
        if self.stateful:
            for kept, state in zip(self.states, states, strict=True):
                kept.assign(state)
        output = ops.cast(outputs if self.return_sequences else last_output, self.compute_dtype)
        return (output, *states) if self.return_state else output

    def starting_states(self, sequences, initial_state):
        """The given initial state, or the kept one, or zeros: a list of `(batch, units)`."""
        if self.stateful:
            batch, expected = sequences.shape[0], self._expected_batch_size
            if None not in (batch, expected) and batch != expected:
                raise ValueError(
                    f"{self.name} is stateful and was built for a batch size of {expected}, got {batch}: the state of "
                    "row i goes on in row i of the next batch."
                )
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

    def run_loop(self, sequences, are_ids, states, mask, training):
        """All inputs projected in one product, then the cell's step function once per time step.

        Returns:
            The last output `(batch, units)`, all outputs `(batch, time, units)`, the list of last states.
        """
        # Time comes first from here on, so that a step reads one contiguous block; the inputs are transposed rather
        # than their projection, which is wider.
        if are_ids:
            projected = self.cell.look_up(ops.transpose(sequences), training)
        else:
            projected = self.cell.project(ops.transpose(sequences, (1, 0, 2)), training)
        if mask is not None:
            mask = ops.cast(mask, "bool")
            mask = mask if len(mask.shape) == 3 else ops.expand_dims(mask, -1)
            mask = ops.transpose(mask, (1, 0, 2))
        masks = self.cell.recurrent_masks(states[0], training)

        def step(projected_at_t, states_at_t):
            new_states = list(self.cell.step(projected_at_t, states_at_t, masks)[: len(states)])
            return new_states[0], new_states

        last_output, outputs, states = backend.rnn(
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
        return last_output, ops.transpose(outputs, (1, 0, 2)), list(states)

    def run_fast(self, sequences, are_ids, states, mask, training):
        """The same results by hand-written backpropagation through time; see `rnn_keras.layers.bptt`."""
        inputs, kernel, bias = self.fast_inputs(sequences, are_ids, training)
        if mask is not None:
            mask = ops.cast(mask, "bool")
            mask = mask if len(mask.shape) == 2 else ops.squeeze(mask, -1)
        if self.go_backwards:
            inputs = ops.flip(inputs, 1)
            mask = None if mask is None else ops.flip(mask, 1)
        masks = self.cell.recurrent_masks(states[0], training)
        masks = () if masks is None else tuple(masks) if isinstance(masks, list) else (masks,)
        parameters = fast_path.Parameters(kernel, bias, self.cell.recurrent_kernel, self.cell.recurrent_bias)
        outputs, states = fast_path.run(
            self.cell.equations(), inputs, mask, parameters, masks, tuple(states), self.return_sequences
        )
        last_output = states[0]
        if mask is not None:
            # A masked step repeats the output before it, which at first is zero whatever the initial state.
            shown = mask if self.zero_output_for_mask else ops.cumsum(ops.cast(mask, "int32"), axis=1) > 0
            shown = ops.expand_dims(ops.cast(shown, last_output.dtype), -1)
            last_output = last_output * shown[:, -1]
            outputs = None if outputs is None else outputs * shown
        return last_output, outputs, list(states)

    def fast_inputs(self, sequences, are_ids, training):
        """Inputs with the kernel and the bias still to be applied, or projected inputs, None and None."""
        cell = self.cell
        if are_ids:
            return cell.look_up(sequences, training), None, None
        sequences = ops.cast(sequences, self.compute_dtype)
        try:
            return self.dropped_out(sequences, training), cell.kernel, cell.input_bias
        except NotImplementedError:
            projected = cell.project(ops.transpose(sequences, (1, 0, 2)), training)
            return ops.transpose(projected, (1, 0, 2)), None, None

    def run_on_cudnn(self, sequences, states, mask, training):
        """The same results from cuDNN's kernel, or None where there is no GPU or the arguments rule it out."""
        wanted = getattr(self, "use_cudnn", False)
        results = None
        if wanted and not self.recurrent_dropout:
            try:
                results = self.cudnn(self.dropped_out(sequences, training), states, mask)
            except NotImplementedError:
                results = None
        if results is None and wanted is True:
            raise ValueError(
                f"{self.name} was made with use_cudnn=True, but cuDNN does not support its arguments or is not there; "
                "use_cudnn='auto' takes it only where it can be used."
            )
        return results

    def cudnn_fits(self):
        """Whether TensorFlow has a GPU and cuDNN a kernel for these arguments."""
        if keras.backend.backend() != "tensorflow":
            return False
        reset_after = getattr(self.cell, "reset_after", None)
        return backend.cudnn_ok(
            self.activation, self.recurrent_activation, self.unroll, self.use_bias, reset_after=reset_after
        )

    def dropped_out(self, sequences, training):
        """The inputs with one mask for all steps; NotImplementedError where each gate has a mask of its own."""
        drops = training and self.cell.drops(self.dropout)
        masks = self.cell.get_dropout_mask(sequences[:, 0]) if drops else None
        if masks is None:
            return sequences
        if isinstance(masks, list):
            raise NotImplementedError("one input for all gates")
        return sequences * ops.expand_dims(masks, 1)

    def cudnn(self, sequences, states, mask):
        """The family's kernel in cuDNN; NotImplementedError where it has none."""
        raise NotImplementedError

    def cudnn_arguments(self):
        cell = self.cell
        return {
            "kernel": cell.kernel,
            "recurrent_kernel": cell.recurrent_kernel,
            "bias": cell.bias,
            "activation": cell.activation,
            "recurrent_activation": cell.recurrent_activation,
            "return_sequences": self.return_sequences,
            "go_backwards": self.go_backwards,
            "unroll": self.unroll,
        }

    def get_config(self):
        config = keras.layers.RNN.get_config(self)
        del config["cell"]
        cell_config = self.cell.get_config()
        config |= {name: value for name, value in cell_config.items() if name not in ("name", "dtype", "trainable")}
        regularizer = keras.regularizers.serialize(self.activity_regularizer)
        return config | {"activity_regularizer": regularizer, "input_dim": self.input_dim}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
