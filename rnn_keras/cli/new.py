"""The command `new`: writes a new application into a folder of the user's own."""

import importlib.util
import keyword
import re
import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import atomic_write
from rnn_keras.utils.terminal import console

TEMPLATES = Path(__file__).parent / "templates"
ENDING = ".txt"  # of a template's files, so that no tool takes them for Python
EXAMPLES = {"text_classifier": "texts.csv", "series_classifier": "series.csv", "series_forecaster": "values.csv"}


def new(
    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")],
    like: Literal["text_classifier", "series_classifier", "series_forecaster"] = "text_classifier",
    to: Path = Path(),
) -> None:
    """Write a new app with its test, ready to train on a CSV file of yours.

    For example `rnn-keras new mood` writes the folder mood; then `python -m mood train --dataset texts.csv`, with the
    columns text,label. `rnn-keras new motion --like series_classifier --to myproject` writes myproject/motion.

    Args:
        name: The app's name, a Python identifier in small letters.
        like: What it begins as. text_classifier: a text in, its class out; series_classifier: a series of numbers in,
            its class out; series_forecaster: the last values of a series in, the next ones out.
        to: The folder to write it into: one that Python runs from, or a package in one.
    """
    folder = create_app(name, like, to)
    module = find_module(folder)
    example = EXAMPLES[like]
    console.print(f"written: {folder} ({', '.join(sorted(file.name for file in folder.iterdir()))})")
    root = folder.resolve().parents[module.count(".")]
    if root != Path.cwd():
        console.print(f"run it from {root}")
    console.print(f"train it: python -m {module} train --dataset {example}")


def create_app(name: str, like: str, to: Path) -> Path:
    """Writes the files of a template into the new folder `to / name`.

    Args:
        name: of the app.
        like: of the template.
        to: the folder around it.

    Returns:
        The app's folder.

    Raises:
        UserError: the name is not usable, the folder exists already, or cannot be written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise UserError(
            f"{name!r} cannot be the name of an app; expected small letters, digits and underscores, such as mood"
        )
    folder = to / name
    if folder.exists():
        raise UserError(f"{folder} exists already; choose another name, or another folder with --to")
    if find_module(folder) == name and is_taken(name):
        raise UserError(
            f"{name!r} cannot be the name of an app: a module of this name is installed, which programs in the folder "
            f"would no longer find; expected another one, such as {name}_app"
        )
    values = {
        "name": name,
        "Name": "".join(word.capitalize() for word in name.split("_")),
        "module": find_module(folder),
        "folder": str(folder),
        "example": EXAMPLES[like],
    }
    with atomic_write(folder) as temporary:
        temporary.mkdir()
        (temporary / "__init__.py").write_text("")
        for template in sorted((TEMPLATES / like).iterdir()):
            target = fill(template.name.removesuffix(ENDING), values)
            (temporary / target).write_text(fill(template.read_text(encoding="utf-8"), values), encoding="utf-8")
    return folder


def is_taken(name: str) -> bool:
    """Whether Python finds a module of this name without the new app."""
    if name in sys.stdlib_module_names:
        return True
    found = importlib.util.find_spec(name)
    return found is not None and found.origin is not None  # a folder without an __init__.py hides nothing


def fill(text: str, values: dict[str, str]) -> str:
    """A template's text with `{{key}}` replaced by the values."""
    return re.sub(r"{{(\w+)}}", lambda match: values[match[1]], text)


def find_module(folder: Path) -> str:
    """The module's name of an app's folder: with those of the packages around it, which have an `__init__.py`."""
    parts, parent = [folder.name], folder.resolve().parent
    while (parent / "__init__.py").exists():
        parts.insert(0, parent.name)
        parent = parent.parent
    return ".".join(parts)
