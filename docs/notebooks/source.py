"""One source for each notebook: code once, and beside it the text in every language.

A source is a Python file of cells. `# %%` starts code; `# %% [en]` and `# %% [zh-TW]` start the comments that become a
text cell, one right after the other. A first line `# extras: tune, onnx` names what Colab has to install.
"""

import dataclasses
import re
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

FOLDER = Path(__file__).parent
LANGUAGES = ("en", "zh-TW")
# The project has no public address yet: this is the one place to name it. No account can have such a name.
REPOSITORY = "your_account/rnn_keras"
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
COLAB = "https://colab.research.google.com/github/{repository}/blob/main/docs/notebooks/{language}/{name}.ipynb"
OTHER_LANGUAGE = {"en": "[繁體中文](../zh-TW/{name}.ipynb)", "zh-TW": "[English](../en/{name}.ipynb)"}
# Markdown shows the end of a line as a space, which Chinese does not have.
CHINESE_LINE_BREAK = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef])\n *(?=[\u3000-\u9fff\uff00-\uffef])")
INSTALL = """\
import importlib.util

if importlib.util.find_spec("rnn_keras") is None:  # as in Colab
    %pip install --quiet "rnn_keras{extras} @ git+https://github.com/{repository}\""""


@dataclasses.dataclass(frozen=True)
class Source:
    """A parsed source.

    Attributes:
        name: of the notebook's files, such as `02-the-carry`.
        extras: those of pyproject.toml that it needs.
        cells: a text for code, or a dict of texts by language.
    """

    name: str
    extras: list[str]
    cells: list[str | dict[str, str]]


def list_sources() -> list[Source]:
    """All sources, in the order of the lecture notes."""
    return [read_source(path) for path in sorted((FOLDER / "sources").glob("[0-9]*.py"))]


def read_source(path: Path) -> Source:
    """Parses a source.

    Raises:
        ValueError: a text is not there in each language, in their order.
    """
    head, *parts = re.split(r"^# %%(.*)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    cells: list[str | dict[str, str]] = []
    for mark, body in zip(parts[::2], parts[1::2], strict=True):
        language = mark.strip().strip("[]")
        if not language:
            cells.append(body.strip())
            continue
        text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in body.strip().splitlines())
        text = CHINESE_LINE_BREAK.sub("", text)
        last = cells[-1] if cells else ""
        if language == LANGUAGES[0]:
            cells.append({language: text})
        elif isinstance(last, dict) and len(last) < len(LANGUAGES) and language == LANGUAGES[len(last)]:
            last[language] = text
        else:
            raise ValueError(f"{path.name}: a text in {language!r} where none is expected: {text[:60]!r}")
    for cell in cells:
        if isinstance(cell, dict) and tuple(cell) != LANGUAGES:
            raise ValueError(f"{path.name}: no text in {LANGUAGES[len(cell)]} beside {cell['en'][:60]!r}")
    extras = re.search(r"^# extras: (.+)$", head, flags=re.MULTILINE)
    return Source(path.stem, extras[1].split(", ") if extras else [], cells)


def make_notebook(source: Source, language: str) -> nbformat.NotebookNode:
    """The notebook in one language, not run: a badge, what Colab installs, and the cells of the source."""
    colab = COLAB.format(repository=REPOSITORY, language=language, name=source.name)
    head = f"[![Open in Colab]({BADGE})]({colab})  {OTHER_LANGUAGE[language].format(name=source.name)}"
    extras = f"[{','.join(source.extras)}]" if source.extras else ""
    install = INSTALL.format(extras=extras, repository=REPOSITORY)
    title, *rest = source.cells
    made = []
    for number, cell in enumerate([title, {language: head}, install, *rest]):
        make = new_code_cell if isinstance(cell, str) else new_markdown_cell
        made.append(make(cell if isinstance(cell, str) else cell[language], id=f"cell-{number:02d}"))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=made, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})
