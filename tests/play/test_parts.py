"""The parts of the page that need no server: its texts, the search for apps, and pieces of HTML."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from rnn_keras.play.charts import show_lines
from rnn_keras.play.find_apps import find_app_modules, load_app
from rnn_keras.play.html import mix_color, show_heat_map, show_table, show_words
from rnn_keras.play.texts import FOLDER, LANGUAGES, Texts, choose_language
from rnn_keras.play.uploads import take_uploads
from rnn_keras.utils.errors import UserError

ROOT = Path(__file__).parents[2]
FOLDERS = sorted({FOLDER, *(path.parent for path in ROOT.glob("apps/**/languages/**/en.json"))})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.relative_to(ROOT).as_posix())
def test_every_language_has_the_same_texts_with_the_same_gaps(folder):
    texts = {tag: json.loads((folder / f"{tag}.json").read_text(encoding="utf-8")) for tag in LANGUAGES}
    gaps = {
        tag: {key: set(re.findall(r"{\w+}", text)) for key, text in by_key.items()} for tag, by_key in texts.items()
    }
    assert gaps["en"] == gaps["zh-Hant"] == gaps["zh-Hans"]
    assert all(text.strip() for by_key in texts.values() for text in by_key.values())
    assert not [text for text in texts["zh-Hans"].values() if re.search("[網狀態門們數這會個詞]", text)]


def test_texts_are_filled_in_and_later_folders_win(tmp_path):
    for tag in LANGUAGES:
        (tmp_path / f"{tag}.json").write_text(json.dumps({"start": "{a} of {b} {c}"}))
    assert Texts("en", FOLDER, tmp_path)("start", a=1, b="{a}") == "1 of {a} {c}"
    assert Texts("zh-Hant", FOLDER)("forget_gate") == "遺忘門"


@pytest.mark.parametrize(
    "header, language",
    [("", "en"), ("fr,zh-HK;q=0.8", "zh-Hant"), ("zh", "zh-Hans"), ("en-GB,zh-TW", "en"), ("zh-Hant-TW", "zh-Hant")],
)
def test_the_language_of_a_browser(header, language):
    assert choose_language(header) == language


def test_apps_are_found_by_their_classes_without_running_anything(tmp_path):
    for name, text in {
        "mood": "class MoodApp(App): ...",
        "more/motion": "import x\nclass Motion(cli.ClassifierApp): ...",
        "tool": "raise SystemExit",
        "broken": "class (App",
    }.items():
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for package in (folder, folder.parent):
            (package / "__init__.py").touch()
        (folder / "__main__.py").write_text(text)
    assert find_app_modules(tmp_path) == ["mood", "more.motion"]
    assert "apps.sentiment" in find_app_modules(ROOT)
    assert load_app("apps.digits").name == "digits"
    with pytest.raises(UserError, match="there is no module no_such_app"):
        load_app("no_such_app")
    with pytest.raises(UserError, match="has 0 apps"):
        load_app("rnn_keras.play")


def test_html_is_escaped_and_values_are_told():
    words = show_words(["<b>", "fine"], [0.0, 1.0], 0, 1, 'a "label"')
    assert "<b>" not in words and 'data-tip="1.000"' in words and "&quot;label&quot;" in words
    heat = show_heat_map(np.array([[0.25, np.nan]]), ["<r>"], ["c", "<d>"], 0, 1, "title", digits=2)
    assert "<r>" not in heat and "<d>" not in heat and ">0.25</td>" in heat
    assert "&lt;x&gt;" in show_table(["<x>"], [["<y>"]])
    chart = show_lines({"a": [1.0, np.nan, 100.0]}, ["<one>", "two", "three"], "t", log=True)
    assert "<one>" not in chart and chart.count("<circle") == 2 and "a, three: 100" in chart


@pytest.mark.parametrize("value, color", [(0, "230,97,1"), (0.5, "255,255,255"), (1, "33,102,172"), (9, "33,102,172")])
def test_colors_of_the_scale(value, color):
    from rnn_keras.play.html import DIVERGING

    assert f"rgb({color})" in mix_color(value, 0, 1, DIVERGING)


def test_uploads_are_removed_whatever_happens(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("x")
    with pytest.raises(UserError, match=r"^a\.csv is bad$"), take_uploads(str(file), "nothing") as [path]:
        raise UserError(f"{path} is bad")
    assert not file.exists()
    for paths, sentence in ((None, "nothing"), (str(file), "a.csv was removed"), (["a", "b"], "2 files")):
        with pytest.raises(UserError, match=sentence), take_uploads(paths, "nothing"):
            pass


def test_what_a_visitor_sees_is_set_anew_only_where_it_changed():
    gr = pytest.importorskip("gradio", reason='the extra "ui" is not installed')
    from rnn_keras.play.page import TabView, change_view

    def find_changes(seen, now):
        values = change_view(seen, now)
        return [number for number, value in enumerate(values) if value != gr.skip()]

    nothing, training = TabView(False), TabView(False, "<p>epoch 1</p>", is_watched=True)
    assert find_changes(nothing, nothing) == [] == find_changes(training, training)
    assert find_changes(nothing, training) == [0, 3, 4]  # the view, the status, its timer
    assert find_changes(training, TabView(True)) == [0, 1, 2, 3, 4]
    assert change_view(nothing, training)[0] == training


def test_weights_are_those_of_a_command_whatever_other_threads_draw(tmp_path):
    import random

    import keras

    from rnn_keras.play.runs import RunStore

    def draw_weights(meanwhile):
        keras.utils.set_random_seed(5)
        meanwhile()
        return keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)]).get_weights()

    expected = draw_weights(lambda: None)
    with RunStore(tmp_path).compute(), RunStore(tmp_path).compute():
        found = draw_weights(random.random)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(draw_weights(random.random), expected, strict=True))
