"""Notebooks as pages: the text, the code and what it printed and drew, as the files in docs/notebooks/ hold them."""

import base64
import json
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        files.remove(file)
        if ".ipynb_checkpoints" in file.src_uri or file.abs_src_path is None:
            continue
        notebook = json.loads(Path(file.abs_src_path).read_text(encoding="utf-8"))
        place = file.src_uri.removesuffix(".ipynb")
        pictures: dict[str, bytes] = {}
        text = "\n\n".join(cell_markdown(cell, Path(place).name, pictures) for cell in notebook["cells"])
        files.append(File.generated(config, f"{place}.md", content=text))
        for name, content in pictures.items():
            files.append(File.generated(config, f"{Path(place).parent.as_posix()}/{name}", content=content))
    return files


def cell_markdown(cell: dict[str, Any], name: str, pictures: dict[str, bytes]) -> str:
    """A cell as Markdown.

    Args:
        cell: of a notebook in the format 4.
        name: of the notebook, which the names of its pictures begin with.
        pictures: the files of the pictures that were drawn, by name; those of this cell are added.
    """
    source = join(cell["source"])
    if cell["cell_type"] != "code":
        return source
    parts = [fence(source, "python")] if source.strip() else []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if "image/png" in data:
            picture = f"{name}-{len(pictures) + 1}.png"
            pictures[picture] = base64.b64decode(join(data["image/png"]))
            parts.append(f"![what the code above drew]({picture})")
        elif output["output_type"] == "stream" and output.get("name") == "stdout":
            parts.append(fence(join(output["text"]).rstrip(), "text"))
        elif "text/plain" in data:
            parts.append(fence(join(data["text/plain"]), "text"))
    return "\n\n".join(parts)


def join(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def fence(text: str, language: str) -> str:
    return f"````{language}\n{text}\n````"
