"""What the cells of the three families share: weights, the input projection, dropout and configuration."""

import keras
from keras import ops

# Not public, and needed: keras.layers.RNN and StackedRNNCells draw one dropout mask for all steps of a sequence only
# for cells of this class.
from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell

from rnn_keras.layers.arguments import positive_integer


class RecurrentCell(DropoutRNNCell, keras.layers.Layer):
    """One step of a recurrent network: inputs `(batch, features)` and the state -> output and the next state.

    A family says how many gates its kernel holds side by side (`gates`), what its state is, and how a step is computed
    from the projected inputs (`step`). Everything else, the weights first, is alike in the three.

    Weights, in this order, as in keras.layers: `kernel (features, gates * units)`,
    `recurrent_kernel (units, gates * units)`, `bias` with `use_bias`.

    Raises:
        ValueError: `units` is not a positive integer.
    """

    gates = 1

    def __init__(
        self,
        units,
        activation,
        use_bias,
        kernel_initializer,
        recurrent_initializer,
        bias_initializer,
        kernel_regularizer,
        recurrent_regularizer,
        bias_regularizer,
        kernel_constraint,
        recurrent_constraint,
        bias_constraint,
        dropout,
        recurrent_dropout,
        seed,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = positive_integer("units", units)
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = keras.regularizers.get(recurrent_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.recurrent_constraint = keras.constraints.get(recurrent_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.output_size = self.units

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.gates * self.units),
            name="kernel",
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, self.gates * self.units),
            name="recurrent_kernel",
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=self.bias_shape,
                name="bias",
                initializer=self.initial_bias,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    @property
    def bias_shape(self):
        return (self.gates * self.units,)

    def initial_bias(self, shape, dtype=None, **kwargs):
        return self.bias_initializer(shape, dtype=dtype, **kwargs)

    @property
    def input_bias(self):
        """The part of the bias that is added to the projected inputs, `(gates * units,)`, or None."""
        return self.bias

    @property
    def recurrent_bias(self):
        """The part of the bias that is added to the product of the hidden state, or None."""
        return None

    def equations(self):
        """The family's equations and their derivatives, for hand-written backpropagation through time."""
        raise NotImplementedError

    def project(self, inputs, training=False):
        """x W + b, the part of every gate that does not wait for the hidden state.

        Args:
            inputs: `(batch, features)`, or with time in front, `(time, batch, features)`: all steps in one product.
            training: whether the inputs are dropped out, with one mask for all steps.

        Returns:
            `(..., gates * units)`.
        """
        masks = None
        if training and self.drops(self.dropout):
            masks = self.get_dropout_mask(inputs if len(inputs.shape) == 2 else inputs[0])
        # A tensordot is one matrix product over all steps; a matmul of rank 3 would sum the gradient of the kernel
        # over the batch.
        if masks is None:
            projected = ops.tensordot(inputs, self.kernel, axes=1)
        elif not isinstance(masks, list):
            projected = ops.tensordot(inputs * masks, self.kernel, axes=1)
        else:
            kernels = ops.split(self.kernel, self.gates, axis=-1)
            products = [ops.tensordot(inputs * mask, k, axes=1) for mask, k in zip(masks, kernels, strict=True)]
            projected = ops.concatenate(products, axis=-1)
        return projected if self.input_bias is None else projected + self.input_bias

    def look_up(self, ids, training=False):
        """`project` of one-hot vectors that are never made: a one-hot vector times the kernel is a row of the kernel.

        Args:
            ids: integers in [0, features), of any shape.
            training: whether steps are dropped out: here `dropout` is the chance of each id to be left out.

        Returns:
            `(..., gates * units)`.

        Raises:
            ValueError: an id is outside of [0, features) (told at once in eager execution; in a graph, TensorFlow's
                own error on the CPU).
        """
        count = self.kernel.shape[0]
        ids = ops.cast(ids, "int32")
        if not isinstance(ids, keras.KerasTensor) and hasattr(ids, "numpy") and ops.size(ids):
            least, most = int(ops.min(ids)), int(ops.max(ids))
            if least < 0 or most >= count:
                raise ValueError(
                    f"Received an id of {least if least < 0 else most}; ids must be at least 0 and less than "
                    f"input_dim={count}."
                )
        # keras.ops.take counts negative ids from the end; here they must fail like any other id without a row.
        rows = ops.take(self.kernel, ops.where(ids < 0, count, ids), axis=0)
        if training and self.drops(self.dropout):
            rows = rows * keras.random.dropout(ops.ones_like(rows[..., :1]), self.dropout, seed=self.seed_generator)
        return rows if self.input_bias is None else rows + self.input_bias

    def recurrent_masks(self, hidden_state, training=False):
        """Dropout masks for the hidden state, `(batch, units)`: None, one, or one per gate."""
        if not training or not self.drops(self.recurrent_dropout):
            return None
        return self.get_recurrent_dropout_mask(hidden_state)

    def drops(self, rate):
        """Whether dropout of this rate is applied; see `GatedCell.drops` for where the families differ."""
        return rate > 0.0

    def step(self, projected, states, masks=None):
        """One step from projected inputs `(batch, gates * units)`: the family's step function."""
        raise NotImplementedError

    def call(self, inputs, states, training=False):
        nested = isinstance(states, (list, tuple))
        states = list(states) if nested else [states]
        masks = self.recurrent_masks(states[0], training)
        new_states = list(self.step(self.project(inputs, training), states, masks)[: len(states)])
        return new_states[0], new_states if nested else new_states[0]

    def get_initial_state(self, batch_size=None):
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in sizes]

    def get_config(self):
        kinds = {
            "kernel_initializer": keras.initializers,
            "recurrent_initializer": keras.initializers,
            "bias_initializer": keras.initializers,
            "kernel_regularizer": keras.regularizers,
            "recurrent_regularizer": keras.regularizers,
            "bias_regularizer": keras.regularizers,
            "kernel_constraint": keras.constraints,
            "recurrent_constraint": keras.constraints,
            "bias_constraint": keras.constraints,
            "activation": keras.activations,
        }
        config = {name: kind.serialize(getattr(self, name)) for name, kind in kinds.items()}
        config |= {name: getattr(self, name) for name in ("units", "use_bias", "dropout", "recurrent_dropout", "seed")}
        return super().get_config() | config


