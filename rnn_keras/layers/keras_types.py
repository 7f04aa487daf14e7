"""Types for annotations, and Keras's operations as a type checker can follow them."""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import keras

# Keras has no annotations, and what a type checker infers for `keras.ops` from all backends at once is wrong
# ("OpenVINOKerasTensor | None" for a matrix product). What comes out of these is annotated where it matters.
ops: Any = keras.ops
random: Any = keras.random

Shape: TypeAlias = tuple[int | None, ...]
ActivationLike: TypeAlias = str | Callable[..., Any] | None
InitializerLike: TypeAlias = str | dict[str, Any] | keras.initializers.Initializer | Callable[..., Any] | None
RegularizerLike: TypeAlias = str | dict[str, Any] | keras.regularizers.Regularizer | None
ConstraintLike: TypeAlias = str | dict[str, Any] | keras.constraints.Constraint | None


class Tensor(Protocol):
    """What the equations use of a tensor: symbolic (keras.KerasTensor), TensorFlow's, a variable or a NumPy array."""

    @property
    def shape(self) -> Any: ...
    @property
    def dtype(self) -> Any: ...
    def __getitem__(self, key: Any, /) -> Any: ...
    def __lt__(self, other: Any, /) -> Any: ...
    def __add__(self, other: Any, /) -> Any: ...
    def __radd__(self, other: Any, /) -> Any: ...
    def __sub__(self, other: Any, /) -> Any: ...
    def __rsub__(self, other: Any, /) -> Any: ...
    def __mul__(self, other: Any, /) -> Any: ...
    def __rmul__(self, other: Any, /) -> Any: ...
