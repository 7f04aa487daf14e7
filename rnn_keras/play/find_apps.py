"""The apps in a folder: packages whose `__main__.py` has an `App`."""

import ast
import sys
from collections.abc import Sequence
from pathlib import Path

from rnn_keras.cli.app import App
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.processes import import_without_running


def find_app_modules(folder: Path) -> list[str]:
    """The names of the packages in a folder, or in a package in it, that hold an app.

    The files are read, not run. A class counts as an app where the name of one of its bases ends in `App`.

    Args:
        folder: one that Python imports from, such as the working directory.
    """
    found = []
    for pattern in ("*/__main__.py", "*/*/__main__.py"):
        for path in sorted(folder.glob(pattern)):
            parts = path.relative_to(folder).parent.parts
            packages = [folder.joinpath(*parts[: depth + 1]) for depth in range(len(parts))]
            if all((package / "__init__.py").exists() and package.name.isidentifier() for package in packages) and (
                _defines_app(path)
            ):
                found.append(".".join(parts))
    return found


def load_app(module: str) -> App:
    """The app of a package or module, such as `mood`.

    Raises:
        UserError: there is no such module, or it has no app, or several.
    """
    for name in (f"{module}.__main__", module):
        try:
            imported = import_without_running(name)
        except ModuleNotFoundError as error:
            if error.name is not None and f"{name}.".startswith(f"{error.name}."):
                continue  # it is the module itself, or a package around it, that is not there
            raise UserError(f"{name} cannot be imported: {error}") from error
        own = [
            value
            for value in vars(imported).values()
            if isinstance(value, type) and issubclass(value, App) and value.__module__ == name
        ]
        if len(own) != 1:
            raise UserError(f"{name} has {len(own)} apps; expected a module with one class that extends App")
        return own[0]()
    raise UserError(f"there is no module {module} with an app; name one that Python finds from here, such as mood")


def load_apps(folder: Path, modules: Sequence[str]) -> dict[str, App]:
    """Apps by the names of their modules.

    Args:
        folder: which Python imports from, and where apps are looked for if no module is named.
        modules: their names; none: all that are in the folder.

    Raises:
        UserError: there are none, or one cannot be loaded.
    """
    names = list(modules) or find_app_modules(folder)
    if not names:
        raise UserError(
            "there is no app in this folder; run it where your apps are, write one with python -m rnn_keras new mood, "
            "or name the modules with --apps"
        )
    if str(folder) not in sys.path:  # of the program rnn-keras, the working directory is not there
        sys.path.insert(0, str(folder))
    return {name: load_app(name) for name in names}


def _defines_app(path: Path) -> bool:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return False
    bases = [base for node in tree.body if isinstance(node, ast.ClassDef) for base in node.bases]
    return any(ast.unparse(base).rpartition(".")[2].endswith("App") for base in bases)
