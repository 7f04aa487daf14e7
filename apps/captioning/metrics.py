"""How good captions are: BLEU as it is used for them, beside what the same decoder writes without any picture."""

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from rich.table import Table
from sacrebleu.metrics import BLEU

from apps.captioning.captioned_images import CaptionedImages
from apps.captioning.captioner import Captioner
from apps.captioning.data import plain
from rnn_keras.cli.app import console

# A character that is a word of its own where scripts put no space between words, or a run of others.
_WORD = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|[^\\s\u3040-\u30ff\u3400-\u9fff]+")
# Words that name nothing: English ones of grammar and number, the skin tones of emoji, and the like in Chinese.
_EMPTY = """
a an the and or of in on at to by for with from into onto over under near next through as is are be being his her its
their it he she they that this there while who up down out off s one two three some another other skin tone light medium
dark facing 的 和 与 在 肤 色 中 等 较 浅 深 面 向
"""
EMPTY = frozenset(_EMPTY.split())


def words(text: str) -> list[str]:
    """The words of a caption, in small letters and without punctuation; Chinese characters one by one."""
    return _WORD.findall(plain(text))


def bleu_scores(texts: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[dict[str, float], str]:
    """`bleu1` to `bleu4`, 0 to 1, of captions against all references of each; and sacrebleu's signature of BLEU-4.

    Corpus BLEU without smoothing (Papineni et al. 2002): BLEU-n is the geometric mean of the precisions of 1- to
    n-grams over all captions, each n-gram clipped at its largest count in one reference, times the brevity penalty
    against the references closest in length.
    """
    most = max(map(len, references))
    texts = [" ".join(words(text)) for text in texts]
    spaced = [[" ".join(words(text)) for text in row] for row in references]
    # sacrebleu wants the first reference of every caption, then the second; None where there is none.
    columns = [[row[place] if place < len(row) else None for row in spaced] for place in range(most)]
    scores, bleu = {}, None
    for order in range(1, 5):
        bleu = BLEU(tokenize="none", max_ngram_order=order, smooth_method="none")
        scores[f"bleu{order}"] = round(bleu.corpus_score(texts, columns).score / 100, 4)
    return scores, str(bleu.get_signature())


def kinds_named(
    texts: Sequence[str], references: Sequence[Sequence[str]], groups: Sequence[str]
) -> tuple[float, float]:
    """How often a caption has a word of substance in common with its picture's references, and how often by chance.

    Groups count equally, however many pictures they have. Chance is the mean over all ways to hand the captions to
    pictures of other groups: a caption that suits many pictures is worth nothing.
    """
    index = defaultdict(lambda: len(index))
    member = np.array([index[group] for group in groups])
    weights = 1 / np.bincount(member)[member]  # of each picture; those of a group sum to 1
    wanted = defaultdict(list)  # the pictures whose references have the word
    for place, row in enumerate(references):
        for word in set().union(*map(words, row)) - EMPTY:
            wanted[word].append(place)
    named = chance = 0.0
    for place, text in enumerate(texts):
        common = np.zeros(len(texts), bool)
        for word in set(words(text)) - EMPTY:
            common[wanted.get(word, [])] = True
        named += weights[place] * common[place]
        chance += weights[place] * weights[common & (member != member[place])].sum()
    return float(named / len(index)), float(chance / max(len(index) * (len(index) - 1), 1))


def metrics(
    captioner: Captioner, images: CaptionedImages, arrays: np.ndarray, places: np.ndarray
) -> tuple[dict, list[str]]:
    """Scores with beam search, with greedy search and without the pictures; and the captions.

    Args:
        arrays: all pictures, `(n, views, ...)`, of which `places` are captioned.
    """
    references = [images.captions[place] for place in places]
    pictures = arrays[:, 0]
    found = {how: captioner.write(pictures, how, places) for how in ("greedy", "beam")}
    scores, signature = bleu_scores(found["beam"].texts, references)
    greedy, _ = bleu_scores(found["greedy"].texts, references)
    result = {**scores, **{f"{name}_greedy": score for name, score in greedy.items()}}
    constant = captioner.without_picture(pictures)
    if constant is not None:
        blind, _ = bleu_scores([constant] * len(places), references)
        result |= {f"{name}_without_picture": score for name, score in blind.items()}
        result["caption_without_picture"] = constant
    named, chance = kinds_named(found["beam"].texts, references, [images.groups[place] for place in places])
    return {
        **result,
        "names_the_kind": round(named, 4),
        "names_the_kind_by_chance": round(chance, 4),
        "distinct_captions": round(len(set(found["beam"].texts)) / len(places), 4),
        "pictures": len(places),
        "pictures_a_second": round(len(places) / found["beam"].seconds, 1),
        "signature": signature,
    }, found["beam"].texts


def show_examples(texts: Sequence[str], references: Sequence[Sequence[str]], number: int = 8) -> None:
    """Prints captions beside one of the references, evenly drawn."""
    table = Table("caption", "a reference", title="captions", title_justify="left")
    for place in np.linspace(0, len(texts) - 1, min(number, len(texts))).astype(int):
        table.add_row(texts[place], references[place][0])
    console.print(table)
