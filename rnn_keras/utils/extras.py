"""Optional dependencies, which come as extras, and the one sentence that names the extra where one is missing."""

import importlib.util
import sys

from rnn_keras.utils.errors import UserError

# What needs each extra of pyproject.toml, with its verb: the middle of the sentence.
NEEDED_BY = {
    "apps": "the applications and their command line need",
    "tensorboard": "writing logs for TensorBoard needs",
    "tune": "searching for settings needs",
    "litert": "running LiteRT files needs",
    "micro": "running a file as a microcontroller does needs",
    "onnx": "ONNX files need",
    "serve": "serving a model needs",
    "docs": "building the documentation needs",
    "ui": "the page to try apps on needs",
}


def require_extra(extra: str, *modules: str) -> None:
    """Refuses to go on without the modules that an extra brings. Imports nothing, so it costs nothing.

    Args:
        extra: the extra's name in pyproject.toml, such as `"onnx"`.
        modules: the top-level modules that are needed now, such as `"tf2onnx"`.

    Raises:
        UserError: one of them is not installed; the sentence says for what, and how to install it.

    Example:
        >>> require_extra("onnx", "tf2onnx", "onnxruntime")
    """
    missing = [module for module in modules if not _is_installed(module)]
    if missing:
        verb, pronoun = ("is", "it") if len(missing) == 1 else ("are", "them")
        raise UserError(
            f"{', '.join(missing)} {verb} not installed, and {NEEDED_BY[extra]} {pronoun}: "
            f'pip install "rnn_keras[{extra}]", or in a clone: pip install -e ".[{extra}]"'
        )


def exit_without_extra(extra: str, *modules: str) -> None:
    """`require_extra` for a program's start: prints the sentence to standard error and exits with code 2."""
    try:
        require_extra(extra, *modules)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # a parent package is missing, or a stand-in without a spec was put there
        return module in sys.modules
