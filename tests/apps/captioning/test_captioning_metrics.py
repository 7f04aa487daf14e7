"""BLEU of captions, and how often captions have content words in common with their references."""

import numpy as np
import pytest
import sacrebleu

from apps.captioning.data import normalise_caption
from apps.captioning.metrics import match_content_words, score_bleu, split_words


def test_bleu_is_sacrebleus_over_all_references():
    texts = ["A dog runs, fast.", "two men"]
    references = [["a dog is running fast", "the dog runs"], ["Two men!"]]
    scores, signature = score_bleu(texts, references)

    columns = [["a dog is running fast", "two men"], ["the dog runs", None]]
    normalised = ["a dog runs fast", "two men"]
    expected = sacrebleu.corpus_bleu(normalised, columns, tokenize="none", smooth_method="none").precisions
    # BLEU-1: six of six words; BLEU-2: "a dog", "dog runs" and "two men" of four pairs; as long as the references.
    assert scores["bleu1"] == 1.0 and expected[0] == 100
    assert scores["bleu2"] == pytest.approx((1.0 * 0.75) ** 0.5, abs=1e-4) and expected[1] == 75
    assert scores["bleu4"] == 0.0
    assert "nrefs:var" in signature and "smooth:none" in signature


def test_words_are_in_lower_case_and_without_punctuation():
    assert split_words("A man's T-shirt, “red”!") == ["a", "mans", "t", "shirt", "red"]
    assert split_words("红色的 T恤") == ["红", "色", "的", "t", "恤"]
    assert normalise_caption("!?") == "!?"


def test_a_match_by_chance_is_the_mean_over_other_images():
    texts = ["a red cat", "a cat", "a dog"]
    references = [["the cat"], ["a small cat"], ["a wolf"]]

    share, chance = match_content_words(texts, references, ["x", "y", "z"])
    # Of six ways to exchange two, cat meets cat in two.
    assert (share, chance) == (pytest.approx(2 / 3), pytest.approx(2 / 6))
    share, chance = match_content_words(texts, references, ["x", "x", "z"])
    assert (share, chance) == (pytest.approx(1 / 2), 0)


def test_matches_are_those_of_all_pairs_of_captions_and_images():
    generator = np.random.default_rng(0)
    texts = [" ".join(generator.choice(list("bcdefghijk"), 2)) for _ in range(60)]
    references = [[" ".join(generator.choice(list("bcdefghijk"), 3)) for _ in range(2)] for _ in range(60)]
    groups = generator.integers(20, size=60).astype(str)
    common = np.array(
        [[bool(set(split_words(text)) & set(split_words(" ".join(row)))) for row in references] for text in texts]
    )
    weights = 1 / np.array([np.sum(groups == group) for group in groups])
    pairs = np.outer(weights, weights) * (groups[:, None] != groups)

    share, chance = match_content_words(texts, references, list(groups))
    assert share == pytest.approx(np.average(np.diagonal(common), weights=weights))
    assert chance == pytest.approx((common * pairs).sum() / pairs.sum()) and 0 < chance < 1
