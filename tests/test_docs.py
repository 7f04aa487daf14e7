"""The documentation names what exists: files, headings, commands, flags, modules and their attributes."""

import ast
import functools
import json
import math
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.environment import make_environment

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "apps/*/README.md", "benchmarks/README.md", "saved_models/README.md")
    for path in ROOT.glob(pattern)
)
# The changelog tells of names that are no more.
CURRENT_PAGES = [page for page in PAGES if page != "CHANGELOG.md"]
APPS = sorted(path.parent.name for path in ROOT.glob("apps/*/__main__.py"))
PYTHON_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
RUN_MODULE = re.compile(
    r"python3? -m ((?:apps|benchmarks|rnn_keras)(?:\.\w+)*)(?!\.?<)"  # not `apps.<app>`
    r"(?:[ \t]+([a-z][a-z-]*)\b(?![\w./]))?"
)
DOTTED_NAME = re.compile(r"(?<![.\w])(?:rnn_keras|apps|benchmarks)(?:\.[A-Za-z_]\w*)+")
IMPORT = re.compile(r"from ((?:rnn_keras|apps)[\w.]*) import ([\w, ]+)")
FILE = re.compile(r"(?<![\w./])(?:rnn_keras|apps|tests|benchmarks|docs|\.github)/[\w./-]+")
FLAG = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]*)")
NUMBER = re.compile(r"\d(?:[\d,.]*\d)?")
# Flags of other programs.
FOREIGN_FLAGS = {"no-deps", "help", "d", "rm"}


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@functools.cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def find_module(name: str) -> Path | None:
    """The file of a module or package, which is not imported."""
    place = ROOT / name.replace(".", "/")
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.is_file():
            return path
    return None


def bound_names(body: list[ast.stmt]) -> set[str]:
    """The names that a module or class body binds, the texts of its lists and dicts of lazy names included."""
    names = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.If):
            names |= bound_names(node.body)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
            if any(isinstance(target, ast.Name) and target.id.strip("_").isupper() for target in targets) or any(
                isinstance(target, ast.Name) and target.id == "__all__" for target in targets
            ):
                values = ast.walk(node.value) if node.value else ()
                names |= {v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)}
    return names


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or an attribute of one (of which classes are not looked into)."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        path = find_module(".".join(parts[:count]))
        if path is not None:
            rest = parts[count:]
            return not rest or rest[0] in bound_names(parse(path).body)
    return (ROOT / parts[0]).is_dir() and len(parts) == 1


