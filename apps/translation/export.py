"""What the translation model is exported as, and what its files are compared on."""

import keras

from apps.translation.config import TranslationConfig
from apps.translation.data import load_pairs
from apps.translation.metrics import score_corpus
from apps.translation.sentence_pairs import Pairs
from rnn_keras.data.classification import sample_evenly
from rnn_keras.export.spec import ExportSpec
from rnn_keras.seq2seq.export_spec import text_to_text_spec


def export_spec(model: keras.Model, config: TranslationConfig, examples: int) -> ExportSpec:
    """All files take raw sentences, and are compared by BLEU."""
    sources, references = sample_pairs(config, examples).references()
    return text_to_text_spec(model, sources, lambda texts: score_corpus(texts, references)[0]["bleu"], "bleu")


def sample_pairs(config: TranslationConfig, number: int) -> Pairs:
    """At most so many pairs of the test split, evenly apart; with 0 no data are loaded."""
    if not number:
        return Pairs([], [])
    test = load_pairs(config, config.dataset, config.data_dir).splits["test"]
    return test.select(sample_evenly(len(test), number))
