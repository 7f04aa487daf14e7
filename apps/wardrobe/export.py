"""What the wardrobe model is exported as."""

import functools
from typing import Any

import keras
import numpy as np

from apps.wardrobe.config import WardrobeConfig
from apps.wardrobe.data import load_diaries
from apps.wardrobe.days import Days, encode_steps
from apps.wardrobe.model import NETWORK
from rnn_keras.data.classification import sample_evenly
from rnn_keras.export.classification import classification_spec, get_class_names, get_network
from rnn_keras.export.spec import ExportSpec


def export_spec(model: keras.Model, config: WardrobeConfig, examples: int) -> ExportSpec:
    """All files take the steps of diaries, and give the clothes of each step."""
    recommender: Any = get_network(model, NETWORK)
    load = functools.cache(lambda: load_diaries(config, get_class_names(model)))

    def sample(split: str, number: int) -> tuple[list[np.ndarray], np.ndarray]:
        days = load().splits[split]
        return cut_diaries(days.select(sample_evenly(len(days), number)))

    return classification_spec(
        model,
        sample,
        examples,
        encode=list,
        network=keras.Model(recommender.input, recommender.output["clothes"], name=NETWORK),
        outputs=("clothes", "probabilities"),
        per_step=True,
    )


def cut_diaries(days: Days) -> tuple[list[np.ndarray], np.ndarray]:
    """Each diary's steps `(time, 5)` up to its last day with known clothes, and the clothes of all those days."""
    lengths = [int(np.flatnonzero(row).max(initial=-1)) + 1 for row in days.is_known]
    diaries = [row[:length] for row, length in zip(encode_steps(days), lengths, strict=True) if length]
    clothes = [row[:length] for row, length in zip(days.clothes, lengths, strict=True)]
    return diaries, np.concatenate(clothes)
