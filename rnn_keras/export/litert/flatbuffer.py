"""LiteRT files as objects: tensors and operators are added, and what is no longer used is removed."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int16): schema.TensorType.INT16,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.int64): schema.TensorType.INT64,
    np.dtype(np.bool_): schema.TensorType.BOOL,
}


class FlatModel:
    """A LiteRT model that can be changed.

    Args:
        content: the content of a `.tflite` file.

    Attributes:
        model: the flatbuffer's objects, as `schema.fbs` of TensorFlow names them.
    """

    def __init__(self, content: bytes):
        self.model: Any = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
        self._added: dict[bytes, int] = {}

    def add_graph(self, name: str) -> "FlatGraph":
        """A new, empty subgraph."""
        graph: Any = schema.SubGraphT()
        graph.name, graph.tensors, graph.operators, graph.inputs, graph.outputs = name.encode(), [], [], [], []
        self.model.subgraphs.append(graph)
        return FlatGraph(self, len(self.model.subgraphs) - 1)

    def add_buffer(self, values: np.ndarray) -> int:
        """The index of a buffer with these values."""
        content = values.tobytes()
        if content not in self._added:
            buffer: Any = schema.BufferT()
            buffer.data = np.frombuffer(content, np.uint8)
            self.model.buffers.append(buffer)
            self._added[content] = len(self.model.buffers) - 1
        return self._added[content]

    def find_operator_code(self, name: str, version: int) -> int:
        """The index of an operator's code, which is added where the model has none."""
        builtin = getattr(schema.BuiltinOperator, name)
        for index, code in enumerate(self.model.operatorCodes):
            if code.builtinCode == builtin and not code.customCode:
                code.version = max(code.version, version)
                return index
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), version
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1

    def serialize(self) -> bytes:
        """The content of the file, without tensors and buffers that nothing uses."""
        for graph in self.model.subgraphs:
            _remove_dead_operators(graph)
            _sort_operators(graph)
            self._remove_unused_tensors(graph)
        self._remove_unused_buffers()
        return bytes(flatbuffer_utils.convert_object_to_bytearray(self.model))

    def _remove_unused_tensors(self, graph: Any) -> None:
        used = {int(index) for index in [*graph.inputs, *graph.outputs]}
        for operator in graph.operators:
            used.update(int(index) for index in _list_tensors(operator) if index >= 0)
        new_index = {old: new for new, old in enumerate(sorted(used))} | {-1: -1}
        graph.tensors = [graph.tensors[old] for old in sorted(used)]
        graph.inputs, graph.outputs = ([new_index[int(i)] for i in part] for part in (graph.inputs, graph.outputs))
        for operator in graph.operators:
            operator.inputs = [new_index[int(i)] for i in operator.inputs]
            operator.outputs = [new_index[int(i)] for i in operator.outputs]
            if operator.intermediates is not None:
                operator.intermediates = [new_index[int(i)] for i in operator.intermediates]
        own = next(i for i, one in enumerate(self.model.subgraphs) if one is graph)
        for signature in self.model.signatureDefs or []:
            if signature.subgraphIndex == own:
                for entry in [*signature.inputs, *signature.outputs]:
                    entry.tensorIndex = new_index[int(entry.tensorIndex)]

    def _remove_unused_buffers(self) -> None:
        tensors = [tensor for graph in self.model.subgraphs for tensor in graph.tensors]
        metadata = self.model.metadata or []
        used = sorted({0, *(tensor.buffer for tensor in tensors), *(entry.buffer for entry in metadata)})
        new_index = {old: new for new, old in enumerate(used)}
        self.model.buffers = [self.model.buffers[old] for old in used]
        for owner in [*tensors, *metadata]:
            owner.buffer = new_index[owner.buffer]


