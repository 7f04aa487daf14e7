"""Emoji and their names: from files like the real ones, and from the packages where an index can be reached."""

import json
import re
from collections import defaultdict

import numpy as np
import pytest
import tensorflow_datasets as tfds

from apps.captioning import openmoji_captions
from apps.captioning.captioned_images import load_captioned_images
from apps.captioning.openmoji_captions import (
    FLAGS,
    FONT,
    NAMES,
    SIZE,
    find_group,
    format_code_points,
    make_renderer,
    read_names,
)
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
    assert len(set(map(find_group, variants))) == 1
    assert len(set(map(format_code_points, variants))) == len(variants)


def test_other_emoji_are_groups_of_their_own_and_flags_one():
    others = ["👋", "🏃", "🧑‍🚀", "🧑", "🐼", "♂️", "➡️", "👶", "❤️"]
    assert len(set(map(find_group, others))) == len(others)
    assert {find_group(flag) for flag in ("🇭🇺", "🏴󠁧󠁢󠁷󠁬󠁳󠁿", "🏳️‍🌈", "🏁", "🎌")} == {FLAGS}


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
    found = read_names(names)

    assert found["👋🏽"] == {"english": "waving hand medium skin tone", "chinese": "名 waving hand medium skin tone"}
    assert found["🇭🇺"] == {"english": "flag: Hungary", "chinese": "旗: 名 Hungary"}
    assert "❤" not in found and "\U0001fadd" not in found


def test_builds_from_the_files_without_a_variant_in_two_splits(names, tmp_path, monkeypatch):
    files = {file.member: names[language] for language, file in NAMES.items()} | {FONT.member: tmp_path}
    monkeypatch.setattr(packaged_builder, "fetch", lambda file, cache_dir: files[file.member])
    monkeypatch.setattr(openmoji_captions, "make_renderer", lambda path: render)

    def render(emoji):
        missing = emoji == "\U0001f405"
        return None if missing else np.full((SIZE, SIZE, 3), ord(emoji[0]) % 256, np.uint8)

    data = load_captioned_images("openmoji_captions", str(tmp_path / "tfds"), language="chinese")
    assert len(data) == 62 and {len(row) for row in data.captions} == {1}
    assert all(caption.startswith(("名", "旗")) for (caption,) in data.captions)
    groups = [{data.groups[index] for index in data.splits[split]} for split in SPLITS]
    assert sum(map(len, groups)) == len(set.union(*groups)) and FLAGS in groups[0]
    contents = list(data.read_all())
    assert len(contents) == len(data) and all(content.startswith(b"\x89PNG") for content in contents)


@pytest.mark.slow
def test_no_real_name_is_in_two_groups_by_its_skin_tones(fetched):
    groups = defaultdict(set)
    for emoji, names in read_names({language: fetched(file) for language, file in NAMES.items()}).items():
        # Mixed tones name both people where the form for one tone names the couple alone.
        plain = re.sub(r" (light|medium-light|medium|medium-dark|dark) skin tone| person person", "", names["english"])
        groups[plain].add(find_group(emoji))

    assert len(groups["handshake"]) == len(groups["kiss"]) == 1
    assert not {name: some for name, some in groups.items() if len(some) > 1}


@pytest.mark.slow
def test_the_packages_emoji(fetched):
    found = read_names({language: fetched(file) for language, file in NAMES.items()})
    render = make_renderer(fetched(FONT))

    assert len(found) > 3900 and found["🐼"] == {"english": "panda", "chinese": "熊猫"}
    panda, astronaut = render("🐼"), render("👩🏾‍🚀")
    assert panda.shape == (SIZE, SIZE, 3) and (panda[0] == 255).all() and panda.min() < 50
    assert np.abs(panda.astype(int) - astronaut).mean() > 10
    red = render("🟥")[SIZE // 2, SIZE // 2]
    assert red[0] > 180 and red[1] < 80 and red[2] < 80
    assert render("\U0001fadd") is None  # too new for the font
    assert tfds.features.Image(shape=(SIZE, SIZE, 3)).encode_example(panda)
