"""The site's pages that are not in docs/: the README of the project and of each app, the changelog and others.

They are read when the site is built, so there is one text of each. In every page, links are as they are in the
repository, and lead to where the site has the file.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
# Where files of the repository are in the site.
ELSEWHERE = {
    "README.md": "index.md",
    "README.zh-TW.md": "zh-TW.md",
    "docs/README.md": "all-pages.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/README.md": "benchmarks.md",
    "saved_models/README.md": "saved-models.md",
    "LICENSE": "LICENSE.txt",
}
# Single pages, beside which a list of pages would be empty.
ALONE = {"index.md", "faq.md", "changelog.md"}
LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\]\()([^)\s]+)(\))")
FOREIGN_PICTURE = re.compile(r"!\[([^\]]*)\]\(https?://[^)]*\)")
FENCE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)


def find_pages() -> dict[str, str]:
    """The path in the site of each file of the repository that is not in docs/, by its path in the repository."""
    pages = {path: place for path, place in ELSEWHERE.items() if (ROOT / path).is_file()}
    for readme in sorted(ROOT.glob("apps/*/README.md")):
        pages[readme.relative_to(ROOT).as_posix()] = f"apps/{readme.parent.name}.md"
    for picture in sorted(ROOT.glob("apps/*/*.png")):
        pages[picture.relative_to(ROOT).as_posix()] = picture.relative_to(ROOT).as_posix()
    return pages


PLACES = find_pages()
SOURCES = {place: path for path, place in PLACES.items()}


def expand(entry: Any) -> Any:
    """A part of the navigation: `folder/*` is replaced by the pages that are there, and what is missing is left out."""
    if isinstance(entry, dict):
        parts = {title: expand(value) for title, value in entry.items()}
        return {title: value for title, value in parts.items() if value}
    if isinstance(entry, list):
        expanded = [expand(value) for value in entry]
        parts = [part for value in expanded for part in (value if isinstance(value, list) else [value])]
        return [part for part in parts if part]
    if entry.endswith("/*"):
        folder = entry.removesuffix("*")
        own = (ROOT / "docs" / folder).glob("*.*")
        places = [path.relative_to(ROOT / "docs").as_posix() for path in own] + list(SOURCES)
        pages = [place for place in map(name_page, places) if place.startswith(folder) and place.endswith(".md")]
        return sorted(pages)
    return entry if entry in SOURCES or (ROOT / "docs" / entry).is_file() else None


def name_page(place: str) -> str:
    """A file in docs/ -> the page that is made of it; `notebooks.py` makes those of notebooks."""
    return re.sub(r"\.ipynb$", ".md", place)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    config.nav = expand(config.nav)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for file in [file for file in files if f"docs/{file.src_uri}" in PLACES]:
        files.remove(file)
    for path, place in PLACES.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / path)))
    return files


def translate_link(target: str, page: str) -> str:
    """A link as it is in the repository -> as it is in the site.

    Args:
        target: relative to the file that has it; `https://...` and `#heading` stay as they are.
        page: the path of the page in the site.
    """
    path, mark, anchor = target.partition("#")
    if not path or ":" in path:
        return target
    source = SOURCES.get(page, f"docs/{page}")
    linked = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    place = PLACES.get(linked, name_page(linked.removeprefix("docs/")))
    return posixpath.relpath(place, posixpath.dirname(page) or ".") + mark + anchor


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    if page.file.src_uri in ALONE:
        page.meta["hide"] = ["navigation"]
    parts = FENCE.split(markdown)
    for number in range(0, len(parts), 2):  # the odd ones are code
        text = FOREIGN_PICTURE.sub(r"\1", parts[number])  # a badge: its words, so that nothing is fetched
        parts[number] = LINK.sub(lambda link: link[1] + translate_link(link[2], page.file.src_uri) + link[3], text)
    return "".join(parts)