class GatedCell(RecurrentCell):
    """A cell with several gates side by side in its kernels: the LSTM's and the GRU's.

    Args:
        recurrent_activation: the gates' squashing function.
        implementation: 2, one product for all gates; 1, a product and a dropout mask of its own for each gate.
    """

    def __init__(self, recurrent_activation, implementation=2, **kwargs):
        super().__init__(**kwargs)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        # Recurrent dropout masks the hidden state once per gate, which only the split products (1) can do.
        self.implementation = 1 if self.recurrent_dropout else implementation
        if self.implementation == 1:
            self.dropout_mask_count = self.gates

    def drops(self, rate):
        """keras.layers.LSTM and GRU take a rate of 1 for none, SimpleRNN takes it at its word."""
        return 0.0 < rate < 1.0

    def get_config(self):
        recurrent_activation = keras.activations.serialize(self.recurrent_activation)
        own = {"recurrent_activation": recurrent_activation, "implementation": self.implementation}
        return super().get_config() | own


def recurrent_product(hidden_state, recurrent_kernel, masks=None):
    """h U for all gates at once, or, with one dropout mask per gate, gate by gate.

    Args:
        hidden_state: `(batch, units)`.
        recurrent_kernel: `(units, gates * units)`.
        masks: None or none, one mask `(batch, units)`, or a list or tuple of one per gate.

    Returns:
        `(batch, gates * units)`.
    """
    if masks is None or (isinstance(masks, (list, tuple)) and not masks):
        return ops.matmul(hidden_state, recurrent_kernel)
    if not isinstance(masks, (list, tuple)):
        return ops.matmul(hidden_state * masks, recurrent_kernel)
    kernels = ops.split(recurrent_kernel, len(masks), axis=-1)
    return ops.concatenate([ops.matmul(hidden_state * m, k) for m, k in zip(masks, kernels, strict=True)], axis=-1)
