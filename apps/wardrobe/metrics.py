"""How often what was worn is what the network thought likeliest, beside the best score that there can be."""

import functools

import keras
import numpy as np
from sklearn.metrics import log_loss

from apps.wardrobe.data import UNKNOWN, WardrobeData, steps
from apps.wardrobe.rules import SEASONS, WET, Days, by_rules, generated
from rnn_keras.utils.errors import UserError

COUNTED = 20_000  # diaries by which the best score without memory is known
COLDEST, WARMEST = -5, 32  # days beyond look alike


def metrics(dresser: keras.Model, days: Days, follows_rules: bool) -> dict:
    """`accuracy` of the recurrent network and `today_only_accuracy` of the one without memory, 0 to 1; losses in nats.

    Of generated diaries also `best_accuracy`, what one who knows the rules expects to get right, computed exactly from
    the probabilities of the rules, and `rules_accuracy`, what he does get right on these days; `loss_above_best`, how
    many nats a day the network knows less than the rules; and `best_today_only_accuracy`.
    """
    known, worn = days.clothes != UNKNOWN, days.clothes[days.clothes != UNKNOWN]
    outputs = dresser.predict(steps(days), batch_size=256, verbose=0)
    found = {name: output[known] for name, output in outputs.items()}
    scores = {
        "accuracy": accuracy(found["clothes"], worn),
        "today_only_accuracy": accuracy(found["today_only"], worn),
        "loss": loss(found["clothes"], worn),
    }
    if follows_rules:
        likely = by_rules(days)[0][known]
        scores |= {
            "best_accuracy": float(likely.max(axis=1).mean()),
            "rules_accuracy": accuracy(likely, worn),
            "loss_above_best": scores["loss"] - loss(likely, worn),
            "best_today_only_accuracy": best_without_memory(days.clothes.shape[1]),
        }
    return scores | {"days": len(worn)}


def accuracy(probabilities: np.ndarray, worn: np.ndarray) -> float:
    return float((probabilities.argmax(axis=1) == worn).mean())


def loss(probabilities: np.ndarray, worn: np.ndarray) -> float:
    return float(log_loss(worn, probabilities, labels=range(probabilities.shape[1])))


@functools.cache
def best_without_memory(length: int) -> float:
    """About what one who knows the rules and sees only today can expect to get right: counted in generated diaries.

    In one half of them the probabilities of the rules are averaged over all days that look alike, by the weekday, the
    season, the temperature and whether it is wet; the likeliest piece of each such day is scored in the other half.
    """
    days = generated(np.random.default_rng(0), COUNTED, length)
    likely = by_rules(days)[0]
    degrees = np.clip(days.temperature, COLDEST, WARMEST) - COLDEST
    seen = np.stack([days.weekday, days.season, degrees, np.isin(days.weather, WET)])
    seen = np.ravel_multi_index(seen, (7, len(SEASONS), WARMEST - COLDEST + 1, 2))
    sums = np.zeros((seen.max() + 1, likely.shape[2]))
    half = COUNTED // 2
    np.add.at(sums, seen[:half].reshape(-1), likely[:half].reshape(-1, likely.shape[2]))
    chosen = sums.argmax(axis=1)[seen[half:]]
    return float(np.take_along_axis(likely[half:], chosen[:, :, np.newaxis], axis=2).mean())


def score(dresser: keras.Model, data: WardrobeData, split: str) -> dict:
    """`metrics` of a split.

    Raises:
        UserError: on none of its days is it known what was worn.
    """
    days = data.examples(split)
    if not (days.clothes != UNKNOWN).any():
        raise UserError(
            f"{data.config.dataset} has no clothes on any day of the {split} split, so there is nothing to score; name "
            "another --split, such as all, or write down what was worn"
        )
    return metrics(dresser, days, data.follows_rules)
