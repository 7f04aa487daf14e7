"""What to wear today, after a diary."""

import os
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from apps.wardrobe.data import days_of, read_diary, steps
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import console

SUGGESTED = 3


def predict(model: keras.Model, inputs: Sequence[bytes]) -> list[dict]:
    """For each diary the `clothes` for its last day, where none are given, their `score`, and the next best."""
    names = model.get_layer("label").get_vocabulary()
    return [suggestion(model, names, Path(os.fsdecode(name)).expanduser()) for name in inputs]


def suggestion(model: keras.Model, names: list[str], path: Path) -> dict:
    diary = read_diary(path)
    last = diary.runs()[-1]
    if diary.rows[-1][-1]:
        raise UserError(
            f"{path} says what was worn on {diary.dates[-1]}, its last day; expected a last row for today with the "
            "weather and without clothes"
        )
    if len(last) < len(diary.rows):
        console.print(
            f"note: {path} has no row for the day before {diary.dates[last.start]}: days before it are unknown"
        )
    days = days_of([[diary.rows[day] for day in last]], names, len(last), path)
    likely = model.get_layer("dresser").predict(steps(days), verbose=0)["clothes"][0, -1]
    best = np.argsort(-likely)[:SUGGESTED]
    return {
        "clothes": names[best[0]],
        "score": float(likely[best[0]]),
        "else": [names[place] for place in best[1:]],
    }
