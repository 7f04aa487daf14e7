"""Fonts of this machine that have the characters of a picture, such as Chinese ones."""

from matplotlib import font_manager


def font_with(characters: set[str]) -> str | None:
    """The name of an installed font with all these characters, matplotlib's own if that has them."""
    wanted = {ord(character) for character in characters}
    own = font_manager.findfont(font_manager.FontProperties())
    # "Last Resort" comes with matplotlib and has a box for every character.
    fonts = [font for font in font_manager.fontManager.ttflist if not font.name.startswith("Last Resort")]
    fonts.sort(key=lambda font: (font.fname != own, font.weight != 400))
    for font in fonts:
        try:
            known = font_manager.get_font(font.fname).get_charmap()
        except (OSError, RuntimeError):  # a font that FreeType cannot read
            continue
        if wanted <= known.keys():
            return font.name
    return None
