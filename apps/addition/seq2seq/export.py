"""What the second task's model is exported as, and what its files are compared on."""

import keras
import numpy as np

from apps.addition.data import load_sums
from apps.addition.export import select_test_sums
from apps.addition.seq2seq.config import AdditionSeq2SeqConfig
from apps.addition.seq2seq.data import make_text_batches
from rnn_keras.export.spec import ExportSpec
from rnn_keras.seq2seq.export_spec import text_to_text_spec


def export_spec(model: keras.Model, config: AdditionSeq2SeqConfig, examples: int) -> ExportSpec:
    """Encoder and decoder, with the vocabulary inside.

    Args:
        model: of `build_answer_model`.
        config: of its run.
        examples: the most test sums to compare the files with Keras on.
    """
    questions, answers = [], []
    if examples:
        test = select_test_sums(load_sums(config, make_text_batches), examples)
        questions, answers = test.questions, test.answers
    truth = np.array(answers)
    return text_to_text_spec(model, questions, lambda texts: float(np.mean(np.array(texts) == truth)), "exact")
