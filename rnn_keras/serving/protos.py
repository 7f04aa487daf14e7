"""The messages of TF Serving's gRPC services that the server reads and writes, without TensorFlow.

The generated modules of tensorflow-serving-api import TensorFlow, which takes seconds and hundreds of megabytes. These
are the same messages on the wire, made from their fields as TF Serving's and TensorFlow's .proto files number them.
Fields that the server does not use are left out; protobuf keeps what it does not know.
"""

import re
from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

# Each line is a message with its fields: name = number, type; `*` repeated, `?` of the message's only oneof.
MESSAGES = """
tensorflow.TensorShapeProto.Dim: size = 1 int64, name = 2 string
tensorflow.TensorShapeProto: dim = 2 *tensorflow.TensorShapeProto.Dim, unknown_rank = 3 bool
tensorflow.TensorProto: dtype = 1 tensorflow.DataType, tensor_shape = 2 tensorflow.TensorShapeProto, \
version_number = 3 int32, tensor_content = 4 bytes, half_val = 13 *int32, float_val = 5 *float, \
double_val = 6 *double, int_val = 7 *int32, string_val = 8 *bytes, int64_val = 10 *int64, bool_val = 11 *bool, \
uint32_val = 16 *uint32, uint64_val = 17 *uint64
tensorflow.TensorInfo: name = 1 ?string, dtype = 2 tensorflow.DataType, tensor_shape = 3 tensorflow.TensorShapeProto
tensorflow.SignatureDef: inputs = 1 map tensorflow.TensorInfo, outputs = 2 map tensorflow.TensorInfo, \
method_name = 3 string, defaults = 4 map tensorflow.TensorProto
tensorflow.serving.ModelSpec: name = 1 string, version = 2 ?google.protobuf.Int64Value, version_label = 4 ?string, \
signature_name = 3 string
tensorflow.serving.PredictRequest: model_spec = 1 tensorflow.serving.ModelSpec, \
inputs = 2 map tensorflow.TensorProto, output_filter = 3 *string
tensorflow.serving.PredictResponse: model_spec = 2 tensorflow.serving.ModelSpec, outputs = 1 map tensorflow.TensorProto
tensorflow.serving.GetModelMetadataRequest: model_spec = 1 tensorflow.serving.ModelSpec, metadata_field = 2 *string
tensorflow.serving.GetModelMetadataResponse: model_spec = 1 tensorflow.serving.ModelSpec, \
metadata = 2 map google.protobuf.Any
tensorflow.serving.SignatureDefMap: signature_def = 1 map tensorflow.SignatureDef
tensorflow.serving.GetModelStatusRequest: model_spec = 1 tensorflow.serving.ModelSpec
tensorflow.serving.StatusProto: error_code = 1 int32, error_message = 2 string
tensorflow.serving.ModelVersionStatus: version = 1 int64, state = 2 tensorflow.serving.ModelVersionState, \
status = 3 tensorflow.serving.StatusProto
tensorflow.serving.GetModelStatusResponse: model_version_status = 1 *tensorflow.serving.ModelVersionStatus
"""
ENUMS = {
    "tensorflow.DataType": (
        *("DT_INVALID", "DT_FLOAT", "DT_DOUBLE", "DT_INT32", "DT_UINT8", "DT_INT16", "DT_INT8", "DT_STRING"),
        *("DT_COMPLEX64", "DT_INT64", "DT_BOOL", "DT_QINT8", "DT_QUINT8", "DT_QINT32", "DT_BFLOAT16", "DT_QINT16"),
        *("DT_QUINT16", "DT_UINT16", "DT_COMPLEX128", "DT_HALF", "DT_RESOURCE", "DT_VARIANT", "DT_UINT32", "DT_UINT64"),
    ),
    "tensorflow.serving.ModelVersionState": ("UNKNOWN", "START", "LOADING", "AVAILABLE", "UNLOADING", "END"),
}
STEPS = {"tensorflow.serving.ModelVersionState": 10}  # between the numbers of an enum; else 1
FIELD = re.compile(r"(\w+) = (\d+) (map |\*|\?)?([\w.]+)")

File = descriptor_pb2.FileDescriptorProto
Field = descriptor_pb2.FieldDescriptorProto


def make_messages() -> dict[str, Any]:
    """The classes of the messages by their short names, such as `PredictRequest`.

    They are in a pool of their own, so that a process may import TensorFlow's and TF Serving's modules too.
    """
    pool = descriptor_pool.DescriptorPool()
    for module in (any_pb2, wrappers_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    files = {name: _make_file(name) for name in ("tensorflow", "tensorflow.serving")}
    files["tensorflow.serving"].dependency.append(files["tensorflow"].name)
    for name, values in ENUMS.items():
        package, _, short = name.rpartition(".")
        enum = files[package].enum_type.add(name=short)
        for number, value in enumerate(values):
            enum.value.add(name=value, number=number * STEPS.get(name, 1))
    placed: dict[str, Any] = {}
    names = []
    lines = [line.partition(": ") for line in MESSAGES.strip().splitlines()]
    for name, _, _ in sorted(lines, key=lambda line: line[0].count(".")):  # the outer messages first
        package, _, short = name.rpartition(".")
        outer = placed[package].nested_type if package in placed else files[package].message_type
        placed[name] = outer.add(name=short)
        names.append(name)
    for name, _, fields in lines:
        for field in FIELD.findall(fields):
            _add_field(placed[name], name, *field)
    for file in files.values():
        pool.AddSerializedFile(file.SerializeToString())
    found = ((name, pool.FindMessageTypeByName(name)) for name in names)
    return {name.rpartition(".")[2]: message_factory.GetMessageClass(descriptor) for name, descriptor in found}


def _make_file(package: str) -> Any:
    dependencies = [any_pb2.DESCRIPTOR.name, wrappers_pb2.DESCRIPTOR.name]
    return File(name=f"{package}.proto", package=package, syntax="proto3", dependency=dependencies)


def _add_field(message: Any, full_name: str, name: str, number: str, kind: str, type_name: str) -> None:
    label = Field.LABEL_REPEATED if kind in ("*", "map ") else Field.LABEL_OPTIONAL
    field = message.field.add(name=name, number=int(number), label=label)
    if kind == "map ":
        entry = message.nested_type.add(name="".join(part.title() for part in name.split("_")) + "Entry")
        entry.options.map_entry = True
        _add_field(entry, full_name, "key", "1", "", "string")
        _add_field(entry, full_name, "value", "2", "", type_name)
        type_name = f"{full_name}.{entry.name}"
    if kind == "?":
        if not message.oneof_decl:
            message.oneof_decl.add(name="choice")
        field.oneof_index = 0
    if type_name in ENUMS:
        field.type, field.type_name = Field.TYPE_ENUM, f".{type_name}"
    elif "." in type_name:
        field.type, field.type_name = Field.TYPE_MESSAGE, f".{type_name}"
    else:
        field.type = getattr(Field, f"TYPE_{type_name.upper()}")


PROTOS = make_messages()
