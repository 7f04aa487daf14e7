"""A mistake in the first line of a file is told before TensorFlow is imported, which takes seconds."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The app, the first line with a mistake, and words of the sentence.
MISTAKES = {
    "sentiment": ("review;stars", "with --text-column"),
    "wardrobe": ("day,weather,temperature,clothes", "with --date-column"),
    "forecasting": ("load", "expected a column of times and"),
    "activity": ("ax,ay,what", "with --label-column"),
    "addition": ("one,two", "with --first-column"),
    "addition.seq2seq": ("one,two", "with --first-column"),
    "translation": ("Hello. Bonjour.", "no tab in 'Hello. Bonjour.'"),
}
PROGRAM = """
import importlib, sys
for name in sys.argv[1:]:
    module = importlib.import_module(f"apps.{name}.__main__")
    (app,) = (value for value in vars(module).values() if getattr(value, "__module__", "") == module.__name__)
    try:
        app().main(["train", "--dataset", name + (".tsv" if name == "translation" else ".csv"), "--run-dir", "run"])
    except SystemExit as ended:
        print(name, ended.code, file=sys.stderr)
assert "tensorflow" not in sys.modules and "keras" not in sys.modules
"""


@pytest.fixture(scope="module")
def sentences(tmp_path_factory):
    """What each app says, by its name."""
    folder = tmp_path_factory.mktemp("files")
    for name, (line, _) in MISTAKES.items():
        suffix = ".tsv" if name == "translation" else ".csv"
        (folder / f"{name}{suffix}").write_text(line + "\n" + line + "\n")
    process = [sys.executable, "-c", PROGRAM, *MISTAKES]
    done = subprocess.run(process, cwd=folder, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    return dict(zip(MISTAKES, zip(lines[::2], lines[1::2], strict=True), strict=True))


@pytest.mark.parametrize("name", MISTAKES)
def test_it_is_one_sentence_at_once(name, sentences):
    sentence, code = sentences[name]
    assert sentence.startswith("error: ") and MISTAKES[name][1] in sentence
    assert code == f"{name} 2"
