"""The site builds without a warning, has every page, and asks for nothing from elsewhere."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MISSING = [
    name for name in ("mkdocs", "material", "mkdocstrings", "latex2mathml") if importlib.util.find_spec(name) is None
]


def read_names(page):
    """What a page of the reference documents."""
    return re.findall(r"^::: ([\w.]+)$", (ROOT / "docs/reference" / page).read_text(encoding="utf-8"), re.MULTILINE)


def test_the_reference_has_what_is_public():
    import rnn_keras

    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs/reference").glob("*.md")]
    packages = {"diagnostics", "layers"}
    for name in set(rnn_keras.__all__) - packages:
        assert any(re.search(rf"^::: \S+\.{name}$", text, re.MULTILINE) for text in pages), name


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=f"the extra docs is not installed: no {', '.join(MISSING)}")
def test_the_site_builds_strictly_and_needs_no_network(tmp_path):
    environment = os.environ | {
        "NO_MKDOCS_2_WARNING": "1",
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]

    pages = {
        path.relative_to(tmp_path).as_posix(): path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.html")
    }
    for app in ROOT.glob("apps/*/README.md"):
        assert f"apps/{app.parent.name}.html" in pages
    assert "train more than twice as fast" in pages["index.html"]
    for name in read_names("layers.md"):
        assert f'id="{name}"' in pages["reference/layers.html"], name
    for place, text in pages.items():
        fetched = re.findall(r'<(?:script|img|iframe)[^>]*\ssrc="(https?:[^"]+)|<link[^>]*\shref="(https?:[^"]+)', text)
        assert not fetched, f"{place}: {fetched}"
        assert 'class="arithmatex">' not in text, f"{place}: a formula is left as it was"
