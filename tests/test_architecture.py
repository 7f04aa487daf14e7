"""The rules of the house: no import cycles, lower floors know nothing of higher ones, the toolkit knows no app."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
APPS = sorted(path.parent.name for path in ROOT.glob("apps/*/__init__.py"))

# Each package may import those before it, and of its own.
FLOORS = (
    ("utils",),
    ("layers",),
    ("diagnostics",),
    ("data",),
    ("runtime",),
    ("export",),
    ("seq2seq", "serving"),
    ("training",),
    ("distributed",),
    ("tuning",),
    ("cli",),
    ("play",),
)


def find_modules():
    """Every module of the toolkit and of the apps: its name -> its syntax tree."""
    trees = {}
    for path in sorted([*ROOT.glob("rnn_keras/**/*.py"), *ROOT.glob("apps/**/*.py")]):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        trees[name] = ast.parse(path.read_text(encoding="utf-8"))
    return trees


TREES = find_modules()


def find_imports(name):
    """The modules of this repository that a module imports anywhere in it, lazily and for types alone included."""
    found = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name} has a relative import"
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                found.add(module if module in TREES else node.module)
    return {module for module in found if module in TREES} - {name}


GRAPH = {name: find_imports(name) for name in TREES}


def find_cycle(graph):
    """A list of modules of which each imports the next and the last the first, or None."""
    finished, path = set(), []

    def visit(name):
        if name in finished:
            return None
        if name in path:
            return path[path.index(name) :]
        path.append(name)
        for other in sorted(graph[name]):
            if (cycle := visit(other)) is not None:
                return cycle
        finished.add(path.pop())
        return None

    return next((cycle for name in sorted(graph) if (cycle := visit(name)) is not None), None)


def test_the_search_for_cycles_finds_one():
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]
    assert find_cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


def test_there_are_no_import_cycles():
    assert find_cycle(GRAPH) is None


def test_lower_floors_do_not_import_higher_ones():
    floor_of = {package: number for number, packages in enumerate(FLOORS) for package in packages}
    wrong = []
    for name, imports in GRAPH.items():
        parts = name.split(".")
        if parts[0] != "rnn_keras" or len(parts) < 2 or parts[1] == "__main__":
            continue
        for other in imports:
            target = other.split(".")
            if len(target) > 1 and target[1] != parts[1] and floor_of[target[1]] >= floor_of[parts[1]]:
                wrong.append(f"{name} imports {other}")
    assert not wrong


def test_layers_need_nothing_but_keras_numpy_and_tensorflow():
    allowed = {"keras", "numpy", "tensorflow", "rnn_keras"}
    standard = set(__import__("sys").stdlib_module_names)
    for name, tree in TREES.items():
        if name.startswith("rnn_keras.layers"):
            for node in ast.walk(tree):
                modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                modules += [node.module] if isinstance(node, ast.ImportFrom) else []
                assert {module.split(".")[0] for module in modules} <= allowed | standard, name


@pytest.mark.parametrize("app", APPS)
def test_the_toolkit_names_no_app_and_apps_do_not_import_each_other(app):
    for name, imports in GRAPH.items():
        if name.startswith("rnn_keras"):
            assert not any(module.startswith("apps") for module in imports), name
        elif name.split(".")[1:2] != [app]:
            assert not any(module.startswith(f"apps.{app}") for module in imports), name
    for path in ROOT.glob("rnn_keras/**/*.py"):
        assert f"apps.{app}" not in path.read_text(encoding="utf-8"), path


# What used to stand for a term of the field, and must not come back as the name of a module, class or function.
HOME_MADE = {
    *("pieces", "members", "squashing", "cutting", "inside", "keypoints", "word_pairs", "together", "shares"),
    *("broken_step", "reading", "carried_state", "watched", "spectrum", "looped", "without_mask", "writer"),
    *("deployment", "tag_chain", "picture_reader", "asking", "solving", "labelled", "columns", "quiet"),
    *("Pieces", "Joined", "InsideLengths", "PerStep", "MeanOfSteps", "AtFullRate", "StandardizedInTime"),
    *("MeanOfMembers", "LengthBatches", "CarryingModel", "EpochState", "LossBroken", "Whole", "Real", "Deployment"),
    *("leads", "meet", "of_leader", "held", "replacing", "told", "made", "given", "chosen", "dealt", "led", "drawn"),
    *("told_of_losses", "told_of_disk", "layers_inside", "kept_states", "with_kept_state", "train_together"),
}


def test_no_home_made_name_is_left():
    found = []
    for name, tree in TREES.items():
        found += [name] if name.rpartition(".")[2] in HOME_MADE else []
        for node in ast.walk(tree):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name in HOME_MADE:
                found.append(f"{name}.{node.name}")
    assert not found


def test_public_functions_are_annotated():
    """Every parameter and result of the public functions and methods of the toolkit, but for `self` and `cls`."""
    missing = []
    for name, tree in TREES.items():
        if not name.startswith("rnn_keras"):
            continue
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
        functions = [(name, node) for node in tree.body if isinstance(node, ast.FunctionDef)]
        functions += [
            (f"{name}.{cls.name}", node) for cls in classes for node in cls.body if isinstance(node, ast.FunctionDef)
        ]
        for place, node in functions:
            if node.name.startswith("_") and node.name != "__init__":
                continue
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            bare = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
            if bare or (node.returns is None and node.name != "__init__"):
                missing.append(f"{place}.{node.name}({', '.join(bare)})")
    assert not missing, f"{len(missing)}: {missing[:20]}"


def test_the_wheel_is_told_to_hold_the_toolkit_alone():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["tool"]["setuptools"]["packages"]["find"]["include"] == ["rnn_keras*"]


def test_a_file_can_be_read_in_one_sitting():
    long = [path for path in ROOT.glob("rnn_keras/**/*.py") if len(path.read_text(encoding="utf-8").splitlines()) > 400]
    assert not long


@pytest.mark.parametrize("path", sorted(ROOT.glob("tests/**/test_*.py")), ids=lambda path: path.stem)
def test_no_test_module_imports_another_tests_folder(path):
    imports = re.findall(r"^(?:from|import) (tests\.\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert all(name.startswith("tests.helpers") for name in imports)
