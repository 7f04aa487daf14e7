"""Bad files: each case writes some into a folder and says what a command must answer.

A case has an app, a function that writes the files, the arguments of the command that reads them, with `{}` for the
folder, and words of the one sentence that the command must end with.
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

RUN = "RUN"  # in arguments: a finished run of the app, which nothing may change
COPY = "COPY"  # a copy of it, in the folder, which the case may damage


class Case(NamedTuple):
    app: str
    write: Callable[[Path], None]  # puts the bad files into an empty folder
    arguments: tuple[str, ...]
    words: str  # of the sentence


CASES: dict[str, Case] = {}


def case(app: str, *arguments: str, words: str):
    """A decorator: registers a function that writes the files as a case with the function's name."""

    def register(write):
        CASES[f"{app}: {write.__name__.replace('_', ' ')}"] = Case(app, write, arguments, words)
        return write

    return register


def file_case(app: str, name: str, file: str, content: bytes, words: str, *arguments: str) -> None:
    """Registers a case of one file with this content; by default the app trains on it."""

    def write(folder):
        (folder / file).write_bytes(content)

    CASES[f"{app}: {name}"] = Case(app, write, arguments or ("train", "--dataset", f"{{}}/{file}"), words)


def make_image(mode: str = "L", size: tuple[int, int] = (8, 8)) -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size, 1).save(stream, "PNG")
    return stream.getvalue()


