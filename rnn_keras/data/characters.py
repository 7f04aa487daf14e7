"""One normal form of texts: what looks the same to a reader is the same to splits, vocabularies and models.

The form is Unicode's NFKC without the characters that nobody sees. Two kinds of characters are kept as they are:
accents that stand alone, such as the one in it´s, since NFKC would put a space before them; and fractions, since it
would make 91⁄2 of 9½. `rnn_keras.data.normalisation` computes the same in the graph, and `rnn_keras.runtime.tokenizer`
without TensorFlow.
"""

import functools
import re
import sys
import unicodedata
from collections.abc import Iterable

# For a character class. Controls other than white space, soft hyphens, marks of direction, joiners of words.
_LAYOUT = "\x01-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff0-\ufff8"
# Zero-width joiners and non-joiners, selectors of a letter's form, fillers. They have a meaning for how a text is
# written: in Persian, in Indic scripts and in emoji.
_FORMS = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200d\u3164\ufe00-\ufe0f\uffa0\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f\U000e0100-\U000e01ef"
)
INVISIBLE = f"[{_LAYOUT}{_FORMS}]"
_invisible, _layout = re.compile(INVISIBLE), re.compile(f"[{_LAYOUT}]")


def normalise_characters(text: str) -> str:
    """The normal form in which texts are compared, counted and classified; see the module.

    Zero-width joiners and non-joiners are removed too: a Persian word with and without them is one word, and an emoji
    of several people becomes those people. Zero-width spaces stay, since they separate words.

    >>> normalise_characters("a bril\N{SOFT HYPHEN}liant caf\N{LATIN SMALL LETTER E}\N{COMBINING ACUTE ACCENT}")
    'a brilliant café'
    """
    text = _invisible.sub("", text)
    if text.isascii():
        return text
    parts = re.split(f"([{''.join(kept_characters())}])", text)
    return "".join(part if number % 2 else unicodedata.normalize("NFKC", part) for number, part in enumerate(parts))


def clean_written(text: str) -> str:
    """A text as a model shall write it: composed (NFC), without soft hyphens, marks of direction and controls.

    Joiners and non-joiners between letters stay, since Persian and Indic scripts are written with them, and so do
    full-width letters and the forms of emoji.
    """
    return unicodedata.normalize("NFC", _layout.sub("", text))


def is_blank(text: str) -> bool:
    """Whether a reader sees nothing of a text: it has only spaces and invisible characters."""
    return not _invisible.sub("", text).replace("\N{ZERO WIDTH SPACE}", "").strip()


@functools.cache
def kept_characters() -> tuple[str, ...]:
    """The accents that stand alone, which NFKC replaces by a space and a combining accent, and the fractions."""
    characters = [chr(point) for point in range(0x80, 0x10000)]
    accents = (c for c in characters if unicodedata.normalize("NFKC", c)[:1] == " " and not c.isspace())
    return (*accents, *(c for c in characters if unicodedata.decomposition(c).startswith("<fraction>")))


def describe_ranges(points: Iterable[int]) -> str:
    """Rising code points as the ranges of a character class, for Python's regular expressions."""
    ranges: list[list[int]] = []
    for point in points:
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


@functools.cache
def kept_class() -> str:
    """A character class of what normalisation leaves as it is: `kept_characters`, and unassigned code points.

    Some of the latter have another form in later versions of Unicode.
    """
    points = {ord(c) for c in kept_characters()}
    unassigned = (p for p in range(sys.maxunicode + 1) if unicodedata.category(chr(p)) == "Cn")
    return f"[{describe_ranges(sorted(points.union(unassigned)))}]"
