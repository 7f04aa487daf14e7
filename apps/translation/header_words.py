"""What columns of sentences are called: whether a file's first line names them."""

import re
from collections.abc import Sequence

from rnn_keras.data.splits import normalise_text

WORDS = frozenset(
    re.split(
        r"\s+",
        """source target src tgt trg text texts sentence sentences sent translation translations original input output
        question answer language lang column arabic bengali bulgarian catalan chinese croatian czech danish dutch
        english esperanto estonian finnish french galician georgian german greek hebrew hindi hungarian icelandic
        indonesian irish italian japanese kannada kazakh khmer korean lao latin latvian lithuanian macedonian malay
        malayalam mandarin marathi mongolian burmese nepali norwegian pashto persian farsi polish portuguese punjabi
        romanian russian sanskrit serbian sinhala slovak slovenian somali spanish swahili swedish tagalog tamil telugu
        thai tibetan turkish ukrainian urdu uyghur uzbek vietnamese welsh yoruba zulu simplified traditional brazilian
        deutsch français francais español espanol italiano português portugues nederlands svenska dansk norsk suomi
        polski čeština slovenčina magyar română türkçe русский украинська українська български ελληνικά العربية عربي
        فارسی اردو עברית हिन्दी हिंदी বাংলা தமிழ் ไทย 中文 汉语 漢語 简体 繁體 日本語 한국어 tiếng việt bahasa indonesia
        latina""",
    )
)
CODES = frozenset(
    re.split(
        r"\s+",
        """ar bn bg ca cs da de el en eo es et eu fa fi fr ga gl he hi hr hu hy id is it ja ka kk ko lt lv mk mn mr ms
        my nb nl nn pa pl ps pt ro ru sa sk sl sq sr sv sw ta te th tl tr uk ur uz vi yo zh zu eng fra fre deu ger spa
        ita por rus jpn zho chi cmn kor ara heb hin tur ukr pol nld dut swe fin ell hun ces ron cn tw br us gb""",
    )
)


def names_columns(header: Sequence[str]) -> bool:
    """Whether the fields of a file's first line are names of languages or of columns, rather than sentences.

    >>> names_columns(["English", "Arabic"]), names_columns(["Hello.", "Bonjour."])
    (True, False)
    """
    fields = [normalise_text(field) for field in header]
    return len(set(fields)) == len(fields) and all(map(_is_name, fields))


def _is_name(field: str) -> bool:
    if re.search(r"[.!?,;:'\"]", field):
        return False
    words = [word for word in re.split(r"[\s_\-()\d]+", field) if word]
    known = WORDS if " " in field else WORDS | CODES  # codes are words of some language
    return bool(words) and known.issuperset(words)
