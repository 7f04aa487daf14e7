"""Installed fonts that have all the characters of a figure, such as Chinese ones."""

import functools
import unicodedata
from collections.abc import Iterable, Sequence

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.font_manager import FontEntry
from matplotlib.text import Text

# "Last Resort" comes with matplotlib and has a box for every character.
NO_FONT = "Last Resort"
FORMATTED = "$\\mathdefault{"  # how matplotlib begins the numbers of an axis, which it draws as mathematics


def find_font(characters: Iterable[str]) -> str | None:
    """The name of an installed font with all these characters, matplotlib's default if it has them; None: no font has.

    Example:
        >>> find_font("captions, 说明")
    """
    wanted = {ord(character) for character in characters}
    default = font_manager.findfont(font_manager.FontProperties())
    fonts = sorted(list_fonts(), key=lambda font: font.fname != default)
    if not any(wanted <= read_characters(font.fname) for font in fonts) and find_new_fonts():
        fonts = list_fonts()
    return next((font.name for font in fonts if wanted <= read_characters(font.fname)), None)


def choose_fonts(figure: Figure) -> str:
    """Gives the texts of a figure fonts that have their characters, and draws dollar signs as what they are.

    Call it before `tight_layout`, which measures the texts. A text keeps its own font for the characters that this has.

    Args:
        figure: with texts that come from data, such as names of classes.

    Returns:
        The characters that no installed font has, in order.
    """
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_ticklabels()  # creates them
    texts: list[Text] = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text()]
    missing = {}
    for text in texts:
        if not text.get_text().startswith(FORMATTED):
            text.set_parse_math(False)
        if not text.get_text().isascii():
            own = [read_characters(file) for file in _find_files(text.get_fontproperties())]
            lacking = {c for c in text.get_text() if _is_drawn(c) and not any(ord(c) in known for known in own)}
            if lacking:
                missing[text] = lacking
    lacking = set().union(*missing.values())
    names, left = find_fallbacks(lacking)
    for text in missing:
        text.set_fontfamily([*text.get_fontfamily(), *names])
    return "".join(sorted(left))


def find_fallbacks(characters: Iterable[str]) -> tuple[list[str], set[str]]:
    """The fewest installed fonts that have these characters together, and the characters that none has."""
    names: list[str] = []
    left, fonts = set(characters), list_fonts()
    while left:
        found = [(sum(ord(c) in read_characters(font.fname) for c in left), font) for font in fonts]
        count, font = max(found, key=lambda pair: pair[0], default=(0, None))  # of equals the first: a regular weight
        if count and font is not None:
            names.append(font.name)
            left = {c for c in left if ord(c) not in read_characters(font.fname)}
        elif find_new_fonts():
            fonts = list_fonts()
        else:
            break
    return names, left


def list_fonts() -> list[FontEntry]:
    """The fonts that matplotlib knows, those of a regular weight and style first."""
    fonts = [font for font in font_manager.fontManager.ttflist if not font.name.startswith(NO_FONT)]
    return sorted(fonts, key=lambda font: (font.weight not in (400, "normal", "regular"), font.style != "normal"))


def find_new_fonts() -> bool:
    """Adds the fonts that were installed after matplotlib made its list, which it keeps for ever; whether there are."""
    font_list = font_manager.fontManager.ttflist
    known, count = {font.fname for font in font_list}, len(font_list)
    for file in font_manager.findSystemFonts():
        if file not in known:
            try:
                font_manager.fontManager.addfont(file)
            except (OSError, RuntimeError, ValueError):  # a font that FreeType cannot read
                continue
    return len(font_list) > count


@functools.cache
def read_characters(file: str) -> frozenset[int]:
    """The code points of the characters that a font has; empty where FreeType cannot read it."""
    try:
        return frozenset(font_manager.get_font(file).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


def _is_drawn(character: str) -> bool:
    """Whether a font needs a glyph for a character: not for spaces, control characters and variation selectors."""
    is_selector = "\ufe00" <= character <= "\ufe0f"
    return not is_selector and unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp", "Zs")


def _find_files(properties: font_manager.FontProperties) -> Sequence[str]:
    """The files of a text's fonts, the first of which has the characters that several have."""
    files = []
    for family in properties.get_family() or [None]:
        one = properties.copy()
        one.set_family(family)
        files.append(font_manager.findfont(one))
    return files