def make_chunk(name: bytes, content: bytes) -> bytes:
    """A part of a PNG file."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def make_bomb(side: int) -> bytes:
    """A PNG of a few bytes whose header says side x side pixels."""
    header = make_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + make_chunk(b"IDAT", zlib.compress(bytes(1000))) + make_chunk(b"IEND", b"")


def save_arrays(**content) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **content)
    return stream.getvalue()


def save_array(header: str, content: bytes = b"") -> bytes:
    """A .npy file with any header."""
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def make_archive(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return stream.getvalue()


def with_an_inverted_byte(content, index=None):
    index = len(content) // 2 if index is None else index
    return content[:index] + bytes([content[index] ^ 255]) + content[index + 1 :]


# Texts with labels

ROWS = "".join(f"text number {number},{'pos' if number % 2 else 'neg'}\n" for number in range(40))
for name, content, words in (
    ("an empty file", b"", "is empty"),
    ("only a header", b"text,label\n", "has a header and no rows"),
    ("only blank lines", b"\n\n \n", "is empty"),
    ("no label column", b"text,stars\nfine,5\n", "0 columns named 'label'"),
    ("two text columns", b"text,text,label\na,b,pos\n", "2 columns named 'text'"),
    ("bars", b"text|label\nfine|pos\n", "name the column of yours with --text-column"),
    ("a NUL byte", b"text,label\nfi\0ne,pos\n", "line 2: a NUL byte"),
    ("Latin-1", "text,label\ncafé,pos\n".encode("latin-1"), "line 2: byte 0xe9 is not UTF-8"),
    ("UTF-8 that becomes Latin-1", ("text,label\ncafé,pos\n" * 2).encode() + b"\xe9,neg\n", "line 5: byte 0xe9"),
    ("UTF-16", "text,label\nfine,pos\n".encode("utf-16"), "is UTF-16"),
    ("UTF-16 without a mark", "text,label\nfine,pos\n".encode("utf-16-le"), "line 1: a NUL byte"),
    ("one class", ("text,label\n" + ROWS.replace("neg", "pos")).encode(), "'pos'"),
    ("an open quotation mark", b'text,label\n"fine,pos\nbad,neg\n', "quotation marks"),
    ("a row with one field too many", b"text,label\nfine, indeed,pos\n", "3 fields where the header names 2"),
    ("a row without a label", b"text,label\nfine,\n", "the label is missing"),
    ("an unknown split", b"text,label,split\nfine,pos,training\n", "expected train, validation or test"),
    ("a field of 20 million letters", b"text,label\n" + b"a" * 20_000_000 + b",pos\n", "more than 16777216 characters"),
    ("an image", make_image(), "NUL byte"),
    ("a zip archive", make_archive(a=b"text,label\n"), "NUL byte"),
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
    ("an image", make_image(), "NUL byte"),
):
    file_case("translation", name, "pairs.tsv", content, words)

# Images with labels


def write_two_classes(content: bytes, name: str = "bad.png"):
    """A folder of good images of two classes with a bad one among them."""

    def write(folder):
        for number, label in enumerate(("cat", "dog")):
            (folder / label).mkdir()
            for shade in range(12):
                pixels = np.full((8, 8), 20 * shade + number, np.uint8)
                Image.fromarray(pixels).save(folder / label / f"{shade}.png")
        (folder / "cat" / name).write_bytes(content)

    return write


for name, content, words in (
    ("an empty image", b"", "bad.png is empty"),
    ("half an image", make_image("L", (64, 64))[:60], "bad.png is damaged"),
    ("a text named like an image", b"I am a cat.", "bad.png is not an image"),
    ("an image whose header says 50,000 x 50,000 pixels", make_bomb(50_000), "bad.png"),
    ("an image without pixels", make_bomb(0), "bad.png is"),
):
    CASES[f"digits: {name}"] = Case("digits", write_two_classes(content), ("train", "--dataset", "{}"), words)
    file_case("digits", f"{name}, to predict for", "bad.png", content, words, "predict", "--run-dir", RUN, "{}/bad.png")


@case("digits", "train", "--dataset", "{}", words="holds no image")
def a_class_without_images(folder):
    write_two_classes(b"")(folder)
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
    ("not an archive", b"frames", "cannot be read as an .npz file"),
    ("half an archive", save_arrays(**GOOD)[:-60], "cannot be read as an .npz file"),
    ("a damaged archive", with_an_inverted_byte(save_arrays(**GOOD), 90), "video.npz"),
    (
        "one array without an archive",
        save_array("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1)}", bytes(4)),
        "cannot be read as an .npz file",
    ),
    ("Python objects", save_arrays(features=np.array([{"a": 1}], object), tags=np.arange(1)), "holds Python objects"),
    ("other arrays", save_arrays(x=np.eye(4)), "expected features (T, D) or frames"),
    ("features and frames", save_arrays(**GOOD, frames=np.zeros((4, 8, 8, 1), np.uint8)), "and not both"),
    ("no tags", save_arrays(features=np.eye(4)), "has no tags"),
    ("fewer tags than steps", save_arrays(features=np.eye(4), tags=np.arange(3)), "tags has the shape (3,)"),
    (
        "tags that are not integers",
        save_arrays(features=np.eye(4), tags=np.arange(4) / 2),
        "expected integers or words",
    ),
    ("no steps", save_arrays(features=np.zeros((0, 4)), tags=np.zeros(0, int)), "at least one step"),
    ("a value that is not a number", save_arrays(features=np.array([[1.0], [np.nan]]), tags=np.arange(2)), "at step 1"),
    (
        "features with three axes",
        save_arrays(features=np.zeros((2, 2, 2)), tags=np.arange(2)),
        "expected numbers (T, D)",
    ),
    (
        "words for features",
        save_arrays(features=np.array([["a"], ["b"]]), tags=np.arange(2)),
        "expected numbers (T, D)",
    ),
    (
        "frames with five channels",
        save_arrays(frames=np.zeros((2, 8, 8, 5), np.uint8), tags=np.arange(2)),
        "1 or 3 channels",
    ),
    (
        "frames outside of 0 to 1",
        save_arrays(frames=np.full((2, 8, 8, 1), 7.0), tags=np.arange(2)),
        "floats from 0 to 1",
    ),
    (
        "names that point out of the folder",
        make_archive(**{"../../features.npy": b"x", "/tags.npy": b"x"}),
        "expected features (T, D)",
    ),
    (
        "a header that is code",
        make_archive(**{"features.npy": save_array("__import__('os').system('true')")}),
        "video.npz",
    ),
    (
        "a header that needs all memory",
        make_archive(
            **{"features.npy": save_array("{'descr': '<f8', 'fortran_order': False, 'shape': (2**20, 2**30)}")}
        ),
        "video.npz",
    ),
    (
        "an array larger than its data",
        make_archive(
            **{
                "features.npy": save_array(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({2**17}, {2**20})}}"),
                "tags.npy": b"",
            }
        ),
        "video.npz",
    ),
):
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
    "a video of another width, to predict for",
    "video.npz",
    save_arrays(features=np.zeros((3, 9))),
    "this model takes",
    *("predict", "--run-dir", RUN, "{}/video.npz"),
)
file_case(
    "video_tagging",
    "a text, to predict for",
    "video.mp4",
    b"I am a film.",
    "video.mp4",
    *("predict", "--run-dir", RUN, "{}/video.mp4"),
)

# Images with captions


def write_captions(captions: bytes, **images: bytes):
    """A folder of captions and images in the form of Flickr8k."""

    def write(folder):
        (folder / "images").mkdir()
        (folder / "captions.tsv").write_bytes(captions)
        for number in range(20):
            (folder / "images" / f"{number}.png").write_bytes(make_image("RGB", (40 + number, 40)))
        for name, content in images.items():
            (folder / "images" / f"{name}.png").write_bytes(content)

    return write


CAPTIONS = "".join(f"{number}.png\tA black square, {number} wide.\n" for number in range(20))
for name, write, words in (
    ("no captions in the file", write_captions(b""), "is empty"),
    ("captions without a tab", write_captions(b"0.png A black square\n"), "there is no tab in"),
    ("a NUL byte in the captions", write_captions(b"0.png\tA\0\n"), "NUL byte"),
    ("captions in Latin-1", write_captions("0.png\tUn carré\n".encode("latin-1")), "is not UTF-8"),
    ("a missing image", write_captions((CAPTIONS + "99.png\tA cat.\n").encode()), "lacks 1 of 21 images"),
    (
        "an image outside of the folder",
        write_captions((CAPTIONS + "../x.png\tA cat.\n").encode()),
        "has captions of '../x.png', not the name",
    ),
    ("too few images", write_captions(b"0.png\tA black square.\n"), "too few"),
    (
        "a damaged image",
        write_captions(CAPTIONS.encode(), **{"3": make_image("RGB", (64, 64))[:70]}),
        "3.png is damaged",
    ),
    ("an empty image", write_captions(CAPTIONS.encode(), **{"3": b""}), "3.png is empty"),
    ("a decompression bomb", write_captions(CAPTIONS.encode(), **{"3": make_bomb(50_000)}), "3.png has"),
):
    CASES[f"captioning: {name}"] = Case("captioning", write, ("train", "--dataset", "{}"), words)
for name, content, words in (
    ("an empty image", b"", "bad.png is empty"),
    ("half an image", make_image("RGB", (64, 64))[:70], "bad.png is damaged"),
    ("a text named like an image", b"I am a cat.", "bad.png is not an image"),
    ("a decompression bomb", make_bomb(50_000), "bad.png has"),
    ("a program", b"\x7fELF" + bytes(100), "bad.png is not an image"),
):
    file_case(
        "captioning", f"{name}, to predict for", "bad.png", content, words, "predict", "--run-dir", RUN, "{}/bad.png"
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
    ("a day that does not exist", (DIARY + "2026-02-30,sunny,12,coat\n").encode(), "expected a day such as"),
    ("a day twice", (DIARY + "2026-05-01,sunny,12,coat\n" * 2).encode(), "is there twice"),
    ("an unknown weather", (DIARY + "2026-05-01,lovely,12,coat\n").encode(), "expected one of"),
    ("a temperature in words", (DIARY + "2026-05-01,sunny,warm,coat\n").encode(), "expected degrees Celsius"),
    (
        "a temperature that is not a number",
        (DIARY + "2026-05-01,sunny,nan,coat\n").encode(),
        "expected degrees Celsius",
    ),
    ("too few days", (DIARY + "2026-05-01,sunny,12,coat\n").encode(), "too few"),
):
    file_case("wardrobe", name, "diary.csv", content, words)

# Series of numbers


def make_hours(change: Callable[[list[str]], object] = lambda rows: None, hours: int = 400) -> bytes:
    """A file of hours, whose rows a function changes in place."""
    rows = ["time,load"]
    rows += [f"2024-01-{1 + hour // 24:02} {hour % 24:02}:00,{hour % 7}.5" for hour in range(hours)]
    change(rows)
    return ("\n".join(rows) + "\n").encode()


def replaced(place: int, row: str) -> Callable[[list[str]], None]:
    def change(rows):
        rows[place] = row

    return change


for name, content, words in (
    ("an empty file", b"", "is empty"),
    ("a header alone", b"time,load\n", "has a header and no rows"),
    ("no column of times", b"a,b\n1,2\n2,3\n", "no column of times"),
    ("no column of numbers", b"time,word\n2024-01-01,x\n2024-01-02,y\n", "no column of numbers to forecast"),
    (
        "a word among numbers",
        make_hours(replaced(30, "2024-01-02 05:00,broken")),
        "line 31: 'broken' in the column load",
    ),
    (
        "a thousands separator",
        make_hours(replaced(30, '2024-01-02 05:00,"1,234.5"')),
        "line 31: '1,234.5' in the column",
    ),
    (
        "two decimal marks",
        make_hours(replaced(30, '2024-01-02 05:00,"4,5"')),
        "line 31: '4,5' in the column load has another",
    ),
    ("a time that does not exist", make_hours(replaced(30, "2024-02-30 05:00,1")), "line 31: '2024-02-30 05:00'"),
    ("a row without a time", make_hours(replaced(30, ",1")), "line 31: the column time is empty"),
    ("a word for a time", make_hours(replaced(30, "soon,1")), "line 31: 'soon' in the column time is not a time"),
    ("a time twice", make_hours(replaced(30, "2024-01-02 04:00,9")), "line 31: 2024-01-02 04:00:00 is on line 30 too"),
    ("a time off the clock", make_hours(replaced(30, "2024-01-02 05:25,9")), "line 31: 2024-01-02 05:25:00 is not on"),
    ("fractions of a second", make_hours(replaced(30, "2024-01-02 05:00:00.25,9")), "fraction of a second"),
    (
        "one offset alone",
        make_hours(replaced(30, "2024-01-02 05:00Z,9")),
        "line 31: '2024-01-02 05:00Z' in the column time has",
    ),
    (
        "a field too many",
        make_hours(replaced(30, "2024-01-02 05:00,9,9")),
        "line 31: 3 fields where the header names 2",
    ),
    (
        "a year between two rows",
        make_hours(lambda rows: rows.append("2026-01-01 00:00,1")),
        "rows are missing if the data",
    ),
    (
        "the same value always",
        make_hours(lambda rows: rows.__setitem__(slice(1, None), [r[:17] + "5" for r in rows[1:]])),
        "the same",
    ),
    ("too few hours", make_hours(hours=50), "50 steps, too few to forecast 24 ahead: expected at least 96"),
    ("a workbook", b"PK\3\4" + bytes(40), "NUL byte"),
):
    file_case("forecasting", name, "series.csv", content, words)
for name, content, words in (
    ("another column", b"time,other\n2024-01-01 00:00,1\n", "'load'"),
    ("no value", b"time,load\n2024-01-01 00:00,\n", "has no value at all in load"),
    ("another step", b"time,load\n2024-01-01 00:00,1\n2024-01-01 00:15,2\n", "line 3: 2024-01-01 00:15:00 is not on"),
    (
        "a word among numbers",
        make_hours(replaced(30, "2024-01-02 05:00,broken")),
        "line 31: 'broken' in the column load",
    ),
):
    file_case(
        "forecasting", f"{name}, to predict", "next.csv", content, words, "predict", "--run-dir", RUN, "{}/next.csv"
    )
for name, words, *arguments in (
    ("an unknown column", "with --target-column", "--target-column", "sales"),
    ("two roles of one column", "is named twice", "--target", "load", "--past", "load"),
    ("an unknown zone", "unknown zone", "--time-zone", "Berlin"),
    ("an unknown country", "unknown country", "--holidays", "XX"),
    ("months for a file that is too short", "as many as --split-months says", "--split-months", "12,4,4"),
    ("quantiles without the median", "and with 0.5", "--quantiles", "0.1,0.9"),
):
    arguments = ("train", "--dataset", "{}/series.csv", *arguments)
    file_case("forecasting", name, "series.csv", make_hours(), words, *arguments)

# Recordings of sensors

SHORT_RECORDINGS = "person,x,label\n" + "".join(f"{row // 9},{row % 4},{row % 2}\n" for row in range(90))

for name, content, words in (
    ("an empty file", b"", "is empty"),
    ("no label", b"x,y\n1,2\n", "'label'"),
    ("no channels", b"person,label\nann,walk\n", "has no channels"),
    ("a word for a number", b"x,label\n1,walk\nfast,sit\n", "line 3: 'fast' in the column x is not a number"),
    ("a gap in the signal", b"x,label\n1,walk\n,sit\n", "line 3"),
    ("a clock that stands still", b"time,x,label\n1,1,walk\n1,2,sit\n", "is not after that of the row before"),
    ("one label", b"x,label\n1,walk\n2,walk\n", "every sample of"),
    ("recordings shorter than a window", SHORT_RECORDINGS.encode(), "lower --window"),
):
    file_case("activity", name, "recordings.csv", content, words)
RECORDING = {"signals": np.zeros((4, 2), np.float32), "label": np.arange(4)}
for name, content, words in (
    ("a damaged archive", with_an_inverted_byte(save_arrays(**RECORDING), 90), "recording.npz"),
    ("objects for labels", save_arrays(**RECORDING | {"label": np.array([None] * 4)}), "Python objects"),
    ("a number for the label that is not whole", save_arrays(**RECORDING | {"label": 0.5}), "integers or words"),
    (
        "a value that is not a number",
        save_arrays(signals=np.full((4, 2), np.nan), label=1),
        "finite number at sample 0",
    ),
):
    file_case("activity", name, "recording.npz", content, words, "train", "--dataset", "{}")

# Runs


def damaged(name: str, change: Callable[[bytes], bytes], words: str, *arguments: str) -> None:
    """Registers a case of a finished run, of the app `plain` of tests/helpers/tiny_app.py, with one changed file."""

    def write(folder):
        file = folder / "run" / name
        content = change(file.read_bytes())
        assert content != file.read_bytes()
        file.write_bytes(content)

    arguments = arguments or ("predict", "--run-dir", COPY, "1 2")
    CASES[f"a run: {name} {change.__name__.replace('_', ' ')}"] = Case("plain", write, arguments, words)


def cut_in_half(content):
    return content[: len(content) // 2]


def without_content(content):
    return b""


def filled_with_noise(content):
    return np.random.default_rng(1).bytes(1000)


def _changed_members(content: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return make_archive(**{name: change(name, file.read(name)) for name in file.namelist()})


def with_a_lambda(content):
    """Code instead of the first layer, as Keras writes a Lambda."""
    code = '{"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": null, "closure": null}}'
    layer = '{"module": "keras.layers", "class_name": "Lambda", "config": {"name": "l", "function": ' + code + "}}"
    layers = '{"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [' + layer + "]}}"
    return _changed_members(content, lambda name, old: layers.encode() if name == "config.json" else old)


def that_names_any_function(content):
    """`os.system` instead of a layer."""
    layer = b'{"module": "os", "class_name": "system", "config": {"command": "true"}, "registered_name": null}'
    return _changed_members(content, lambda name, old: layer if name == "config.json" else old)


def without_weights(content):
    return _changed_members(content, lambda name, old: b"" if name.endswith(".h5") else old)


for change in (cut_in_half, without_content, filled_with_noise, with_an_inverted_byte, with_a_lambda):
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
    return content.replace(b'"batch_size": 16', b'"batch_size": "many"')


damaged("config.json", that_is_a_list, "does not hold an object")
damaged("config.json", of_another_app, "settings that this app does not have: filters")
damaged("config.json", with_a_word_for_a_number, "config.json")
damaged("config.json", cut_in_half, "config.json cannot be read", "train", "--config", "{}/run/config.json")
