"""A pickle of numbers is read as NumPy reads it, and one that does anything else is refused before it does."""

import os
import pickle
import pickletools

import numpy as np
import pytest

from apps.activity.number_pickle import load_number_pickle, read_number_pickle
from apps.activity.shoulder_exercises import FILE
from rnn_keras.utils.errors import UserError

GOOD = {
    "X": [np.arange(12.0).reshape(6, 2), np.asfortranarray(np.arange(6.0).reshape(3, 2))],
    "y": np.array([1, 0]),
    "flags": np.array([True, False]),
    "big_endian": np.arange(3, dtype=">i4"),
    "names": ["PEN", "ABD"],
    "nothing": None,
    "pair": (1, 2.5),
}


def save(path, content, protocol=2):
    """As `numpy.save` writes an object, with the pickle as given."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        file.write(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_it_reads_what_numpy_reads(tmp_path, protocol):
    found = load_number_pickle(save(tmp_path / "good.npy", GOOD, protocol))
    assert list(found) == list(GOOD)
    for one, other in zip(found["X"], GOOD["X"], strict=True):
        np.testing.assert_array_equal(one, other)
    for name in ("y", "flags", "big_endian"):
        np.testing.assert_array_equal(found[name], GOOD[name])
        assert found[name].dtype.kind == GOOD[name].dtype.kind
    assert (found["names"], found["nothing"], found["pair"]) == (["PEN", "ABD"], None, (1, 2.5))


def test_it_reads_what_numpy_saves(tmp_path):
    np.save(tmp_path / "saved.npy", np.array(GOOD, object), allow_pickle=True)
    np.testing.assert_array_equal(load_number_pickle(tmp_path / "saved.npy")["X"][0], GOOD["X"][0])


class Harmful:
    """Its pickle runs a program."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def harmful_pickles(path):
    """Pickles that would make the file `path`, or take memory, or give objects that are not values."""
    touch = f"touch {path}"
    yield "a command", pickle.dumps(Harmful(os.system, touch))
    yield "a command inside a dict", pickle.dumps({**GOOD, "z": [Harmful(os.system, touch)]})
    yield "eval", pickle.dumps(Harmful(eval, f"open({str(path)!r}, 'w')"))
    yield "a file", pickle.dumps(Harmful(open, str(path), "w"))
    yield "an instance by its class", b"(S'" + touch.encode() + b"'\nios\nsystem\n."
    yield "a name with dots", b"\x80\x04\x8c\x05numpy\x8c\x0ef2py.os.system\x93\x8c\x01x\x85R."
    yield "an extension", b"\x80\x02\x82\x01."
    yield "a persistent object", b"Pfile\n."
    yield "a class of this toolkit", pickle.dumps(UserError("x"))
    yield "an array of objects", pickle.dumps(np.array([1, None], object), 2)
    yield "an array of records", pickle.dumps(np.zeros(2, "i4,f4"), 2)
    yield "an array of texts", pickle.dumps(np.array(["a"]), 2)
    yield "an array larger than its data", pickle.dumps(np.zeros(3), 2).replace(b"K\x03\x85", b"J\xff\xff\xff\x7f\x85")
    yield "a huge number to store under", b"\x80\x02]r\xff\xff\xff\x7f."
    yield "a loop", b"\x80\x02]q\x00h\x00a."
    yield "a state for a function", b"\x80\x02cnumpy\ndtype\n}U\x01aK\x01sb."
    yield "a set", pickle.dumps({1, 2}, 4)
    yield "bytes that are no pickle", b"\x00\x01\x02"
    yield "half of a pickle", pickle.dumps(GOOD, 2)[:200]
    yield "nothing", b""


@pytest.mark.parametrize("number", range(20))
def test_what_does_anything_else_is_refused(number, tmp_path):
    made = tmp_path / "made"
    name, content = list(harmful_pickles(made))[number]
    with pytest.raises(UserError, match="was refused"):
        print(name, load_number_pickle(save(tmp_path / "bad.npy", content)))
    assert not made.exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of a text with a backslash
def test_any_changed_byte_is_refused_or_harmless(tmp_path):
    content = bytearray(pickle.dumps({"y": np.arange(4), "names": ["a"]}, 2))
    generator = np.random.default_rng(1)
    for _ in range(500):
        changed = bytearray(content)
        changed[generator.integers(len(changed))] = generator.integers(256)
        try:
            found = load_number_pickle(save(tmp_path / "changed.npy", bytes(changed)))
        except UserError:
            continue
        assert isinstance(found, dict | list | tuple | str | bytes | int | float | np.ndarray | type(None))


def test_a_file_that_is_not_a_pickle_is_refused(tmp_path):
    np.save(tmp_path / "numbers.npy", np.zeros(3))
    with pytest.raises(UserError, match="expected one pickled object"):
        load_number_pickle(tmp_path / "numbers.npy")
    with pytest.raises(UserError, match="No such file"):
        load_number_pickle(tmp_path / "none.npy")


@pytest.mark.slow
def test_the_published_file_is_read(fetched):
    """Byte for byte what NumPy's own reader, which runs the pickle, makes of it; the file's hash is pinned."""
    path = fetched(FILE)
    found, expected = load_number_pickle(path), np.load(path, allow_pickle=True).item()
    assert len(found["X"]) == 140 and sum(map(len, found["X"])) == 244_102
    assert all(np.array_equal(one, other) for one, other in zip(found["X"], expected["X"], strict=True))
    assert np.array_equal(found["y"], expected["y"]) and found["y_labels"] == expected["y_labels"]
    names = [
        str(argument) for opcode, argument, _ in pickletools.genops(path.read_bytes()[128:]) if opcode.name == "GLOBAL"
    ]
    assert "numpy dtype" in names


def test_a_list_of_lists_of_the_same_list_takes_no_time():
    """Written out, these are 10 ** 40 numbers."""
    value = list(range(10**5))
    for _ in range(7):
        value = [value] * 10**5
    found = read_number_pickle(pickle.dumps(value))
    assert found[0][7] is found[5][9]


def test_content_can_be_given(tmp_path):
    assert read_number_pickle(pickle.dumps([1, "a"])) == [1, "a"]
