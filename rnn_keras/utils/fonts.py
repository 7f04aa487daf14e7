"""Installed fonts that have all the characters of a figure, such as Chinese ones."""

from collections.abc import Iterable

from matplotlib import font_manager


def find_font(characters: Iterable[str]) -> str | None:
    """The name of an installed font with all these characters, matplotlib's default if it has them; None: no font has.

    Example:
        >>> find_font("captions, 说明")
    """
    wanted = {ord(character) for character in characters}
    default = font_manager.findfont(font_manager.FontProperties())
    # "Last Resort" comes with matplotlib and has a box for every character.
    fonts = [font for font in font_manager.fontManager.ttflist if not font.name.startswith("Last Resort")]
    fonts.sort(key=lambda font: (font.fname != default, font.weight != 400))
    for font in fonts:
        try:
            known = font_manager.get_font(font.fname).get_charmap()
        except (OSError, RuntimeError):  # a font that FreeType cannot read
            continue
        if wanted <= known.keys():
            return font.name
    return None
