"""The texts of the page: one file for each language, of the page and of each app."""

import json
from collections.abc import Mapping
from pathlib import Path

LANGUAGES: Mapping[str, str] = {"en": "English", "zh-Hant": "繁體中文", "zh-Hans": "简体中文"}  # by their tags, BCP 47
FOLDER = Path(__file__).parent / "languages"  # of the page's own texts


class Texts:
    """The texts of one language, by their keys.

    Args:
        language: a tag of `LANGUAGES`.
        folders: with a file `<language>.json` each, an object of texts; those of a later folder replace earlier ones.

    Example:
        >>> Texts("en", FOLDER)("run", app="mood")
    """

    def __init__(self, language: str, *folders: Path):
        self.language = language
        self._texts: dict[str, str] = {}
        for folder in folders:
            self._texts |= json.loads((folder / f"{language}.json").read_text(encoding="utf-8"))

    def __call__(self, key: str, **values: object) -> str:
        """A text with `{name}` replaced by the values.

        Raises:
            KeyError: there is no such text.
        """
        text = self._texts[key]
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text

    def __contains__(self, key: str) -> bool:
        return key in self._texts


def choose_language(accepted: str) -> str:
    """The language of the page for a browser that sends this header `Accept-Language`.

    >>> choose_language("zh-TW,zh;q=0.9,en;q=0.8"), choose_language("zh-CN"), choose_language("de-DE,de")
    ('zh-Hant', 'zh-Hans', 'en')
    """
    for entry in accepted.split(","):
        tag = entry.split(";")[0].strip().lower()
        if tag.startswith("zh"):
            return "zh-Hant" if any(part in tag for part in ("hant", "tw", "hk", "mo")) else "zh-Hans"
        if tag.startswith("en"):
            return "en"
    return "en"
