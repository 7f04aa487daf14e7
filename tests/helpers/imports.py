"""What importing a package loads, seen from a new interpreter."""

import ast
import json
import sys

from tests.helpers.layer_cases import ROOT, run_python


def loaded_by(package, *before):
    """Names of all modules that `import package` loads beyond those that the packages `before` load."""
    printed = run_python(
        """
        import importlib, json, sys
        package, *before = sys.argv[1:]
        for name in before:
            importlib.import_module(name)
        known = set(sys.modules)
        importlib.import_module(package)
        print("loaded", json.dumps(sorted(set(sys.modules) - known)))
        """,
        package,
        *before,
    )
    return json.loads(printed.split("loaded", 1)[1])


def assert_needs_only(package, *allowed):
    """`package` loads and imports nothing but the packages `allowed`, the standard library and modules of rnn_keras.

    The allowed packages may load what they need themselves; so each module's own imports are looked at too.
    """
    loaded = loaded_by(package, *allowed)
    known = {"rnn_keras", *(name.partition(".")[0] for name in allowed), *sys.stdlib_module_names}
    top_levels = {name.partition(".")[0] for name in loaded}
    assert top_levels <= known, top_levels - known
    for name in loaded:
        if name.startswith("rnn_keras"):
            assert imported_by(name) <= known, name
    return loaded


def imported_by(module):
    """Top-level names of everything that a module of this project imports, at its top or in its functions."""
    path = ROOT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.partition(".")[0])
    return found
