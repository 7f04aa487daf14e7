"""The Python code of the documentation's pages runs, and gives what the comments beside it say."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHON_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
# Pages whose code runs as it stands. That of the others is part of a file, or needs a run: see test_docs.py.
PAGES = (
    *("diagnostics", "faq", "get-started", "how-it-works", "layers", "masks-and-states", "truncated-bptt"),
    "your-model",
)


def find_claims(code: str) -> list[tuple[str, object]]:
    """The expressions on a line of their own, with the value in the comment behind each: `x.shape  # (8, 32)`."""
    claims = []
    lines = code.splitlines()
    for node in ast.parse(code).body:
        if not isinstance(node, ast.Expr) or node.lineno != node.end_lineno:
            continue
        comment = lines[node.lineno - 1][node.end_col_offset or 0 :].strip().removeprefix("# ").partition(";")[0]
        value = node.value
        if isinstance(value, ast.Call) and ast.unparse(value.func) == "print" and len(value.args) == 1:
            value = value.args[0]
        try:
            claims.append((ast.unparse(value), ast.literal_eval(comment)))
        except (SyntaxError, ValueError):
            continue
    return claims


def test_claims_are_found():
    code = "x = 1\nx + 1  # 2\ny.path  # 'fast'; otherwise the reason\nprint(x)  # a number\nprint(x)  # 1\n"
    assert find_claims(code) == [("x + 1", 2), ("y.path", "fast"), ("x", 1)]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch, plain_graphs, export_here):
    import keras
    import numpy as np

    from rnn_keras.layers import LSTM

    monkeypatch.chdir(tmp_path)
    model = keras.Sequential([keras.Input((None, 8)), LSTM(4), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    generator = np.random.default_rng(1)
    names = {
        "model": model,
        "inputs": generator.normal(size=(16, 20, 8)).astype("float32"),
        "targets": generator.normal(size=(16, 1)).astype("float32"),
    }
    for block in PYTHON_BLOCK.findall((ROOT / f"docs/{page}.md").read_text(encoding="utf-8")):
        if "to_input" in block:  # the equations, which are part of a function
            continue
        exec(block, names)
        for expression, value in find_claims(block):
            assert eval(expression, names) == value, f"{page}: {expression}"
