"""The notebooks agree with their sources, say the same in both languages, and their code does what they claim."""

import re
import sys
from pathlib import Path

import pytest

from docs.notebooks.build import contents, find_outdated, main, path_of, read_notebook
from docs.notebooks.source import LANGUAGES, list_sources, read_source

SOURCES = list_sources()
LARGEST = 400_000  # bytes of a notebook
BY_NAME = pytest.mark.parametrize("source", SOURCES, ids=[source.name for source in SOURCES])


def read_both(source):
    return [read_notebook(path_of(source, language)) for language in LANGUAGES]


def test_the_ready_files_are_those_of_the_sources():
    assert not find_outdated(SOURCES)
    names = {f"{source.name}.ipynb" for source in SOURCES}
    for language in LANGUAGES:
        assert {path.name for path in path_of(SOURCES[0], language).parent.iterdir()} == names


@BY_NAME
def test_both_languages_have_the_same_cells_and_outputs(source):
    english, chinese = read_both(source)
    assert [cell.cell_type for cell in english.cells] == [cell.cell_type for cell in chinese.cells]
    assert contents(english, ("code",)) == contents(chinese, ("code",))
    for one, other in zip(english.cells, chinese.cells, strict=True):
        assert one.get("outputs") == other.get("outputs")
        headings = [re.findall(r"^#+(?= )", cell.source, flags=re.MULTILINE) for cell in (one, other)]
        assert headings[0] == headings[1]


@BY_NAME
def test_outputs_are_there_without_errors_and_of_moderate_size(source):
    notebook = read_both(source)[0]
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert {output.output_type for output in outputs} <= {"stream", "display_data", "execute_result"}
    assert any("image/png" in output.get("data", {}) for output in outputs) or "export" in source.name
    assert not any(str(Path.home()) in str(output) or "/tmp/" in str(output) for output in outputs)
    assert all(path_of(source, language).stat().st_size < LARGEST for language in LANGUAGES)


@BY_NAME
def test_equations_are_balanced(source):
    for cell in source.cells:
        for text in cell.values() if isinstance(cell, dict) else ():
            prose = re.sub(r"`[^`\n]*`", "", text)
            assert prose.count("$$") % 2 == 0, text
            inline = prose.replace("$$", "")
            assert all(paragraph.count("$") % 2 == 0 for paragraph in inline.split("\n\n")), text
            for formula in re.findall(r"\$\$(.+?)\$\$|\$([^$]+)\$", prose, flags=re.DOTALL):
                body = "".join(formula).replace(r"\{", "").replace(r"\}", "")
                assert body.count("{") == body.count("}"), body
                assert re.findall(r"\\begin\{(\w+)\}", body) == re.findall(r"\\end\{(\w+)\}", body), body


@BY_NAME
def test_formulas_are_the_same_in_both_languages(source):
    """Those that stand on their own; words inside of them may differ."""
    for cell in source.cells:
        if isinstance(cell, dict):
            without_words = [re.sub(r"\\text\{[^}]*\}|\s", "", text) for text in cell.values()]
            english, chinese = (re.findall(r"\$\$.+?\$\$", text) for text in without_words)
            assert english == chinese


def test_a_source_without_one_language_is_refused(tmp_path):
    path = tmp_path / "01-half.py"
    path.write_text("# %% [en]\n# Text.\n# %%\nx = 1\n")
    with pytest.raises(ValueError, match="no text in zh-TW"):
        read_source(path)


def test_check_fails_where_a_notebook_is_not_there(tmp_path, monkeypatch, capsys):
    assert len(find_outdated(SOURCES, tmp_path)) == 2 * len(SOURCES)
    monkeypatch.setattr(sys, "argv", ["build", "--check"])
    assert main() == 0 and not capsys.readouterr().out


@pytest.mark.slow
@BY_NAME
def test_the_code_runs_and_its_claims_hold(source, tmp_path, monkeypatch):
    """Here, and not in a kernel, each of which would import TensorFlow; the cells assert what the texts claim."""
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    plt.switch_backend("Agg")
    names = {"__name__": source.name}
    for number, cell in enumerate(cell for cell in source.cells if isinstance(cell, str)):
        exec(compile(cell, f"{source.name}, code {number}", "exec"), names)
