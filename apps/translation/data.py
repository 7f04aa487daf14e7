"""Pairs of sentences as ids, Chinese in one script."""

import dataclasses
import re
from collections.abc import Sequence

import keras
import numpy as np
import opencc
import tensorflow as tf

from apps.translation.config import TranslationConfig
from apps.translation.sentence_pairs import Pairs, SentencePairs, load_sentence_pairs
from rnn_keras.data.open_vocabulary import OpenVocabulary, ReversibleTokenizer, framed
from rnn_keras.data.pair_batches import PairBatches
from rnn_keras.data.splits import SPLITS
from rnn_keras.data.text import Tokenizer

SPELLED = "##"  # stands before the letters of a spelled source word
FREQUENT = 100  # tokens, among which Japanese has its kana; of all its tokens they are few
CONVERSION = {"traditional": "s2t", "simplified": "t2s"}
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_KANA = re.compile("[\u3040-\u30ff]")


@dataclasses.dataclass(frozen=True)
class TranslationData:
    """Everything that a training run reads.

    `pairs` holds the sentences, `sources` and `targets` their ids `(time,)` by split, a target with a start token
    before and an end token behind; `chinese` says whether the target is Chinese.
    """

    config: TranslationConfig
    pairs: SentencePairs
    chinese: bool
    source_vocabulary: OpenVocabulary
    target_vocabulary: OpenVocabulary
    sources: dict[str, list[np.ndarray]]
    targets: dict[str, list[np.ndarray]]

    @property
    def notes(self) -> list[str]:
        return [f"note: {note}" for note in self.pairs.notes]

    @property
    def summary(self) -> str:
        counts = ", ".join(f"{len(pairs)} {split}" for split, pairs in self.pairs.splits.items())
        sizes = f"{self.source_vocabulary.size} tokens in, {self.target_vocabulary.size} out"
        return f"{counts} pairs; {sizes}"

    def training_batches(self, config: TranslationConfig) -> PairBatches:
        return PairBatches(
            self.sources["train"], self.targets["train"], config.batch_size, shuffle=True, seed=config.seed
        )

    def validation_dataset(self) -> tf.data.Dataset:
        return PairBatches(self.sources["validation"], self.targets["validation"], 128, shuffle=False).dataset()


def load(config: TranslationConfig) -> TranslationData:
    pairs = load_pairs(config, config.dataset, config.data_dir)
    train = pairs.splits["train"]
    learn = {"size": config.vocabulary_size, "minimum_count": config.minimum_count}
    learn["maximum_length"] = config.maximum_length
    source_vocabulary = OpenVocabulary.learn(
        train.sources, Tokenizer(config.maximum_length), mark=SPELLED, name="source_vocabulary", **learn
    )
    target_vocabulary = OpenVocabulary.learn(
        train.targets, ReversibleTokenizer(config.maximum_length), mark="", name="target_vocabulary", **learn
    )
    return TranslationData(
        config,
        pairs,
        is_chinese(train.targets),
        source_vocabulary,
        target_vocabulary,
        {split: source_vocabulary.encode(pairs.splits[split].sources) for split in SPLITS},
        {split: framed(target_vocabulary.encode(pairs.splits[split].targets)) for split in SPLITS},
    )


def load_pairs(config: TranslationConfig, dataset: str, data_dir: str | None, to_train: bool = True) -> SentencePairs:
    """The data with Chinese, on either side, in the script of the config."""
    source, target = (config.source, config.target) if dataset == config.dataset else (None, None)
    if dataset.split(":")[0] == "hsk_sentences" and target is None:
        target = config.script  # it has both

    def in_one_script(pairs: Pairs) -> Pairs:
        columns = (pairs.sources, pairs.targets)
        return Pairs(*(in_script(column, config.script) if is_chinese(column) else column for column in columns))

    # Before the splits are made: a sentence in both scripts is one sentence.
    return load_sentence_pairs(
        dataset, data_dir, source=source, target=target, to_train=to_train, prepare=in_one_script
    )


def reads_chinese(model: keras.Model) -> bool:
    """Whether a saved model was trained on Chinese sources, by the tokens that came up most often in them."""
    return is_chinese(model.get_layer("source_vocabulary").vocabulary[:FREQUENT])


def in_script(texts: Sequence[str], script: str) -> list[str]:
    """Chinese texts, or any, with their Chinese characters in the `"traditional"` or `"simplified"` script."""
    convert = opencc.OpenCC(CONVERSION[script]).convert
    return [convert(text) for text in texts]


def is_chinese(texts: Sequence[str]) -> bool:
    """Whether most of the letters are Han, and next to none Japanese kana."""
    text = "".join(texts[:2000])
    han, letters = len(_HAN.findall(text)), sum(map(str.isalpha, text))
    return 2 * han > letters and 20 * len(_KANA.findall(text)) < han


def has_no_spaces(texts: Sequence[str]) -> bool:
    """Whether most of the letters are of scripts that put no space between words: Han, kana, Thai and the like."""
    text = "".join(texts[:2000])
    return 2 * len(_WITHOUT_SPACES.findall(text)) > sum(map(str.isalpha, text))
