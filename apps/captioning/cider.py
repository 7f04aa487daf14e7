"""CIDEr-D: how like its references a caption is, where words that few captions have count most."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

LONGEST = 4  # words of an n-gram
SIGMA = 6.0  # words by which a caption may be longer or shorter than a reference


class Vectors(NamedTuple):
    """A caption: for each length of n-grams the weight of each n-gram, and the norm of all; and its words."""

    weights: Sequence[Mapping[Any, float]]
    norms: Sequence[float]
    length: int


class CiderD:
    """Scores captions of images against references, 0 to 1.

    The mean over n-grams of one to four words of the cosine similarity to each reference, with the counts of n-grams
    weighted by the logarithm of how rarely images have them, clipped at those of the reference, and less for another
    length. Source: Vedantam et al., CIDEr: consensus-based image description evaluation, CVPR 2015
    (arXiv:1411.5726), equations 1 to 5; as published, the score is ten times this one.

    Args:
        references: by image, the words (or ids) of each reference.
        counted: the images whose references say how rare n-grams are; default: all.

    Example:
        >>> scorer = CiderD({0: ["a red cat".split()], 1: ["a dog runs".split()], 2: ["two men sit".split()]})
        >>> round(scorer("a red cat".split(), 0), 3), scorer("two men sit".split(), 0)
        (0.75, 0.0)
    """

    def __init__(self, references: Mapping[int, Sequence[Sequence[Any]]], counted: Sequence[int] | None = None):
        counted = list(references) if counted is None else counted
        self.images_with: Counter[Any] = Counter()
        for image in counted:
            self.images_with.update({ngram for row in references[image] for part in count(row) for ngram in part})
        self.log_images = math.log(max(len(counted), 1))
        self.references = references
        self.vectors: dict[int, list[Vectors]] = {}  # of the images scored so far

    def __call__(self, caption: Sequence[Any], image: int) -> float:
        """The score of a caption's words."""
        if image not in self.vectors:
            self.vectors[image] = [self.weigh(row) for row in self.references[image]]
        own, total = self.weigh(caption), 0.0
        for other in self.vectors[image]:
            penalty = math.exp(-((own.length - other.length) ** 2) / (2 * SIGMA**2))
            for mine, norm, theirs, their_norm in zip(own.weights, own.norms, other.weights, other.norms, strict=True):
                if norm and their_norm:
                    shared = sum(min(mine[ngram], theirs[ngram]) * theirs[ngram] for ngram in mine.keys() & theirs)
                    total += penalty * shared / (norm * their_norm)
        return total / LONGEST / len(self.vectors[image])

    def weigh(self, words: Sequence[Any]) -> Vectors:
        """The n-grams of a caption, each by its count and by how rare it is."""
        weights = [
            {
                ngram: number * (self.log_images - math.log(max(1, self.images_with[ngram])))
                for ngram, number in part.items()
            }
            for part in count(words)
        ]
        return Vectors(weights, [math.sqrt(sum(value**2 for value in part.values())) for part in weights], len(words))


def count(words: Sequence[Any]) -> list[Counter[Any]]:
    """The n-grams of one word, of two, and so on."""
    return [
        Counter(tuple(words[start : start + length]) for start in range(len(words) - length + 1))
        for length in range(1, LONGEST + 1)
    ]
