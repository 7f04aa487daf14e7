"""How often the likeliest clothes are what was worn, beside the best score that is possible."""

import functools
from typing import Any

import numpy as np
from sklearn.metrics import log_loss

from apps.wardrobe.days import SEASONS, WET, Days, encode_steps
from apps.wardrobe.rules import apply_rules, generate_diaries

SIMULATED_DIARIES = 20_000  # by which the best score of somebody who sees only today is estimated
COLDEST, WARMEST = -5, 32  # colder, or warmer, days are treated alike
BATCH = 256


def score_days(recommender: Any, days: Days, follows_rules: bool) -> dict[str, Any]:
    """`accuracy` of the recurrent network and `today_only_accuracy` of the other one, 0 to 1, and `loss` in nats.

    Of generated diaries also `best_accuracy`, the expected accuracy of somebody who knows the rules, computed exactly
    from their probabilities, and `rules_accuracy`, that person's accuracy on these days; `loss_above_best`, how many
    nats a day the loss is above that of the rules; and `best_today_only_accuracy`.

    Args:
        recommender: of `build_recommender`.
        days: on some of which it is known what was worn.
        follows_rules: whether the diaries were generated.
    """
    known, worn = days.is_known, days.clothes[days.is_known]
    outputs = recommender.predict(encode_steps(days), batch_size=BATCH, verbose=0)
    probabilities = {name: output[known] for name, output in outputs.items()}
    metrics = {
        "accuracy": compute_accuracy(probabilities["clothes"], worn),
        "today_only_accuracy": compute_accuracy(probabilities["today_only"], worn),
        "loss": compute_loss(probabilities["clothes"], worn),
    }
    if follows_rules:
        best = apply_rules(days)[0][known]
        metrics |= {
            "best_accuracy": float(best.max(axis=1).mean()),
            "rules_accuracy": compute_accuracy(best, worn),
            "loss_above_best": metrics["loss"] - compute_loss(best, worn),
            "best_today_only_accuracy": estimate_best_today_only(days.clothes.shape[1]),
        }
    return metrics | {"days": len(worn)}


def compute_accuracy(probabilities: np.ndarray, worn: np.ndarray) -> float:
    """The share of days on which the likeliest clothes were worn, of `(n, clothes)` and `(n,)`."""
    return float((probabilities.argmax(axis=1) == worn).mean())


def compute_loss(probabilities: np.ndarray, worn: np.ndarray) -> float:
    """The mean negative log-likelihood in nats, of `(n, clothes)` and `(n,)`."""
    return float(log_loss(worn, probabilities, labels=range(probabilities.shape[1])))


@functools.cache
def estimate_best_today_only(length: int) -> float:
    """About the best accuracy of somebody who knows the rules and sees only today, from generated diaries.

    In one half of the diaries the probabilities of the rules are averaged over all days with the same weekday, season
    and temperature, wet or not. The likeliest clothes of each such day are scored in the other half.

    Args:
        length: days of a diary.
    """
    days = generate_diaries(np.random.default_rng(0), SIMULATED_DIARIES, length)
    probabilities = apply_rules(days)[0]
    degrees = np.clip(days.temperature, COLDEST, WARMEST) - COLDEST
    seen = (days.weekday, days.season, degrees, np.isin(days.weather, WET).astype(int))
    today: Any = np.ravel_multi_index(seen, (7, len(SEASONS), WARMEST - COLDEST + 1, 2))
    sums = np.zeros((today.max() + 1, probabilities.shape[2]))
    half = SIMULATED_DIARIES // 2
    np.add.at(sums, today[:half].reshape(-1), probabilities[:half].reshape(-1, probabilities.shape[2]))
    likeliest = sums.argmax(axis=1)[today[half:]]
    return float(np.take_along_axis(probabilities[half:], likeliest[:, :, np.newaxis], axis=2).mean())
