"""How many answers are right to the last digit."""

from typing import Any

import numpy as np

from apps.addition.metrics import summarize_exact
from apps.addition.model import BATCH
from apps.addition.seq2seq.model import AdditionSeq2SeqModel
from apps.addition.sums import Groups, Sums


def check_answers(model: AdditionSeq2SeqModel, sums: Sums) -> np.ndarray:
    """Which sums the model answers right to the last digit, `(n,)` booleans."""
    texts = model.generator.generate(sums.questions, "greedy", BATCH).texts
    return np.array(texts) == np.array(sums.answers)


def score_answers(model: AdditionSeq2SeqModel, groups: Groups) -> dict[str, Any]:
    """The metrics of `summarize_exact`.

    Args:
        model: of `build_answer_model`.
        groups: the sums to answer.
    """
    return summarize_exact({name: check_answers(model, sums) for name, sums in groups.items()})
