"""Scores of captions: BLEU as it is used for captions, beside what the same decoder writes without any image."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.table import Table
from sacrebleu.metrics.bleu import BLEU

from apps.captioning.captioned_images import CaptionedImages
from apps.captioning.captioner import Captioner
from apps.captioning.data import normalise_caption
from rnn_keras.utils.terminal import console

# A character that is a word of its own, in scripts without spaces between words; or a run of other characters.
_WORD = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|[^\\s\u3040-\u30ff\u3400-\u9fff]+")
# English function words and numbers, the skin tones of emoji, and the like in Chinese.
_FUNCTION_WORDS = """
a an the and or of in on at to by for with from into onto over under near next through as is are be being his her its
their it he she they that this there while who up down out off s one two three some another other skin tone light medium
dark facing 的 和 与 在 肤 色 中 等 较 浅 深 面 向
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())


def split_words(text: str) -> list[str]:
    """The words of a caption, in lower case and without punctuation; Chinese characters one by one.

    >>> split_words("A red 猫!")
    ['a', 'red', '猫']
    """
    return _WORD.findall(normalise_caption(text))


def score_bleu(captions: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[dict[str, float], str]:
    """`bleu1` to `bleu4`, 0 to 1, of captions against all references of each; and sacrebleu's signature of BLEU-4.

    Corpus BLEU without smoothing (Papineni et al. 2002): BLEU-n is the geometric mean of the precisions of 1- to
    n-grams over all captions, each n-gram clipped at its largest count in one reference, times the brevity penalty
    against the references closest in length.
    """
    most = max(map(len, references))
    texts = [" ".join(split_words(caption)) for caption in captions]
    rows = [[" ".join(split_words(reference)) for reference in row] for row in references]
    # sacrebleu expects the first reference of every caption, then the second; None where there is none.
    columns: Any = [[row[number] if number < len(row) else None for row in rows] for number in range(most)]
    scores, signature = {}, ""
    for order in range(1, 5):
        bleu = BLEU(tokenize="none", max_ngram_order=order, smooth_method="none")
        scores[f"bleu{order}"] = round(bleu.corpus_score(texts, columns).score / 100, 4)
        signature = str(bleu.get_signature())
    return scores, signature


def match_content_words(
    captions: Sequence[str], references: Sequence[Sequence[str]], groups: Sequence[str]
) -> tuple[float, float]:
    """The share of captions that have a content word in common with their image's references, and that share by chance.

    Groups count equally, however many images they have. Chance is the mean over all ways to assign the captions to
    images of other groups: a caption that fits many images has a high share by chance too.

    Args:
        captions: of each image.
        references: of each image.
        groups: of each image, the name that it shares with its variants.
    """
    numbers: dict[str, int] = {}
    group = np.array([numbers.setdefault(name, len(numbers)) for name in groups])
    weights = 1 / np.bincount(group)[group]  # of each image; those of a group sum to 1
    images_with = defaultdict(list)  # by word, the images whose references have it
    for index, row in enumerate(references):
        for word in set().union(*map(split_words, row)) - FUNCTION_WORDS:
            images_with[word].append(index)
    share = chance = 0.0
    for index, caption in enumerate(captions):
        matches = np.zeros(len(captions), bool)
        for word in set(split_words(caption)) - FUNCTION_WORDS:
            matches[images_with.get(word, [])] = True
        share += weights[index] * matches[index]
        chance += weights[index] * weights[matches & (group != group[index])].sum()
    return float(share / len(numbers)), float(chance / max(len(numbers) * (len(numbers) - 1), 1))


def compute_metrics(
    captioner: Captioner, images: CaptionedImages, arrays: np.ndarray, indices: np.ndarray
) -> tuple[dict[str, Any], list[str]]:
    """Scores with beam search, with greedy search and without the images; and the captions.

    Args:
        captioner: of the model.
        images: the references and groups.
        arrays: all images, `(n, views, ...)`.
        indices: of the images to caption.
    """
    references = [images.captions[index] for index in indices]
    first_views = arrays[:, 0]
    greedy, beam = (captioner.generate(first_views, search, indices) for search in ("greedy", "beam"))
    scores, signature = score_bleu(beam.texts, references)
    greedy_scores, _ = score_bleu(greedy.texts, references)
    metrics: dict[str, Any] = {**scores, **{f"{name}_greedy": score for name, score in greedy_scores.items()}}
    constant = captioner.generate_without_image(first_views)
    if constant is not None:
        constant_scores, _ = score_bleu([constant] * len(indices), references)
        metrics |= {f"{name}_without_image": score for name, score in constant_scores.items()}
        metrics["caption_without_image"] = constant
    share, chance = match_content_words(beam.texts, references, [images.groups[index] for index in indices])
    return {
        **metrics,
        "content_word_match": round(share, 4),
        "content_word_match_by_chance": round(chance, 4),
        "distinct_captions": round(len(set(beam.texts)) / len(indices), 4),
        "images": len(indices),
        "images_per_second": round(len(indices) / beam.seconds, 1),
        "signature": signature,
    }, beam.texts


def show_examples(captions: Sequence[str], references: Sequence[Sequence[str]], number: int = 8) -> None:
    """Prints some captions, evenly apart, beside a reference of each."""
    table = Table("caption", "a reference", title="captions", title_justify="left")
    for index in map(int, np.linspace(0, len(captions) - 1, min(number, len(captions)))):
        table.add_row(captions[index], references[index][0])
    console.print(table)
