"""What the translation model is exported as, and what its files are compared on."""

import keras

from apps.translation.config import TranslationConfig
from apps.translation.data import load_pairs
from apps.translation.metrics import corpus_scores
from apps.translation.sentence_pairs import Pairs
from rnn_keras.data.classification import sample_evenly
from rnn_keras.export.spec import ExportSpec
from rnn_keras.seq2seq.export_spec import text_export_spec


def export_spec(model: keras.Model, config: TranslationConfig, examples: int) -> ExportSpec:
    sources, references = drawn_pairs(config, examples).references()
    return text_export_spec(model, sources, lambda texts: corpus_scores(texts, references)[0]["bleu"], "bleu")


def drawn_pairs(config: TranslationConfig, examples: int) -> Pairs:
    """Up to so many pairs of the test split, drawn evenly; none where none are asked for."""
    if not examples:
        return Pairs([], [])
    test = load_pairs(config, config.dataset, config.data_dir).splits["test"]
    indices = sample_evenly(len(test), examples)
    return Pairs([test.sources[place] for place in indices], [test.targets[place] for place in indices])
