"""Makes the notebooks from their sources: `python -m docs.notebooks.build`; `--check` says whether they are up to date.

A notebook whose code has changed, or every one with `--run`, is run once, and its outputs go into both languages.
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import nbformat

from docs.notebooks.source import FOLDER, LANGUAGES, Source, list_sources, make_notebook

KEPT = ("stream", "display_data", "execute_result")


def path_of(source: Source, language: str, folder: Path = FOLDER) -> Path:
    return folder / language / f"{source.name}.ipynb"


def read_notebook(path: Path) -> Any:
    """A ready notebook; an empty one where there is none."""
    return nbformat.read(path, as_version=4) if path.exists() else nbformat.v4.new_notebook()


def contents(notebook: Any, kinds: tuple[str, ...] = ("code", "markdown")) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source) for cell in notebook.cells if cell.cell_type in kinds]


def run_notebook(notebook: Any, folder: Path) -> None:
    """Runs all cells, and keeps of their outputs what is the same in each run.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell fails.
    """
    from nbclient import NotebookClient

    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(FOLDER.parents[1]), "TQDM_DISABLE": "1"}
    NotebookClient(notebook, timeout=1800, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    for count, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), 1):
        cell.execution_count, cell.metadata = count, {}
        cell.outputs = clean_outputs(cell.outputs)
    notebook.metadata["language_info"] = {"name": "python"}


def clean_outputs(outputs: list[Any]) -> list[Any]:
    """Without what TensorFlow logs, and what is printed in one piece, wherever it was divided."""
    cleaned: list[Any] = []
    for output in outputs:
        if output.output_type not in KEPT or output.get("name") == "stderr":
            continue
        if output.output_type == "stream":
            output.text = re.sub(r"^INFO:tensorflow:.*\n", "", output.text, flags=re.MULTILINE)
        if output.output_type == "stream" and cleaned and cleaned[-1].output_type == "stream":
            cleaned[-1].text += output.text
            continue
        output.pop("transient", None)
        for name, empty in (("metadata", {}), ("execution_count", None)):
            if name in output:
                output[name] = empty
        cleaned.append(output)
    return cleaned


def copy_outputs(ready: Any, notebook: Any) -> None:
    """The outputs of a notebook with the same code."""
    outputs = [cell for cell in ready.cells if cell.cell_type == "code"]
    for cell, run in zip((cell for cell in notebook.cells if cell.cell_type == "code"), outputs, strict=True):
        cell.outputs, cell.execution_count = clean_outputs(run.outputs), run.execution_count


def find_outdated(sources: list[Source], folder: Path = FOLDER) -> list[Path]:
    """The ready notebooks that differ from their sources in text or code, or that were not run."""
    outdated = []
    for source in sources:
        for language in LANGUAGES:
            path = path_of(source, language, folder)
            ready = read_notebook(path)
            was_run = all(cell.execution_count for cell in ready.cells if cell.cell_type == "code")
            if not was_run or contents(ready) != contents(make_notebook(source, language)):
                outdated.append(path)
    return outdated


def build(source: Source, folder: Path = FOLDER, run: bool = False) -> None:
    """Writes a notebook in each language."""
    first = make_notebook(source, LANGUAGES[0])
    ready = read_notebook(path_of(source, LANGUAGES[0], folder))
    if run or contents(ready, ("code",)) != contents(first, ("code",)):
        run_notebook(first, folder)
    else:
        copy_outputs(ready, first)
    for language in LANGUAGES:
        notebook = make_notebook(source, language)
        copy_outputs(first, notebook)
        path = path_of(source, language, folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="beginnings of names, such as 05; default: all notebooks")
    parser.add_argument("--check", action="store_true", help="write nothing, and fail where a notebook is out of date")
    parser.add_argument("--run", action="store_true", help="run those too whose code has not changed")
    arguments = parser.parse_args()
    sources = [source for source in list_sources() if source.name.startswith(tuple(arguments.names) or "")]
    if arguments.check:
        outdated = find_outdated(sources)
        for path in outdated:
            print(f"{path.relative_to(FOLDER.parent)} differs from its source: run python -m docs.notebooks.build")
        return int(bool(outdated))
    for source in sources:
        start = time.monotonic()
        build(source, run=arguments.run)
        size = path_of(source, LANGUAGES[0]).stat().st_size
        print(f"{source.name}: {time.monotonic() - start:.0f} s, {size / 1024:.0f} kB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
