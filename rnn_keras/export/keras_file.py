"""A `.keras` file opened with the classes of its own layers, which are found where the file says that they are."""

import ast
import contextlib
import dataclasses
import importlib.util
import json
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnn_keras.utils.errors import UserError, first_line
from rnn_keras.utils.faults import find_disk_fault, find_memory_fault
from rnn_keras.utils.processes import import_without_running

if TYPE_CHECKING:
    import keras

DECORATOR = "register_keras_serializable"
APP_FILE = "rnn_keras.json"  # in the archive that a `.keras` file is; Keras ignores it
ENCOUNTERED = "Exception encountered: "  # what Keras writes before the reason, after lines of the layer's config


@dataclasses.dataclass(frozen=True)
class SavedClass:
    """A class or function in a model file that is not Keras's own.

    Attributes:
        module: where it was defined; of a function, which the file does not tell, the package that it is registered
            under.
        name: its name there.
        registered_name: by which Keras finds it, `package>name`.
        is_function: whether it is a function.
    """

    module: str
    name: str
    registered_name: str
    is_function: bool = False


def require_keras_file(path: Path) -> None:
    """Refuses a file that does not exist, before anything is imported to open it.

    Raises:
        UserError: see above.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist; expected a model in Keras's format, such as runs/mood/model.keras")


def load_keras_file(path: Path, modules: Sequence[str] = ()) -> "keras.Model":
    """Opens a saved model for inference; Keras's safe mode stays on.

    The modules are imported first. A class of the file that is then still unknown is looked for in the module that the
    file names. That is imported only if it is the toolkit's, or if its source registers a class of that name with
    Keras: a file that came from elsewhere cannot make Python run anything else.

    Args:
        path: a `.keras` file.
        modules: modules that register the model's layers; `rnn_keras.layers` always is imported.

    Raises:
        UserError: the file is missing or damaged, or a class that it needs is not found.
    """
    require_keras_file(path)
    import keras

    for module in ("rnn_keras.layers", *modules):
        _import(module, path)
    damages = (OSError, KeyError, zipfile.BadZipFile, zlib.error, RecursionError, UnicodeDecodeError)
    try:
        saved = list(list_saved_classes(path))
    except (*damages, ValueError) as error:
        raise UserError(
            f"{path} cannot be loaded ({first_line(error)}); it is damaged or not a model of Keras 3, copy it again or "
            "train again"
        ) from error
    custom_objects = {}
    for one in sorted(saved, key=lambda one: one.is_function):  # the modules of the classes may have the functions too
        if keras.saving.get_registered_object(one.registered_name) is None:
            custom_objects[one.registered_name] = find_class(one, path, modules)
    own = ", ".join(sorted({one.name for one in saved if not one.module.startswith("rnn_keras")}))
    try:
        with refuse_machine_faults(path):
            return keras.models.load_model(path, custom_objects, compile=False)  # pyright: ignore[reportReturnType]
    except UserError:
        raise
    except damages as error:
        raise UserError(
            f"{path} cannot be loaded ({_find_reason(error)}); it is damaged, copy it again or train again"
        ) from error
    except Exception as error:  # also whatever the code of somebody's own layers raises
        hint = "train again"
        if own:
            hint = (
                f"or the code of {own} is not what it was: what get_config of a layer returns must be the arguments of "
                "its __init__"
            )
        raise UserError(
            f"{path} cannot be loaded ({_find_reason(error)}); it is damaged or from another version; {hint}"
        ) from error


@contextlib.contextmanager
def refuse_machine_faults(path: Path) -> Iterator[None]:
    """Says that the disk or the memory is full, where that is why a file could not be loaded: it is not damaged.

    Args:
        path: the file, which Keras unpacks into the folder of temporary files.

    Raises:
        UserError: the machine has such a fault.
    """
    try:
        yield
    except Exception as error:
        if fault := find_disk_fault(error):
            raise UserError(
                f"cannot unpack {path} into {tempfile.gettempdir()}: {fault}; free some space there, or let the "
                "environment variable TMPDIR name another folder"
            ) from error
        if fault := find_memory_fault(error):
            raise UserError(f"cannot load {path}: {fault}; end other programs") from error
        raise


def list_saved_classes(path: Path) -> Iterator[SavedClass]:
    """The classes and functions that a model file needs beside Keras's own, without what it was compiled with.

    Raises:
        OSError, KeyError, ValueError, zipfile.BadZipFile, zlib.error: the file is not such a file, or damaged.
    """
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    seen, left = set(), [config]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left += value
        elif isinstance(value, dict):
            left += [inner for key, inner in value.items() if key != "compile_config"]
            if (one := _read_class(value)) is not None and one not in seen:
                seen.add(one)
                yield one


def _read_class(value: dict[str, Any]) -> SavedClass | None:
    """The class of an object in a model's config, where it is not Keras's own."""
    module, name, registered_name = value.get("module"), value.get("class_name"), value.get("registered_name")
    if name == "function":
        registered_name = value.get("config")
        if isinstance(registered_name, str) and ">" in registered_name:
            package, _, name = registered_name.rpartition(">")
            return SavedClass(package, name, registered_name, is_function=True)
        return None
    if not isinstance(name, str) or not isinstance(registered_name, str):
        return None
    if module is None:  # so Keras writes it of a program
        return SavedClass("__main__", name, registered_name)
    if isinstance(module, str) and module.split(".")[0] not in ("keras", "builtins"):
        return SavedClass(module, name, registered_name)
    return None


def find_class(saved: SavedClass, path: Path, modules: Sequence[str] = ()) -> Any:
    """A class that is not registered yet, from its module.

    Args:
        saved: the class.
        path: the file that names it.
        modules: that were imported already, in which it is looked for too.

    Raises:
        UserError: it is not found; the sentence says what is missing.
    """
    import keras

    needs = f"{path} needs {saved.name} of the module {saved.module}"
    if saved.module != "__main__":
        is_toolkit = saved.module.split(".")[0] == "rnn_keras"
        spec = find_module_spec(saved.module)
        if spec is None and not saved.is_function:
            top = saved.module.split(".")[0]
            raise UserError(
                f"{needs}, which Python does not find here; run this in the folder that holds {top}, or add that "
                "folder to PYTHONPATH"
            )
        if spec is not None and (is_toolkit or registers_class(spec, saved.name)):
            _import(saved.module, path)
    for module in (saved.module, *modules):
        found = getattr(sys.modules.get(module), saved.name, None)
        # Only what somebody registered with Keras, under whatever name.
        if found is not None and keras.saving.get_registered_object(keras.saving.get_registered_name(found)) is found:
            return found
    if saved.is_function:
        raise UserError(
            f"{path} needs the function {saved.registered_name}, which no module that was imported registers; name the "
            "one that does: model_modules of the app, or modules of rnn_keras.load"
        )
    if saved.module == "__main__":
        raise UserError(
            f"{path} needs {saved.name}, which was defined in the program that saved it; move it to a module of its "
            "own, and name that module: model_modules of the app, or modules of rnn_keras.load"
        )
    raise UserError(
        f"{needs}, which does not register it with @keras.saving.{DECORATOR}(); put that above the class, or name the "
        "module that does: model_modules of the app, or modules of rnn_keras.load"
    )


def find_module_spec(name: str) -> ModuleSpec | None:
    """Where a module is, without importing anything; None: it is not found."""
    parts = name.split(".")
    try:
        spec = importlib.util.find_spec(parts[0])
        for number in range(2, len(parts) + 1):
            if spec is None or spec.submodule_search_locations is None:
                return None
            spec = PathFinder.find_spec(".".join(parts[:number]), list(spec.submodule_search_locations))
    except (ImportError, ValueError, AttributeError):
        return None
    return spec


def registers_class(spec: ModuleSpec, name: str) -> bool:
    """Whether the source of a module defines a class or function of that name and registers something with Keras."""
    try:
        source = Path(spec.origin or "").read_text(encoding="utf-8")
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError):
        return False
    definitions = (ast.ClassDef, ast.FunctionDef)
    return DECORATOR in source and any(isinstance(node, definitions) and node.name == name for node in tree.body)


def _import(module: str, path: Path) -> None:
    try:
        import_without_running(module)
    except UserError:
        raise
    except Exception as error:  # the module is somebody's own code
        raise UserError(
            f"the module {module}, which {path} needs, cannot be imported ({type(error).__name__}: "
            f"{first_line(error)}); correct that first"
        ) from error


def _find_reason(error: Exception) -> str:
    """Why Keras could not open a file, in one line; its own message begins with pages of the layer's config."""
    _, found, reason = str(error).rpartition(ENCOUNTERED)
    return first_line(Exception(reason)) if found else first_line(error)


def read_app_name(path: Path) -> str | None:
    """The name of the app that a `.keras` file is of; None: the file does not say, or is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            written = json.loads(archive.read(APP_FILE))
    except (OSError, KeyError, ValueError, RecursionError, zipfile.BadZipFile, zlib.error):
        return None
    name = written.get("app") if isinstance(written, dict) else None
    return name if isinstance(name, str) else None
