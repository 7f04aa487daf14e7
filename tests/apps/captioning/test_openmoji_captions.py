"""The emoji and their names: from files like the real ones, and from the packages where an index can be reached."""

import json
import re
from collections import defaultdict

import numpy as np
import pytest
import tensorflow_datasets as tfds

from apps.captioning import openmoji_captions
from apps.captioning.captioned_images import load_captioned_images
from apps.captioning.openmoji_captions import FLAGS, FONT, NAMES, SIDE, drawer, emoji_names, group_of
from rnn_keras.data import packaged_builder
from rnn_keras.data.splits import SPLITS


@pytest.mark.parametrize(
    "variants",
    [
        ["👋", "👋🏽", "👋🏿"],
        ["👨‍🚀", "👩🏾‍🚀", "🧑‍🚀"],
        ["🏃", "🏃‍♀️", "🏃🏻‍♂️‍➡️"],
        ["👨‍🦰", "👩🏽‍🦳", "🧑", "👨🏿"],
        ["👩🏼‍❤️‍👨🏽", "👨‍❤️‍👨", "💑", "💑🏽", "🧑🏿‍❤️‍🧑🏻"],
        ["👩‍❤️‍💋‍👨", "💏🏿", "🧑🏽‍❤️‍💋‍🧑🏻"],
        ["🤝", "🤝🏿", "🫱🏻‍🫲🏿"],
        ["👭", "👬🏽", "👩🏿‍🤝‍👩🏻", "👩🏻‍🤝‍👨🏿", "🧑‍🤝‍🧑"],
        ["👯", "👯🏽‍♀️", "👨🏿‍🐰‍👨🏻"],
        ["🤼", "🤼🏽‍♂️", "👩🏿‍🫯‍👩🏻"],
        ["👸", "🤴🏽", "🫅🏿"],
        ["🎅", "🤶🏽", "🧑🏿‍🎄"],
        ["👨‍👩‍👧", "🧑‍🧑‍🧒", "👪"],
    ],
)
def test_variants_are_one_group(variants):
    assert len(set(map(group_of, variants))) == 1
    assert len({group_of(emoji, every=True) for emoji in variants}) == len(variants)


def test_other_emoji_are_groups_of_their_own_and_flags_one():
    others = ["👋", "🏃", "🧑‍🚀", "🧑", "🐼", "♂️", "➡️", "👶", "❤️"]
    assert len(set(map(group_of, others))) == len(others)
    assert {group_of(flag) for flag in ("🇭🇺", "🏴󠁧󠁢󠁷󠁬󠁳󠁿", "🏳️‍🌈", "🏁", "🎌")} == {FLAGS}


@pytest.fixture
def names(tmp_path):
    """The form of the package's files."""
    emoji = {chr(0x1F400 + number): f":animal_{number}_face:" for number in range(60)}
    emoji |= {"👋": ":waving_hand:", "👋🏽": ":waving_hand_medium_skin_tone:", "🇭🇺": ":Hungary:", "❤": ":red_heart:"}
    english = {key: {"en": name, "status": 4 if key == "❤" else 2} for key, name in emoji.items()}
    english |= {"\U0001fadd": {"en": ":not_in_chinese:", "status": 2}}
    tables = {"english": english, "chinese": {key: f":名_{name[1:]}" for key, name in emoji.items()}}
    files = {language: tmp_path / f"{language}.json" for language in tables}
    for language, path in files.items():
        path.write_text(json.dumps(tables[language], ensure_ascii=False), encoding="utf-8")
    return files


def test_names_are_words_and_flags_say_that_they_are(names):
    found = emoji_names(names)

    assert found["👋🏽"] == {"english": "waving hand medium skin tone", "chinese": "名 waving hand medium skin tone"}
    assert found["🇭🇺"] == {"english": "flag: Hungary", "chinese": "旗: 名 Hungary"}
    assert "❤" not in found and "\U0001fadd" not in found


def test_builds_from_the_files_without_a_variant_in_two_splits(names, tmp_path, monkeypatch):
    files = {file.member: names[language] for language, file in NAMES.items()} | {FONT.member: tmp_path}
    monkeypatch.setattr(packaged_builder, "fetch", lambda file, cache_dir: files[file.member])
    monkeypatch.setattr(openmoji_captions, "drawer", lambda path: picture)

    def picture(emoji):
        missing = emoji == "\U0001f405"
        return None if missing else np.full((SIDE, SIDE, 3), ord(emoji[0]) % 256, np.uint8)

    data = load_captioned_images("openmoji_captions", str(tmp_path / "tfds"), language="chinese")
    assert len(data) == 62 and {len(some) for some in data.captions} == {1}
    assert all(caption.startswith(("名", "旗")) for (caption,) in data.captions)
    groups = [{data.groups[place] for place in data.splits[split]} for split in SPLITS]
    assert sum(map(len, groups)) == len(set.union(*groups)) and FLAGS in groups[0]
    contents = list(data.contents())
    assert len(contents) == len(data) and all(content.startswith(b"\x89PNG") for content in contents)


def test_no_real_name_is_in_two_groups_by_its_skin_tones(fetched):
    groups = defaultdict(set)
    for emoji, names in emoji_names({language: fetched(file) for language, file in NAMES.items()}).items():
        # Mixed tones name both people where the form for one tone names the couple alone.
        plain = re.sub(r" (light|medium-light|medium|medium-dark|dark) skin tone| person person", "", names["english"])
        groups[plain].add(group_of(emoji))

    assert len(groups["handshake"]) == len(groups["kiss"]) == 1
    assert not {name: some for name, some in groups.items() if len(some) > 1}


def test_the_packages_emoji(fetched):
    found = emoji_names({language: fetched(file) for language, file in NAMES.items()})
    draw = drawer(fetched(FONT))

    assert len(found) > 3900 and found["🐼"] == {"english": "panda", "chinese": "熊猫"}
    panda, astronaut = draw("🐼"), draw("👩🏾‍🚀")
    assert panda.shape == (SIDE, SIDE, 3) and (panda[0] == 255).all() and panda.min() < 50
    assert np.abs(panda.astype(int) - astronaut).mean() > 10
    red = draw("🟥")[SIDE // 2, SIDE // 2]
    assert red[0] > 180 and red[1] < 80 and red[2] < 80
    assert draw("\U0001fadd") is None  # too new for the font
    assert tfds.features.Image(shape=(SIDE, SIDE, 3)).encode_example(panda)