class FlatGraph:
    """A subgraph of a LiteRT model, to which tensors and operators are added. Tensors are known by their index.

    Args:
        model: the model.
        index: of the subgraph in it.
    """

    def __init__(self, model: FlatModel, index: int = 0):
        self.model = model
        self.index = index
        self.graph: Any = model.model.subgraphs[index]

    def add_tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: Any,
        scale: float | np.ndarray | None = None,
        zero_point: int = 0,
        *,
        variable: bool = False,
    ) -> int:
        """A tensor that an operator computes, or that is kept from one call to the next (`variable`)."""
        tensor: Any = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name.encode(), list(shape), TYPES[np.dtype(dtype)]
        tensor.isVariable, tensor.hasRank = variable, True
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            quantization: Any = schema.QuantizationParametersT()
            quantization.scale, quantization.zeroPoint = scales, np.full(len(scales), zero_point, np.int64)
            tensor.quantization = quantization
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def add_constant(self, name: str, values: np.ndarray, scale: float | np.ndarray | None = None) -> int:
        """A tensor with fixed values."""
        index = self.add_tensor(name, values.shape, values.dtype, scale)
        self.graph.tensors[index].buffer = self.model.add_buffer(values)
        return index

    def add_operator(
        self,
        name: str,
        inputs: Iterable[int],
        outputs: Iterable[int],
        options: Any = None,
        version: int = 1,
        intermediates: Iterable[int] | None = None,
    ) -> Any:
        """An operator, by its name in `BuiltinOperator`; its options are an object of `schema_py_generated`."""
        operator: Any = schema.OperatorT()
        operator.opcodeIndex = self.model.find_operator_code(name, version)
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType, operator.builtinOptions = getattr(schema.BuiltinOptions, kind), options
        if intermediates is not None:
            operator.intermediates = list(intermediates)
        self.graph.operators.append(operator)
        return operator

    def name_operator(self, operator: Any) -> str:
        """The name of an operator in `BuiltinOperator`."""
        code = self.model.model.operatorCodes[operator.opcodeIndex].builtinCode
        return next(name for name, value in vars(schema.BuiltinOperator).items() if value == code)

    def find_producer(self, tensor: int) -> Any:
        """The operator that computes a tensor, or None."""
        return next((o for o in self.graph.operators if tensor in [int(i) for i in o.outputs]), None)

    def find_consumers(self, tensor: int) -> list[Any]:
        """The operators that read a tensor."""
        return [o for o in self.graph.operators if tensor in [int(i) for i in o.inputs]]

    def remove_operator(self, operator: Any) -> None:
        """Takes an operator out."""
        self.graph.operators = [one for one in self.graph.operators if one is not operator]

    def replace_tensor(self, old: int, new: int) -> None:
        """Lets all operators, and the graph's outputs, read `new` instead of `old`."""
        for operator in self.graph.operators:
            operator.inputs = [new if int(i) == old else int(i) for i in operator.inputs]
        self.graph.outputs = [new if int(i) == old else int(i) for i in self.graph.outputs]

    def get_quantization(self, tensor: int) -> tuple[float, int] | None:
        """The scale and the zero point of a tensor, None where it has none, or several scales."""
        quantization = self.graph.tensors[tensor].quantization
        if quantization is None or quantization.scale is None or len(quantization.scale) != 1:
            return None
        return float(quantization.scale[0]), int(quantization.zeroPoint[0])


def _list_tensors(operator: Any) -> list[int]:
    intermediates = operator.intermediates
    return [*operator.inputs, *operator.outputs, *([] if intermediates is None else intermediates)]


def _remove_dead_operators(graph: Any) -> None:
    """Takes out the operators whose outputs nothing reads."""
    while True:
        used = {int(i) for i in graph.outputs} | {int(i) for o in graph.operators for i in o.inputs}
        alive = [o for o in graph.operators if not len(o.outputs) or used & {int(i) for i in o.outputs}]
        if len(alive) == len(graph.operators):
            return
        graph.operators = alive


def _sort_operators(graph: Any) -> None:
    """Puts each operator behind those whose outputs it reads, and leaves their order otherwise."""
    waiting, ordered = list(graph.operators), []
    missing = {int(output) for operator in waiting for output in operator.outputs}
    while waiting:
        ready = next((o for o in waiting if not missing & {int(i) for i in o.inputs}), None)
        if ready is None:
            raise ValueError("the operators of a LiteRT graph read each other's outputs in a circle")
        waiting.remove(ready)
        ordered.append(ready)
        missing -= {int(output) for output in ready.outputs}
    graph.operators = ordered
