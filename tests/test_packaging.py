"""What is installed: the wheel, its dependencies and extras, and the public names that come without waiting."""

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import rnn_keras
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.extras import NEEDED_BY, exit_without_extra, require_extra

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
APPS = sorted(path.parent.name for path in ROOT.glob("apps/*/__main__.py"))
# Distributions whose module has another name.
MODULES = {"scikit-learn": "sklearn", "pillow": "PIL", "keras-tuner": "keras_tuner", "ai-edge-litert": "ai_edge_litert"}
# What a Python without the extra "apps" lacks; rich comes with keras, and pillow with matplotlib.
WITHOUT_APPS = ("tyro", "tensorflow_datasets", "importlib_resources", "sklearn", "sacrebleu", "opencc")


def distribution_names(requirements: list[str]) -> list[str]:
    return [re.match(r"[\w.-]+", requirement).group() for requirement in requirements]


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )


def imported_modules(folders: list[str]) -> set[str]:
    """The top-level modules that the files of these folders import, those for type checkers left out."""
    found = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found.add(node.module.partition(".")[0])
    return found


def test_every_public_name_resolves():
    for name in rnn_keras.__all__:
        assert getattr(rnn_keras, name) is not None
    assert set(rnn_keras.__all__) <= set(dir(rnn_keras))
    assert sorted(rnn_keras.__all__) == sorted([*rnn_keras._MODULE_OF, *rnn_keras._PACKAGES])
    assert rnn_keras.LSTM is rnn_keras.layers.LSTM


def test_type_checkers_see_every_public_name():
    tree = ast.parse((ROOT / "rnn_keras/__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        seen |= {alias.name: node.module for alias in node.names}
    assert sorted(seen) == sorted(rnn_keras.__all__)
    assert {name: module for name, module in seen.items() if name not in rnn_keras._PACKAGES} == rnn_keras._MODULE_OF


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'rnn_keras' has no attribute 'LSTN'"):
        _ = rnn_keras.LSTN


def test_importing_the_package_imports_nothing_slow():
    code = "import sys, rnn_keras, rnn_keras.utils.extras; print(*sys.modules)"
    modules = {name.partition(".")[0] for name in run_python(code).stdout.split()}
    assert "rnn_keras" in modules
    assert not modules & {"tensorflow", "keras", "matplotlib", "numpy", "tyro", "rich", "sklearn"}


def test_a_runner_of_litert_files_needs_no_tensorflow():
    code = "import sys, rnn_keras; rnn_keras.LiteRTModel, rnn_keras.LiteRTSeq2Seq; print(*sys.modules)"
    modules = {name.partition(".")[0] for name in run_python(code).stdout.split()}
    assert "numpy" in modules
    assert not modules & {"tensorflow", "keras", "matplotlib"}


def test_a_missing_extra_is_one_sentence_with_its_name(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("tyro", "tf2onnx") else found(name))
    with pytest.raises(UserError) as raised:
        require_extra("apps", "tyro", "json")
    assert str(raised.value) == (
        "tyro is not installed, and the applications and their command line need it: "
        'pip install "rnn_keras[apps]", or in a clone: pip install -e ".[apps]"'
    )
    with pytest.raises(UserError, match=r"^tf2onnx, tyro are not installed, and ONNX files need them: .*\[onnx\]"):
        require_extra("onnx", "tf2onnx", "tyro")


def test_a_present_extra_is_silent():
    require_extra("apps", "json", "pathlib")
    require_extra("apps")


def test_a_program_ends_with_exit_code_2_where_an_extra_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as raised:
        exit_without_extra("serve", "kserve")
    assert raised.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: kserve is not installed, and serving a model needs it: ")
    assert captured.err.count("\n") == 1


def test_every_extra_has_a_purpose_and_dev_has_every_extra():
    assert set(NEEDED_BY) == set(EXTRAS) - {"dev"}
    assert EXTRAS["dev"][0] == f"rnn_keras[{','.join(NEEDED_BY)}]"


def test_linters_are_pinned_alike_everywhere():
    pins = dict(requirement.split("==") for requirement in EXTRAS["dev"] if "==" in requirement)
    assert set(pins) == {"ruff", "basedpyright"}
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert f"rev: v{pins['ruff']}\n" in hooks


# Each app in a process of its own, in which the extra's modules cannot be found.
HIDE = """
import importlib.util, runpy, sys
hidden = sys.argv[2].split(",")
class Hidden:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden)
module, sys.argv = sys.argv[1], ["", "train"]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("app", APPS)
def test_an_app_without_its_extra_says_so_in_one_sentence(app):
    done = run_python(HIDE, f"apps.{app}", ",".join(WITHOUT_APPS))
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: tyro, ")
    assert 'pip install -e ".[apps]"' in done.stderr
    assert done.stderr.count("\n") == 1


# With the modules of the other extras hidden: what `make demo`, which installs [apps,litert], imports.
DEMO = """
import importlib, sys
hidden = sys.argv[1].split(",")
class Hidden:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden)
for module in ("apps.sentiment.demo", "apps.sentiment.export", "apps.sentiment.model", "apps.sentiment.plots",
               "rnn_keras.cli.full_run", "rnn_keras.export.bundle", "rnn_keras.export.measure"):
    importlib.import_module(module)
"""


@pytest.mark.slow
def test_the_demo_needs_two_extras():
    others = ("keras_tuner", "kserve", "tensorflow_serving", "tf2onnx", "onnx", "onnxruntime", "torch", "pytest")
    done = run_python(DEMO, ",".join(others))
    assert done.returncode == 0, done.stderr


def test_the_base_dependencies_are_what_layers_and_diagnostics_import():
    base = {MODULES.get(name, name) for name in distribution_names(PROJECT["dependencies"])}
    imported = imported_modules(["rnn_keras/layers", "rnn_keras/diagnostics"]) - set(sys.stdlib_module_names)
    assert imported == base | {"rnn_keras"}


@pytest.mark.slow
def test_the_wheel_holds_the_toolkit_alone(tmp_path):
    source = tmp_path / "source"  # a copy: what an earlier build left in build/ would come into the wheel
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("rnn_keras", "apps", "tests", "benchmarks"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--quiet", "-w", str(tmp_path)]
    subprocess.run(command, cwd=source, check=True, timeout=600)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"rnn_keras-{rnn_keras.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (entry_points,) = [name for name in names if name.endswith("entry_points.txt")]
        assert b"rnn-keras = rnn_keras.__main__:main" in archive.read(entry_points)
    assert {name.partition("/")[0] for name in names} == {"rnn_keras", f"rnn_keras-{rnn_keras.__version__}.dist-info"}
    assert "rnn_keras/py.typed" in names
    files = [path for path in (source / "rnn_keras").rglob("*") if path.is_file()]
    assert {str(path.relative_to(source)) for path in files} <= set(names)
