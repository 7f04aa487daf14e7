"""Hyperparameter search with KerasTuner: trials share their data, resume after a kill, and run on several workers.

A search space is described without KerasTuner; `tune` needs the extra `tune`.

    >>> from rnn_keras.tuning import Choice, Float, Int
    >>> space = {"units": Int(16, 128, log=True), "cell": Choice(("lstm", "gru")), "dropout": Float(0.0, 0.5)}
"""

from typing import TYPE_CHECKING

from rnn_keras.tuning.plan import Plan
from rnn_keras.tuning.space import Choice, Float, Int, SearchSpace
from rnn_keras.utils.extras import require_extra

if TYPE_CHECKING:
    from rnn_keras.tuning.full_search import tune

__all__ = ["Choice", "Float", "Int", "Plan", "SearchSpace", "tune"]


def __getattr__(name: str) -> object:
    if name == "tune":  # imported when it is first used: an app's search space needs neither KerasTuner nor TensorFlow
        require_extra("tune", "keras_tuner", "tensorboard", "sklearn")
        from rnn_keras.tuning.full_search import tune

        return tune
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
