"""What the cells of the three families share: weights, the input projection, dropout and configuration."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

# Not public, and needed: keras.layers.RNN and StackedRNNCells draw one dropout mask for all steps of a sequence only
# for cells of this class.
from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell

from rnn_keras.layers.arguments import positive_integer
from rnn_keras.layers.bptt.equations import Equations
from rnn_keras.layers.keras_types import (
    ActivationLike,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Shape,
    Tensor,
    ops,
    random,
)


class RecurrentCell(DropoutRNNCell, keras.layers.Layer):
    """One step of a recurrent network: inputs `(batch, features)` and the state -> output and the next state.

    A family defines how many gates its kernels hold side by side (`gate_count`), its state (`state_size`), and how a
    step is computed from the projected inputs (`step`). Everything else, the weights first, is the same for all three.

    Weights, in this order, as in keras.layers: `kernel (features, gate_count * units)`,
    `recurrent_kernel (units, gate_count * units)` and, with `use_bias`, `bias`.

    Raises:
        ValueError: `units` is not a positive integer.
    """

    gate_count: int = 1
    state_size: int | list[int]
    # Whether the generator of dropout takes its seed before the initializers take theirs. The order is that of
    # keras.layers, where the families differ, so that the same seed gives the same first weights.
    seeds_dropout_first: bool = False

    def __init__(
        self,
        units: int,
        activation: ActivationLike,
        use_bias: bool,
        kernel_initializer: InitializerLike,
        recurrent_initializer: InitializerLike,
        bias_initializer: InitializerLike,
        kernel_regularizer: RegularizerLike,
        recurrent_regularizer: RegularizerLike,
        bias_regularizer: RegularizerLike,
        kernel_constraint: ConstraintLike,
        recurrent_constraint: ConstraintLike,
        bias_constraint: ConstraintLike,
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.seed = seed
        if self.seeds_dropout_first:
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.units = positive_integer("units", units)
        self.activation: Callable[..., Any] = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer: Any = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = keras.regularizers.get(recurrent_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.recurrent_constraint = keras.constraints.get(recurrent_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        if not self.seeds_dropout_first:
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.output_size = self.units

    def build(self, input_shape: Shape) -> None:
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.gate_count * self.units),
            name="kernel",
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, self.gate_count * self.units),
            name="recurrent_kernel",
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias: Tensor | None = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=self.bias_shape,
                name="bias",
                initializer=self.initial_bias,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return (self.gate_count * self.units,)

    def initial_bias(self, shape: Shape, dtype: Any = None, **kwargs: Any) -> Tensor:
        """The initializer of the bias."""
        return self.bias_initializer(shape, dtype=dtype, **kwargs)

    @property
    def input_bias(self) -> Tensor | None:
        """The part of the bias that is added to the projected inputs, `(gate_count * units,)`, or None."""
        return self.bias

    @property
    def recurrent_bias(self) -> Tensor | None:
        """The part of the bias that is added to the product with the hidden state, `(gate_count * units,)`, or None."""
        return None

    def equations(self) -> Equations:
        """The family's equations and their derivatives, for hand-written backpropagation through time."""
        raise NotImplementedError

    def project(self, inputs: Tensor, training: bool = False) -> Tensor:
        """x W + b, the part of every gate that does not depend on the hidden state.

        Args:
            inputs: `(batch, features)`, or with time first, `(time, batch, features)`: all steps in one product.
            training: whether dropout is applied to the inputs, with one mask for all steps.

        Returns:
            `(..., gate_count * units)`.
        """
        dropout_masks = None
        if training and self.applies_dropout(self.dropout):
            dropout_masks = self.get_dropout_mask(inputs if len(inputs.shape) == 2 else inputs[0])
        # A tensordot is one matrix product over all steps; a matmul of rank 3 would sum the gradient of the kernel
        # over the batch.
        if dropout_masks is None:
            projected = ops.tensordot(inputs, self.kernel, axes=1)
        elif not isinstance(dropout_masks, list):
            projected = ops.tensordot(inputs * dropout_masks, self.kernel, axes=1)
        else:
            gates = zip(dropout_masks, ops.split(self.kernel, self.gate_count, axis=-1), strict=True)
            projected = ops.concatenate([ops.tensordot(inputs * mask, kernel, axes=1) for mask, kernel in gates], -1)
        return projected if self.input_bias is None else projected + self.input_bias

    def project_ids(self, ids: Tensor, training: bool = False) -> Tensor:
        """`project` of one-hot vectors without making them: a one-hot vector times the kernel is a row of the kernel.

        Args:
            ids: integers in [0, features), of any shape.
            training: whether dropout is applied: here `dropout` is the probability of each id to be dropped.

        Returns:
            `(..., gate_count * units)`.

        Raises:
            ValueError: an id is outside of [0, features). In a graph it is TensorFlow's own error, on the CPU alone.
        """
        count = self.kernel.shape[0]
        ids = ops.cast(ids, "int32")
        if not isinstance(ids, keras.KerasTensor) and hasattr(ids, "numpy") and ops.size(ids):
            lowest, highest = int(ops.min(ids)), int(ops.max(ids))
            if lowest < 0 or highest >= count:
                raise ValueError(
                    f"Received an id of {lowest if lowest < 0 else highest}; ids must be at least 0 and less than "
                    f"input_dim={count}."
                )
        # keras.ops.take counts negative ids from the end; here they must fail like any other id without a row.
        rows = ops.take(self.kernel, ops.where(ids < 0, count, ids), axis=0)
        if training and self.applies_dropout(self.dropout):
            rows = rows * random.dropout(ops.ones_like(rows[..., :1]), self.dropout, seed=self.seed_generator)
        return rows if self.input_bias is None else rows + self.input_bias

    def recurrent_dropout_masks(self, hidden_state: Tensor, training: bool = False) -> Tensor | list[Tensor] | None:
        """Dropout masks for the hidden state, `(batch, units)`: None, one, or a list of one per gate."""
        if not training or not self.applies_dropout(self.recurrent_dropout):
            return None
        dropout_masks: Any = self.get_recurrent_dropout_mask(hidden_state)
        return dropout_masks

    def applies_dropout(self, rate: float) -> bool:
        """Whether dropout of this rate is applied; see `GatedCell.applies_dropout` for where the families differ."""
        return rate > 0.0

    def step(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        dropout_masks: Tensor | Sequence[Tensor] | None = None,
    ) -> tuple[Tensor, ...]:
        """One step from projected inputs `(batch, gate_count * units)`, by the family's step function.

        Returns:
            A named tuple: the next states first, then the gates, each `(batch, units)`.
        """
        raise NotImplementedError

    def call(self, inputs: Tensor, states: Any, training: bool = False) -> tuple[Tensor, Any]:
        is_sequence = isinstance(states, (list, tuple))
        states = list(states) if is_sequence else [states]
        dropout_masks = self.recurrent_dropout_masks(states[0], training)
        new_states = list(self.step(self.project(inputs, training), states, dropout_masks)[: len(states)])
        return new_states[0], new_states if is_sequence else new_states[0]

    def get_initial_state(self, batch_size: int | None = None) -> list[Tensor]:
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in sizes]

    def get_config(self) -> dict[str, Any]:
        serializers = {
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
        config = {name: module.serialize(getattr(self, name)) for name, module in serializers.items()}
        config |= {name: getattr(self, name) for name in ("units", "use_bias", "dropout", "recurrent_dropout", "seed")}
        return super().get_config() | config


class GatedCell(RecurrentCell):
    """A cell with several gates side by side in its kernels: the LSTM's and the GRU's.

    Args:
        recurrent_activation: of the gates.
        implementation: 2, one product for all gates; 1, a product and a dropout mask of its own for each gate.
    """

    def __init__(self, recurrent_activation: ActivationLike, implementation: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        self.recurrent_activation: Callable[..., Any] = keras.activations.get(recurrent_activation)
        # Recurrent dropout has one mask for each gate, which only the split products (1) can apply.
        self.implementation = 1 if self.recurrent_dropout else implementation
        if self.implementation == 1:
            self.dropout_mask_count = self.gate_count

    def applies_dropout(self, rate: float) -> bool:
        """keras.layers.LSTM and GRU treat a rate of 1 as no dropout; SimpleRNN drops everything."""
        return 0.0 < rate < 1.0

    def get_config(self) -> dict[str, Any]:
        recurrent_activation = keras.activations.serialize(self.recurrent_activation)
        own = {"recurrent_activation": recurrent_activation, "implementation": self.implementation}
        return super().get_config() | own
