"""Fonts for texts in any script, with the fonts that come with matplotlib."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib import font_manager

from rnn_keras.training.plots import plot_confusion_matrix, save_figure
from rnn_keras.utils.fonts import choose_fonts, find_fallbacks, find_font, list_fonts, read_characters

NO_FONT = "\U0010fffd"  # for private use; nobody has a glyph for it


@pytest.fixture(scope="module")
def rare():
    """A font, a character that the default font lacks and this one has."""
    default = read_characters(font_manager.findfont(font_manager.FontProperties()))
    [font] = [font for font in list_fonts() if font.name == "STIXGeneral" and font.weight == 400][:1]
    others = [read_characters(font.fname) for font in list_fonts() if font.name != "STIXGeneral"]
    only = read_characters(font.fname) - default - frozenset().union(*others)
    return font, next(chr(code) for code in sorted(only) if chr(code).isprintable())


def test_a_text_gets_a_font_for_each_of_its_characters(rare):
    font, character = rare
    figure = plot_confusion_matrix(np.array([0, 1]), np.array([0, 1]), [f"good {character}", "bad"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of a box
        assert choose_fonts(figure) == ""
        figure.canvas.draw()
    [axis] = figure.axes
    good, bad = axis.get_xticklabels()
    assert good.get_fontfamily()[-1] == font.name and len(bad.get_fontfamily()) == 1
    plt.close(figure)


def test_the_fewest_fonts_have_all_characters(rare):
    font, character = rare
    assert find_fallbacks({character}) == ([font.name], set())
    names, left = find_fallbacks({"a", character, NO_FONT})
    assert font.name in names and len(names) <= 2 and left == {NO_FONT}
    assert find_font("a") and find_font(f"a{NO_FONT}") is None


def test_a_font_that_was_installed_later_is_found(rare, monkeypatch):
    font, character = rare
    fonts = [other for other in font_manager.fontManager.ttflist if other.name != font.name]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", fonts)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [])
    assert find_fallbacks({character})[1] == {character}
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [font.fname])
    assert find_fallbacks({character}) == ([font.name], set())


def test_a_dollar_sign_is_a_dollar_sign(tmp_path):
    figure = plot_confusion_matrix(np.array([0, 1]), np.array([0, 1]), ["$x$ and $\\foo$", "$5"])
    figure.axes[0].set_title("from $1 to $2")
    save_figure(figure, tmp_path / "classes.png")
    assert (tmp_path / "classes.png").exists()

    figure, axis = plt.subplots()
    axis.set_xscale("log")
    axis.plot([1, 100], [1, 2])
    choose_fonts(figure)
    figure.canvas.draw()
    assert all(label.get_parse_math() for label in axis.get_xticklabels() if label.get_text())
    plt.close(figure)


def test_characters_that_no_font_has_are_named_once(tmp_path, capfd):
    figure = plot_confusion_matrix(np.array([0, 1]), np.array([0, 1]), [f"good{NO_FONT}", f"bad{NO_FONT}"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(figure, tmp_path / "classes.png")
    [line] = capfd.readouterr().err.splitlines()
    assert f"no installed font has {NO_FONT}, which are boxes in" in line and "classes.png; install one" in line
