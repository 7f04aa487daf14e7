"""Pairs of sentences as ids, Chinese in one script."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import opencc
import tensorflow as tf

from apps.translation.config import TranslationConfig
from apps.translation.sentence_pairs import Pairs, SentencePairs, load_sentence_pairs
from rnn_keras.data.open_vocabulary import OpenVocabulary, ReversibleTokenizer, add_start_end
from rnn_keras.data.pair_batches import PairBatches
from rnn_keras.data.splits import SPLITS
from rnn_keras.data.text import Tokenizer

SPELLING_MARK = "##"  # stands before the letters of a source word that is spelled
FREQUENT_TOKENS = 100  # enough to recognise a language; Japanese has its kana among them, but few among all its tokens
SAMPLED_TEXTS = 2000  # from which a language is recognised
VALIDATION_BATCH = 128
CONVERSIONS = {"traditional": "s2t", "simplified": "t2s"}  # OpenCC's names
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_KANA = re.compile("[\u3040-\u30ff]")


@dataclasses.dataclass(frozen=True)
class TranslationData:
    """The data of a training.

    Attributes:
        pairs: the sentences, Chinese in the config's script.
        source_vocabulary, target_vocabulary: of the train split.
        sources: by split, the ids `(time,)` of each source.
        targets: by split, the ids `(time,)` of each target, with a start token before and an end token after.
    """

    pairs: SentencePairs
    source_vocabulary: OpenVocabulary
    target_vocabulary: OpenVocabulary
    sources: dict[str, list[np.ndarray]]
    targets: dict[str, list[np.ndarray]]

    @property
    def notes(self) -> list[str]:
        return self.pairs.notes

    @property
    def summary(self) -> str:
        counts = ", ".join(f"{len(pairs)} {split}" for split, pairs in self.pairs.splits.items())
        sizes = f"{self.source_vocabulary.size} source tokens, {self.target_vocabulary.size} target tokens"
        return f"{counts} pairs; {sizes}"

    def training_batches(self, config: TranslationConfig) -> PairBatches:
        return PairBatches(
            self.sources["train"], self.targets["train"], config.batch_size, shuffle=True, seed=config.seed
        )

    def validation_dataset(self) -> tf.data.Dataset:
        sources, targets = self.sources["validation"], self.targets["validation"]
        return PairBatches(sources, targets, VALIDATION_BATCH, shuffle=False).dataset()


def load_data(config: TranslationConfig) -> TranslationData:
    """The pairs of a config, the vocabularies of their train split, and all sentences as ids.

    Raises:
        UserError: see `load_sentence_pairs`.
    """
    pairs = load_pairs(config, config.dataset, config.data_dir)
    train, length = pairs.splits["train"], config.maximum_length
    limits: dict[str, Any] = {
        "size": config.vocabulary_size,
        "minimum_count": config.minimum_count,
        "maximum_length": length,
    }
    source_vocabulary = OpenVocabulary.learn(
        train.sources, Tokenizer(length), mark=SPELLING_MARK, name="source_vocabulary", **limits
    )
    target_vocabulary = OpenVocabulary.learn(
        train.targets, ReversibleTokenizer(length), mark="", name="target_vocabulary", **limits
    )
    return TranslationData(
        pairs,
        source_vocabulary,
        target_vocabulary,
        {split: source_vocabulary.encode(pairs.splits[split].sources) for split in SPLITS},
        {split: add_start_end(target_vocabulary.encode(pairs.splits[split].targets)) for split in SPLITS},
    )


def load_pairs(
    config: TranslationConfig, dataset: str, data_dir: str | None, *, for_training: bool = True
) -> SentencePairs:
    """The pairs of any data, with Chinese on either side in the script of the config.

    Args:
        config: of a training; its `source` and `target` apply to its own data alone.
        dataset, data_dir, for_training: see `load_sentence_pairs`.
    """
    # Other data have columns of their own.
    source, target = (config.source, config.target) if dataset == config.dataset else (None, None)
    if dataset.split(":")[0] == "hsk_sentences" and target is None:
        target = config.script  # it has both

    def convert_chinese(pairs: Pairs) -> Pairs:
        columns = (pairs.sources, pairs.targets)
        return Pairs(*(convert_script(texts, config.script) if is_chinese(texts) else texts for texts in columns))

    # Before the data are split: a sentence in both scripts is one sentence.
    return load_sentence_pairs(
        dataset, data_dir, source=source, target=target, for_training=for_training, prepare=convert_chinese
    )


def reads_chinese(model: keras.Model) -> bool:
    """Whether a saved model was trained on Chinese sources, judged by their most frequent tokens."""
    vocabulary: Any = model.get_layer("source_vocabulary")
    return is_chinese(vocabulary.vocabulary[:FREQUENT_TOKENS])


def convert_script(texts: Sequence[str], script: str) -> list[str]:
    """The texts with their Chinese characters in the `"traditional"` or `"simplified"` script."""
    convert = opencc.OpenCC(CONVERSIONS[script]).convert
    return [convert(text) for text in texts]


def is_chinese(texts: Sequence[str]) -> bool:
    """Whether most of the letters are Han, and almost none Japanese kana."""
    text = "".join(texts[:SAMPLED_TEXTS])
    han, letters = len(_HAN.findall(text)), sum(map(str.isalpha, text))
    return 2 * han > letters and 20 * len(_KANA.findall(text)) < han


def has_no_spaces(texts: Sequence[str]) -> bool:
    """Whether most of the letters are of scripts without spaces between words, such as Han, kana and Thai."""
    text = "".join(texts[:SAMPLED_TEXTS])
    return 2 * len(_WITHOUT_SPACES.findall(text)) > sum(map(str.isalpha, text))
