"""What to wear today, given a diary."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from apps.wardrobe.days import encode_steps
from apps.wardrobe.diary import COLUMNS, make_days, read_diary
from apps.wardrobe.model import NETWORK
from rnn_keras.data.folders import decode_path
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import console

SUGGESTIONS = 3


def suggest_clothes(
    model: keras.Model, inputs: Sequence[bytes], columns: Mapping[str, str] = COLUMNS
) -> list[dict[str, Any]]:
    """For each diary the likeliest `clothes` on its last day, their `score`, `alternatives`, and all `probabilities`.

    Args:
        model: of `build_wardrobe_model`.
        inputs: paths of diaries whose last day has no clothes.
        columns: the names of their columns.

    Raises:
        UserError: a diary cannot be used.
    """
    label: Any = model.get_layer("label")
    names = label.get_vocabulary()
    days = [predict_last_day(model, names, decode_path(path), columns) for path in inputs]
    return [choose_clothes(names, outputs["clothes"]) for outputs in days]


def choose_clothes(names: list[str], probabilities: np.ndarray) -> dict[str, Any]:
    """The suggestion for one day; see `suggest_clothes`."""
    best = np.argsort(-probabilities)[:SUGGESTIONS]
    return {
        "clothes": names[best[0]],
        "score": float(probabilities[best[0]]),
        "alternatives": [names[index] for index in best[1:]],
        "probabilities": dict(zip(names, probabilities.tolist(), strict=True)),
    }


def predict_last_day(
    model: keras.Model, names: list[str], path: Path, columns: Mapping[str, str] = COLUMNS
) -> dict[str, np.ndarray]:
    """The probabilities of all clothes on the last day of a diary, `(names,)`.

    Args:
        model, columns: see `suggest_clothes`.
        names: of the clothes.
        path: of the diary.

    Returns:
        `clothes`, given the days before; and `today_only`, by the network that sees nothing but the day itself.

    Raises:
        UserError: the diary cannot be used.
    """
    diary = read_diary(path, columns)
    last_run = diary.find_runs()[-1]
    if diary.rows[-1].clothes:
        raise UserError(
            f"{path} says what was worn on {diary.dates[-1]}, its last day; expected a last row for today with the "
            "weather and without clothes"
        )
    if len(last_run) < len(diary.rows):
        first = diary.dates[last_run.start]
        console.print(f"note: {path} has no row for the day before {first}: the days before it are not used")
    days = make_days([[diary.rows[day] for day in last_run]], names, len(last_run), path)
    network: Any = model.get_layer(NETWORK)
    outputs = network.predict(encode_steps(days), verbose=0)
    return {name: outputs[name][0, -1] for name in ("clothes", "today_only")}