@functools.cache
def headings(path: Path) -> set[str]:
    """The anchors of a page, by GitHub's rule."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def function_flags(path: Path) -> set[str]:
    """The arguments of all functions in a file, among which are the flags of its commands."""
    nodes = [node for node in ast.walk(parse(path)) if isinstance(node, ast.FunctionDef)]
    return {argument.arg for node in nodes for argument in (*node.args.args, *node.args.kwonlyargs)}


def field_flags(path: Path) -> set[str]:
    """The annotated fields of all classes in a file, among which are the settings of a config."""
    classes = [node for node in ast.walk(parse(path)) if isinstance(node, ast.ClassDef)]
    fields = [node.target for one in classes for node in one.body if isinstance(node, ast.AnnAssign)]
    return {field.id for field in fields if isinstance(field, ast.Name)}


def known_flags(folder: Path | None) -> set[str]:
    """The flags of the commands, of an app's own ones, and of its settings; all apps' where no app is given."""
    folders = [folder] if folder else [ROOT / "apps" / app for app in APPS]
    names = {"json", "config"} | field_flags(ROOT / "rnn_keras/training/config.py")
    names |= field_flags(ROOT / "rnn_keras/serving/limits.py")
    for path in [*(ROOT / "rnn_keras/cli").rglob("*.py"), ROOT / "rnn_keras/play/command.py"]:
        names |= function_flags(path) | field_flags(path)
    for path in [path for app in folders for path in app.glob("*.py")]:
        names |= field_flags(path) | function_flags(path)
    if folder is None:
        for path in (ROOT / "benchmarks").glob("*.py"):
            names |= field_flags(path) | function_flags(path)
    flags = {name.replace("_", "-") for name in names}
    return flags | {f"no-{flag}" for flag in flags}


def command_names(app: str | None) -> set[str]:
    names = {path.stem.replace("_", "-") for path in (ROOT / "rnn_keras/cli/commands").glob("*.py")} - {"--init--"}
    if app is not None:  # its own commands are functions, or the keys of a dict
        for path in (ROOT / "apps" / app).glob("*.py"):
            tree = parse(path)
            names |= {node.name.replace("_", "-") for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
            dicts = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
            names |= {key.value for one in dicts for key in one.keys if isinstance(key, ast.Constant)}
    return names


@pytest.mark.parametrize("page", ["README.md", "README.zh-TW.md"])
def test_the_readme_is_one_screen(page):
    assert len(read(page).splitlines()) <= 120


def test_the_chinese_readme_says_the_same():
    """Links, code and figures; the texts are each language's own."""
    english, chinese = read("README.md"), read("README.zh-TW.md")
    between = {"README.md", "README.zh-TW.md"}  # the links from one to the other
    assert set(LINK.findall(english)) - between == set(LINK.findall(chinese)) - between
    code = [re.findall(r"```.*?```", re.sub(r"  +#.*", "", page), re.DOTALL) for page in (english, chinese)]
    assert code[0] == code[1]
    rows = [
        [set(NUMBER.findall(line)) for line in page.splitlines() if line.startswith("|")] for page in (english, chinese)
    ]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_exist(page):
    for target in LINK.findall(read(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = ((ROOT / page).parent / name).resolve() if name else ROOT / page
        assert path.exists(), f"{page}: no file {target}"
        if anchor:
            assert anchor in headings(path), f"{page}: no heading {target}"


@pytest.mark.parametrize("page", CURRENT_PAGES)
def test_commands_exist(page):
    for module, command in RUN_MODULE.findall(read(page)):
        path = find_module(module)
        assert path is not None, f"{page}: no module {module}"
        if path.name == "__init__.py":
            assert (path.parent / "__main__.py").is_file(), f"{page}: {module} cannot be run"
        top, _, app = module.partition(".")
        if command and top == "apps" and "." not in app:
            assert command in command_names(app), f"{page}: {module} has no command {command}"


@pytest.mark.parametrize("page", CURRENT_PAGES)
def test_flags_exist(page):
    app = ROOT / page if not page.startswith("apps/") else (ROOT / page).parent
    known = known_flags(app if page.startswith("apps/") else None)
    code = "\n".join(block for block in CODE.findall(read(page)) if "docker" not in block)
    unknown = set(FLAG.findall(code)) - known - FOREIGN_FLAGS
    assert not unknown, f"{page}: no flags {', '.join(sorted(unknown))}"


@pytest.mark.parametrize("page", CURRENT_PAGES)
def test_names_of_modules_and_attributes_exist(page):
    text = LINK.sub("", read(page))
    names = set(DOTTED_NAME.findall(text))
    names |= {f"{module}.{name.strip()}" for module, listed in IMPORT.findall(text) for name in listed.split(",")}
    unknown = sorted(name for name in names if not resolves(name))
    assert not unknown, f"{page}: {', '.join(unknown)}"


@pytest.mark.parametrize("page", CURRENT_PAGES)
def test_files_exist(page):
    text = LINK.sub("", re.sub(r"https?://\S+", "", read(page)))
    unknown = sorted(name for name in set(FILE.findall(text)) if not (ROOT / name.rstrip(".")).exists())
    assert not unknown, f"{page}: {', '.join(unknown)}"


def read_results():
    """The rows of docs/results.md, each with the text of its app's page; a row without an app is of the one above."""
    page = None
    for line in read("docs/results.md").splitlines():
        if not line.startswith("|") or line.startswith("|---"):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == "app":
            columns = cells
            continue
        row = dict(zip(columns, cells, strict=True))
        page = LINK.search(row["app"])[1].removeprefix("../") if row["app"] else page
        yield row, read(page)


def test_results_are_those_of_the_pages_of_the_apps():
    for row, page in read_results():
        numbers = NUMBER.findall(row["this app"]) + re.findall(r"\d+\.\d+", row["others"])
        assert numbers and not set(numbers) - set(NUMBER.findall(page)), row


def test_seconds_of_the_defaults_are_those_that_were_measured():
    rows = json.loads(read("benchmarks/results/defaults.json"))["rows"]
    seconds = {f"`python -m apps.{row['app']} train`": str(row["seconds"]) for row in rows}
    told = {row["command"]: row["seconds"] for row, _ in read_results() if row.get("seconds")}
    assert told == seconds


@pytest.mark.slow
def test_the_app_of_the_guide_learns(tmp_path, monkeypatch, export_here, capfd):
    model, main = PYTHON_BLOCK.findall(read("docs/your-app.md"))
    folder = tmp_path / "next_number"
    folder.mkdir()
    for name, content in (("__init__.py", ""), ("model.py", model), ("__main__.py", main)):
        (folder / name).write_text(content)
    (tmp_path / "numbers.txt").write_text("\n".join(f"{math.sin(step / 5):.4f}" for step in range(600)))
    command = [sys.executable, "-m", "next_number", "train", "--epochs", "12", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=make_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0 and json.loads(done.stdout), done.stderr

    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for arguments in (["evaluate"], ["export"], ["predict", " ".join(["0.5"] * 20)]):  # here: each process takes long
        monkeypatch.setattr(sys, "argv", ["next_number", *arguments, "--json"])
        capfd.readouterr()
        runpy.run_module("next_number", run_name="__main__", alter_sys=True)
        answer = json.loads(capfd.readouterr().out)
        if arguments[0] == "evaluate":
            assert answer["mse"] < answer["mse_of_repeating"] / 4
        if arguments[0] == "export":
            assert [row["agreement"] for row in answer["report"]] == [1, 1, 1]
    assert len(answer["predictions"]) == 1
