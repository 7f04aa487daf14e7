"""The examples on which an export is compared, as a file for the process that measures it. Needs NumPy alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Tensor = bytes | np.ndarray
Example = Tensor | Mapping[str, Tensor]  # by the names of the model's inputs, where it has several

FACTS = "fact "  # before the names of what is kept beside the examples; no input of a model has such a name


def write_examples(path: Path, examples: Sequence[Example], **facts: Any) -> None:
    """Writes examples, and facts about them, without pickles.

    Args:
        path: an `.npz` file.
        examples: bytes, texts, tensors of any shape and type, or dicts of these; all of one kind.
        facts: booleans, numbers and texts.

    Raises:
        ValueError: the examples are not of one kind.
    """
    arrays: dict[str, Any] = {FACTS + name: np.asarray(value) for name, value in facts.items()}
    names = [""] if not isinstance(examples[0], Mapping) else sorted(examples[0])
    for name in names:
        values: list[Any] = [example[name] if isinstance(example, Mapping) else example for example in examples]
        values = [value.encode() if isinstance(value, str) else value for value in values]
        is_bytes = isinstance(values[0], bytes)
        tensors = [np.frombuffer(value, np.uint8) if is_bytes else np.asarray(value) for value in values]
        kinds = {(tensor.dtype.kind, tensor.ndim) for tensor in tensors}
        if len(kinds) > 1 or tensors[0].dtype.hasobject:
            raise ValueError(f"examples must be tensors of one type and number of dimensions; got {sorted(kinds)}")
        arrays |= {
            f"{name}.values": np.concatenate([tensor.ravel() for tensor in tensors]),
            f"{name}.shapes": np.array([tensor.shape for tensor in tensors], np.int64),
            f"{name}.is_bytes": np.asarray(is_bytes),
        }
    np.savez(path, **arrays)


def read_examples(path: Path) -> tuple[list[Example], dict[str, Any]]:
    """The examples and the facts that `write_examples` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        facts = {name.removeprefix(FACTS): stored[name].item() for name in stored if name.startswith(FACTS)}
        names = [name.removesuffix(".shapes") for name in stored if name.endswith(".shapes")]
        inputs = {name: _read_tensors(stored, name) for name in names}
    if names == [""]:
        return list(inputs[""]), facts
    return [dict(zip(names, values, strict=True)) for values in zip(*inputs.values(), strict=True)], facts


def _read_tensors(stored: Mapping[str, Any], name: str) -> list[Tensor]:
    values, shapes = stored[f"{name}.values"], stored[f"{name}.shapes"]
    ends = np.cumsum(shapes.prod(axis=1))
    parts = np.split(values, ends[:-1])
    if stored[f"{name}.is_bytes"]:
        return [part.tobytes() for part in parts]
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
