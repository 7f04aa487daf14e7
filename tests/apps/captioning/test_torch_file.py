"""Tensors from PyTorch's older files, without torch, and nothing else from them."""

import pickle
import sys
import types
from collections import OrderedDict

import numpy as np
import pytest

from apps.captioning import torch_file
from apps.captioning.torch_file import read_tensors
from rnn_keras.utils.errors import UserError

VALUES = np.arange(12, dtype="<f4") / 7
COUNT = np.array([3, 5], "<i8")


class _Rebuilt:
    """Pickles as torch writes a tensor: a call of the function of that name."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.arguments


class _Storage(str):
    """A storage's key, which pickles as torch mentions it."""

    kind = "FloatStorage"


class _Pickler(pickle.Pickler):
    def persistent_id(self, thing):
        if isinstance(thing, _Storage):
            return "storage", getattr(sys.modules["torch"], thing.kind), str(thing), "cpu", 12, None
        return None


@pytest.fixture
def torch_names(monkeypatch):
    """The names that such a file mentions, as modules that hold nothing else."""
    modules = {"torch": types.ModuleType("torch"), "torch._utils": types.ModuleType("torch._utils")}
    for name in ("FloatStorage", "LongStorage", "HalfStorage"):
        setattr(modules["torch"], name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2(*arguments):
        raise AssertionError("torch's own function was called")

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    modules["torch._utils"]._rebuild_tensor_v2 = _rebuild_tensor_v2
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)


def written(path, tensors, storages):
    with path.open("wb") as file:
        for value in (torch_file.MAGIC, torch_file.PROTOCOL, {"little_endian": True}):
            pickle.dump(value, file, protocol=2)
        _Pickler(file, protocol=2).dump(OrderedDict(tensors))
        pickle.dump(list(storages), file, protocol=2)
        for values in storages.values():
            file.write(len(values).to_bytes(8, "little") + values.tobytes())
    return path


def two_tensors(path):
    key, count = _Storage("a"), _Storage("b")
    count.kind = "LongStorage"
    tensors = {
        "weight": _Rebuilt(key, 0, (3, 4), (4, 1), False, OrderedDict()),
        "turned": _Rebuilt(key, 2, (2, 3), (1, 2), False, OrderedDict()),
        "count": _Rebuilt(count, 1, (), (), False, OrderedDict()),
    }
    return written(path, tensors, {"a": VALUES, "b": COUNT})


def test_tensors_come_out_as_they_lie(torch_names, tmp_path):
    tensors = read_tensors(two_tensors(tmp_path / "model.pth"))

    np.testing.assert_array_equal(tensors["weight"], VALUES.reshape(3, 4))
    np.testing.assert_array_equal(tensors["turned"], VALUES[2:8].reshape(3, 2).T)
    assert tensors["count"] == 5 and tensors["count"].dtype == np.int64


def test_a_file_of_torch_itself(tmp_path):
    torch = pytest.importorskip("torch")
    weights = {"weight": torch.randn(3, 4, 5).permute(2, 0, 1), "count": torch.tensor(7)}
    torch.save(OrderedDict(weights), tmp_path / "model.pth", _use_new_zipfile_serialization=False)
    tensors = read_tensors(tmp_path / "model.pth")

    assert list(tensors) == ["weight", "count"]
    np.testing.assert_array_equal(tensors["weight"], weights["weight"].numpy())
    assert tensors["count"] == 7


class _Evil:
    def __reduce__(self):
        return print, ("this must not be printed",)


def test_nothing_else_is_called(torch_names, tmp_path, capsys):
    path = written(tmp_path / "evil.pth", {"weight": _Evil()}, {})
    with pytest.raises(UserError, match=r"it refers to __builtin__\.print"):
        read_tensors(path)
    (tmp_path / "first.pth").write_bytes(pickle.dumps(_Evil(), protocol=2))
    with pytest.raises(UserError, match="it refers to"):
        read_tensors(tmp_path / "first.pth")

    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("offset", "shape", "stride"), [(0, (13,), (1,)), (8, (2, 3), (3, 1)), (-1, (1,), (1,)), (0, (3,), (-1,))]
)
def test_a_tensor_outside_of_the_file_is_refused(torch_names, tmp_path, offset, shape, stride):
    tensors = {"weight": _Rebuilt(_Storage("a"), offset, shape, stride, False, OrderedDict())}
    with pytest.raises(UserError, match="outside of the file"):
        read_tensors(written(tmp_path / "model.pth", tensors, {"a": VALUES}))


def test_what_is_damaged_is_a_sentence(torch_names, tmp_path):
    whole = two_tensors(tmp_path / "model.pth").read_bytes()
    for content in (b"", b"PK\x03\x04", whole[:40], whole[:-3], whole.replace(b"FloatStorage", b"HalfStorage\n")):
        (tmp_path / "model.pth").write_bytes(content)
        with pytest.raises(UserError, match="not such a file, or damaged"):
            read_tensors(tmp_path / "model.pth")
    with pytest.raises(UserError, match="cannot be read"):
        read_tensors(tmp_path / "none.pth")
