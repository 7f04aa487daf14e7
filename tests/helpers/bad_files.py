"""Files as no one should have them: each case writes some into a folder and says what a command must answer.

A case has an app, what writes the files, the arguments of the command that meets them, with `{}` for the folder, and
words of the one sentence that the command must end with.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

RUN = "RUN"  # in arguments: a finished run of the app, that nothing may change
COPY = "COPY"  # a copy of it, in the folder, which the case may damage


class Case(NamedTuple):
    app: str
    write: Callable[[Path], None]  # puts the bad files into an empty folder
    arguments: tuple[str, ...]
    words: str  # of the sentence


CASES: dict[str, Case] = {}


def case(app: str, *arguments: str, words: str):
    """Makes a case of a function that writes the files; its name is the case's."""

    def register(write):
        CASES[f"{app}: {write.__name__.replace('_', ' ')}"] = Case(app, write, arguments, words)
        return write

    return register


def file_case(app: str, name: str, file: str, content: bytes, words: str, *arguments: str) -> None:
    """A case of one file with this content; by default the app is to learn from it."""

    def write(folder):
        (folder / file).write_bytes(content)

    CASES[f"{app}: {name}"] = Case(app, write, arguments or ("train", "--dataset", f"{{}}/{file}"), words)


def picture(mode: str = "L", size: tuple[int, int] = (8, 8), kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size, 1).save(stream, kind)
    return stream.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def bomb(side: int) -> bytes:
    """A PNG of a few bytes that says that it has side x side pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def arrays(**content) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **content)
    return stream.getvalue()


def array_file(header: str, content: bytes = b"") -> bytes:
    """A .npy file with any header."""
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def archive(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return stream.getvalue()


def with_a_byte_turned_round(content, place=None):
    place = len(content) // 2 if place is None else place
    return content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :]


# Texts with labels

ROWS = "".join(f"text number {number},{'pos' if number % 2 else 'neg'}\n" for number in range(40))
for name, content, words in (
    ("an empty file", b"", "is empty"),
    ("nothing but a header", b"text,label\n", "has a header and no rows"),
    ("nothing but blank lines", b"\n\n \n", "is empty"),
    ("no label column", b"text,stars\nfine,5\n", "0 columns named 'label'"),
    ("two text columns", b"text,text,label\na,b,pos\n", "2 columns named 'text'"),
    ("semicolons", b"text;label\nfine;pos\n", "separate the columns with commas"),
    ("a NUL byte", b"text,label\nfi\0ne,pos\n", "line 2: a NUL byte"),
    ("Latin-1", "text,label\ncafé,pos\n".encode("latin-1"), "line 2: byte 0xe9 is not UTF-8"),
    ("UTF-8 that turns into Latin-1", ("text,label\ncafé,pos\n" * 2).encode() + b"\xe9,neg\n", "line 5: byte 0xe9"),
    ("UTF-16", "text,label\nfine,pos\n".encode("utf-16"), "is UTF-16"),
    ("UTF-16 without a mark", "text,label\nfine,pos\n".encode("utf-16-le"), "line 1: a NUL byte"),
    ("one class", ("text,label\n" + ROWS.replace("neg", "pos")).encode(), "'pos'"),
    ("an open quotation mark", b'text,label\n"fine,pos\nbad,neg\n', "quotation marks"),
    ("a row with a field too many", b"text,label\nfine, indeed,pos\n", "3 fields where the header names 2"),
    ("a row without a label", b"text,label\nfine,\n", "the label is missing"),
    ("an unknown split", b"text,label,split\nfine,pos,training\n", "expected train, validation or test"),
    ("a field of 20 million letters", b"text,label\n" + b"a" * 20_000_000 + b",pos\n", "more than 16777216 characters"),
    ("a picture", picture(), "NUL byte"),
    ("a zip archive", archive(a=b"text,label\n"), "NUL byte"),
    ("too few texts", b"text,label\nfine,pos\nbad,neg\n", "too few"),
):
    file_case("sentiment", name, "own.csv", content, words)


@case("sentiment", "train", "--dataset", "{}/own.csv", words="own.csv")
def a_folder_named_like_a_file(folder):
    (folder / "own.csv").mkdir()


@case("sentiment", "train", "--dataset", "{}/own.csv", words="no such file")
def no_file(folder):
    pass


@case("sentiment", "train", "--dataset", "{}/own.csv", words="no such file")
def a_link_to_itself(folder):
    (folder / "own.csv").symlink_to(folder / "own.csv")


file_case(
    "sentiment",
    "labels that the model does not know",
    "own.csv",
    b"text,label\nfine,five stars\n",
    "five stars",
    *("evaluate", "--run-dir", RUN, "--split", "all", "--dataset", "{}/own.csv"),
)

# Pairs of sentences

for name, content, words in (
    ("an empty file", b"", "is empty"),
    ("one column", b"Hello.\nThanks.\n", "no tab in 'Hello.'"),
    ("commas", b"Hello.,Bonjour.\n", "no tab"),
    ("a NUL byte", b"Hello.\tBon\0jour.\n", "NUL byte"),
    ("Latin-1", "Hello.\tça va\n".encode("latin-1"), "is not UTF-8"),
    ("one source sentence", b"Hello.\tBonjour.\n" * 50, "1 distinct source sentences"),
    ("empty targets", b"".join(b"Hello %d.\t \n" % number for number in range(50)), "too few"),
    ("a picture", picture(), "NUL byte"),
):
    file_case("translation", name, "pairs.tsv", content, words)

# Pictures, learnt from


def of_two_classes(content: bytes, name: str = "bad.png"):
    """A folder of good pictures with a bad one among them."""

    def write(folder):
        for number, kind in enumerate(("cat", "dog")):
            (folder / kind).mkdir()
            for shade in range(12):
                pixels = np.full((8, 8), 20 * shade + number, np.uint8)
                Image.fromarray(pixels).save(folder / kind / f"{shade}.png")
        (folder / "cat" / name).write_bytes(content)

    return write


for name, content, words in (
    ("an empty picture", b"", "bad.png is damaged or not an image"),
    ("half a picture", picture("L", (64, 64))[:60], "bad.png is damaged or not an image"),
    ("a text named like a picture", b"I am a cat.", "bad.png is damaged or not an image"),
    ("a picture that says it has 50,000 x 50,000 pixels", bomb(50_000), "bad.png"),
    ("a picture without pixels", bomb(0), "bad.png is damaged or not an image"),
):
    CASES[f"digits: {name}"] = Case("digits", of_two_classes(content), ("train", "--dataset", "{}"), words)
    file_case("digits", f"{name}, to answer for", "bad.png", content, words, "predict", "--run-dir", RUN, "{}/bad.png")


@case("digits", "train", "--dataset", "{}", words="holds no image")
def a_class_without_pictures(folder):
    of_two_classes(b"")(folder)
    (folder / "horse").mkdir()


@case("digits", "train", "--dataset", "{}", words="'cat'")
def one_class(folder):
    (folder / "cat").mkdir()
    for shade in range(40):
        Image.new("L", (8, 8), shade).save(folder / "cat" / f"{shade}.png")


# Videos

GOOD = {"features": np.eye(4, dtype=np.float32), "tags": np.arange(4)}
for name, content, words in (
    ("an empty file", b"", "cannot be read as an .npz file"),
    ("no archive", b"frames", "cannot be read as an .npz file"),
    ("half an archive", arrays(**GOOD)[:-60], "cannot be read as an .npz file"),
    ("a damaged archive", with_a_byte_turned_round(arrays(**GOOD), 90), "video.npz"),
    ("one array without an archive", array_file("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1)}", bytes(4)),
     "cannot be read as an .npz file"),
    ("Python objects", arrays(features=np.array([{"a": 1}], object), tags=np.arange(1)), "holds Python objects"),
    ("other arrays", arrays(x=np.eye(4)), "expected features (T, D) or frames"),
    ("features and frames", arrays(**GOOD, frames=np.zeros((4, 8, 8, 1), np.uint8)), "and not both"),
    ("no tags", arrays(features=np.eye(4)), "has no tags"),
    ("fewer tags than steps", arrays(features=np.eye(4), tags=np.arange(3)), "tags has the shape (3,)"),
    ("tags that are no integers", arrays(features=np.eye(4), tags=np.arange(4) / 2), "expected integers or words"),
    ("no steps", arrays(features=np.zeros((0, 4)), tags=np.zeros(0, int)), "at least one step"),
    ("a value that is no number", arrays(features=np.array([[1.0], [np.nan]]), tags=np.arange(2)), "at step 1"),
    ("features of three axes", arrays(features=np.zeros((2, 2, 2)), tags=np.arange(2)), "expected numbers (T, D)"),
    ("words for features", arrays(features=np.array([["a"], ["b"]]), tags=np.arange(2)), "expected numbers (T, D)"),
    ("frames of five channels", arrays(frames=np.zeros((2, 8, 8, 5), np.uint8), tags=np.arange(2)), "1 or 3 channels"),
    ("frames beyond 0 to 1", arrays(frames=np.full((2, 8, 8, 1), 7.0), tags=np.arange(2)), "floats from 0 to 1"),
    ("names that lead out of the folder", archive(**{"../../features.npy": b"x", "/tags.npy": b"x"}),
     "expected features (T, D)"),
    ("a header that is code", archive(**{"features.npy": array_file("__import__('os').system('true')")}), "video.npz"),
    ("a header that asks for all memory",
     archive(**{"features.npy": array_file("{'descr': '<f8', 'fortran_order': False, 'shape': (2**20, 2**30)}")}),
     "video.npz"),
    ("an array that unpacks to more than there is",
     archive(**{"features.npy": array_file(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({2**17}, {2**20})}}"),
                "tags.npy": b""}), "video.npz"),
):  # fmt: skip
    file_case("video_tagging", name, "video.npz", content, words, "train", "--dataset", "{}")


@case("video_tagging", "train", "--dataset", "{}", words="holds no .npz files")
def an_empty_folder(folder):
    pass


@case("video_tagging", "train", "--dataset", "{}", words="every step")
def one_tag(folder):
    for number in range(6):
        np.savez(folder / f"{number}.npz", features=np.full((5, 2), number, np.float32), tags=np.zeros(5, int))


@case("video_tagging", "train", "--dataset", "{}", words="have the shape")
def videos_of_different_widths(folder):
    for number in range(6):
        features = np.full((5, 2 + number % 2), number, np.float32)
        np.savez(folder / f"{number}.npz", features=features, tags=np.arange(5) % 2)


file_case(
    "video_tagging",
    "a video of another width, to answer for",
    "video.npz",
    arrays(features=np.zeros((3, 9))),
    "this model takes",
    *("predict", "--run-dir", RUN, "{}/video.npz"),
)
file_case(
    "video_tagging",
    "a text, to answer for",
    "video.mp4",
    b"I am a film.",
    "video.mp4",
    *("predict", "--run-dir", RUN, "{}/video.mp4"),
)

# Pictures with captions


def described(captions: bytes, **pictures: bytes):
    """A folder of captions and pictures in the form of Flickr8k."""

    def write(folder):
        (folder / "images").mkdir()
        (folder / "captions.tsv").write_bytes(captions)
        for number in range(20):
            (folder / "images" / f"{number}.png").write_bytes(picture("RGB", (40 + number, 40)))
        for name, content in pictures.items():
            (folder / "images" / f"{name}.png").write_bytes(content)

    return write


CAPTIONS = "".join(f"{number}.png\tA black square, {number} wide.\n" for number in range(20))
for name, write, words in (
    ("no captions in the file", described(b""), "is empty"),
    ("captions without a tab", described(b"0.png A black square\n"), "there is no tab in"),
    ("a NUL byte in the captions", described(b"0.png\tA\0\n"), "NUL byte"),
    ("captions in Latin-1", described("0.png\tUn carré\n".encode("latin-1")), "is not UTF-8"),
    ("a picture that is not there", described((CAPTIONS + "99.png\tA cat.\n").encode()), "lacks 1 of 21 pictures"),
    ("a picture outside of the folder", described((CAPTIONS + "../x.png\tA cat.\n").encode()), "names no file in"),
    ("too few pictures", described(b"0.png\tA black square.\n"), "too few"),
    ("a damaged picture", described(CAPTIONS.encode(), **{"3": picture("RGB", (64, 64))[:70]}), "3.png is damaged"),
    ("an empty picture", described(CAPTIONS.encode(), **{"3": b""}), "3.png is empty"),
    ("a picture bomb", described(CAPTIONS.encode(), **{"3": bomb(50_000)}), "3.png has"),
):
    CASES[f"captioning: {name}"] = Case("captioning", write, ("train", "--dataset", "{}"), words)
for name, content, words in (
    ("an empty picture", b"", "bad.png is empty"),
    ("half a picture", picture("RGB", (64, 64))[:70], "bad.png is damaged"),
    ("a text named like a picture", b"I am a cat.", "bad.png is no picture"),
    ("a picture bomb", bomb(50_000), "bad.png has"),
    ("a program", b"\x7fELF" + bytes(100), "bad.png is no picture"),
):
    file_case(
        "captioning", f"{name}, to answer for", "bad.png", content, words, "predict", "--run-dir", RUN, "{}/bad.png"
    )

# Sums and diaries

SUMS = "first,second\n" + "".join(f"{number},{number + 7}\n" for number in range(40))
for name, content, words in (
    ("an empty file", b"", "is empty"),
    ("no second column", b"first\n12\n", "'second'"),
    ("a word for a number", (SUMS + "twelve,7\n").encode(), "line 42: 'twelve+7' is not a sum"),
    ("a negative number", (SUMS + "-12,7\n").encode(), "line 42"),
    ("digits of another script", (SUMS + "٣,7\n").encode(), "line 42"),
    ("too few sums", b"first,second\n1,2\n", "too few"),
):
    file_case("addition", name, "sums.csv", content, words)
DIARY = "date,weather,temperature,clothes\n"
for name, content, words in (
    ("an empty file", b"", "is empty"),
    ("no weather", b"date,temperature,clothes\n2026-05-01,12,coat\n", "'weather'"),
    ("a day that is none", (DIARY + "2026-02-30,sunny,12,coat\n").encode(), "expected a day such as"),
    ("a day twice", (DIARY + "2026-05-01,sunny,12,coat\n" * 2).encode(), "is there twice"),
    ("an unknown weather", (DIARY + "2026-05-01,lovely,12,coat\n").encode(), "expected one of"),
    ("a temperature in words", (DIARY + "2026-05-01,sunny,warm,coat\n").encode(), "expected degrees Celsius"),
    ("a temperature that is no number", (DIARY + "2026-05-01,sunny,nan,coat\n").encode(), "expected degrees Celsius"),
    ("too few days", (DIARY + "2026-05-01,sunny,12,coat\n").encode(), "too few"),
):
    file_case("wardrobe", name, "diary.csv", content, words)

# Runs


def damaged(name: str, change: Callable[[bytes], bytes], words: str, *arguments: str) -> None:
    """A finished run of the sentiment app of which one file is not as it was."""

    def write(folder):
        file = folder / "run" / name
        file.write_bytes(change(file.read_bytes()))

    arguments = arguments or ("predict", "--run-dir", COPY, "fine")
    CASES[f"sentiment: {name} {change.__name__.replace('_', ' ')}"] = Case("sentiment", write, arguments, words)


def cut_in_half(content):
    return content[: len(content) // 2]


def emptied(content):
    return b""


def filled_with_noise(content):
    return np.random.default_rng(1).bytes(1000)


def _changed_members(content: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return archive(**{name: change(name, file.read(name)) for name in file.namelist()})


def with_a_lambda(content):
    """Code in the place of the first layer, as Keras writes a Lambda."""
    code = '{"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": null, "closure": null}}'
    layer = '{"module": "keras.layers", "class_name": "Lambda", "config": {"name": "l", "function": ' + code + "}}"
    layers = '{"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [' + layer + "]}}"
    return _changed_members(content, lambda name, old: layers.encode() if name == "config.json" else old)


def that_names_any_function(content):
    """A layer of a model is to be `os.system`."""
    layer = b'{"module": "os", "class_name": "system", "config": {"command": "true"}, "registered_name": null}'
    return _changed_members(content, lambda name, old: layer if name == "config.json" else old)


def without_weights(content):
    return _changed_members(content, lambda name, old: b"" if name.endswith(".h5") else old)


for change in (cut_in_half, emptied, filled_with_noise, with_a_byte_turned_round, with_a_lambda):
    damaged("model.keras", change, "model.keras cannot be loaded")
damaged("model.keras", that_names_any_function, "model.keras cannot be loaded")
damaged("model.keras", without_weights, "model.keras cannot be loaded")
damaged("config.json", cut_in_half, "config.json cannot be read as JSON")
damaged("config.json", filled_with_noise, "config.json cannot be read as JSON")


def that_is_a_list(content):
    return b"[1, 2]"


def of_another_app(content):
    return b'{"dataset": "digits", "filters": 4}'


def with_a_word_for_a_number(content):
    return content.replace(b'"units": 8', b'"units": "many"')


damaged("config.json", that_is_a_list, "does not hold an object")
damaged("config.json", of_another_app, "settings that this app does not know: filters")
damaged("config.json", with_a_word_for_a_number, "config.json")
damaged("config.json", cut_in_half, "config.json cannot be read", "train", "--config", "{}/run/config.json")
