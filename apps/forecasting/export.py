"""What the forecasting model is exported as."""

import functools
from typing import Any

import keras
import numpy as np

from apps.forecasting.config import ForecastingConfig
from apps.forecasting.evaluation_data import load_evaluation_data
from apps.forecasting.losses import find_median
from rnn_keras.data.classification import sample_evenly
from rnn_keras.export.regression import CALIBRATION_EXAMPLES
from rnn_keras.export.spec import Comparison, ExportSpec

# By how many standard deviations of the target that varies least a file may differ from Keras.
TOLERANCE = {"none": 0.005, "float16": 0.02, "dynamic": 0.1, "int8": 0.3}


def export_spec(model: keras.Model, config: ForecastingConfig, examples: int) -> ExportSpec:
    """All files take windows in the units of the data, a dict of the model's inputs, and give quantiles in these units.

    What is missing is NaN in the files too.
    """
    load = functools.cache(lambda: load_evaluation_data(model, config))
    median = find_median(config.quantile_levels)

    def sample(split: str, number: int) -> tuple[list[Any], np.ndarray]:
        batches = load().windows(split, raw=True)
        *inputs, truth = batches.batch(sample_evenly(batches.number_of_examples, number))
        rows = zip(*inputs, strict=True)
        return [dict(zip(batches.names, map(np.asarray, row), strict=True)) for row in rows], truth

    inputs, truth = sample("test", examples) if examples else ([], np.zeros((0, 1, 1)))

    def measure_error(outputs: np.ndarray) -> float:
        outputs = outputs.reshape(*truth.shape, -1)
        return float(np.nanmean(np.abs(outputs[..., median] - truth)))

    def compute_outputs(_: str) -> np.ndarray:
        predict: Any = model.predict
        return predict({name: np.stack([one[name] for one in inputs]) for name in inputs[0]}, verbose=0)

    smallest = float(load().scaler.target_std.min())
    tolerance = {name: share * smallest for name, share in TOLERANCE.items()}
    return ExportSpec(
        model=model,
        network=model,
        encode=list,
        comparison=Comparison(inputs, measure_error, "mae_in_units", expected=compute_outputs, tolerance=tolerance),
        output="output",
        calibration=lambda: sample("train", CALIBRATION_EXAMPLES)[0],
    )
