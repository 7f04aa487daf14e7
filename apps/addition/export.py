"""What the addition model is exported as."""

import functools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from apps.addition.config import AdditionConfig
from apps.addition.data import LONG_DIGITS, SumData, load_sums, make_column_batches
from apps.addition.digit_columns import parse_sum, to_columns, to_numbers
from apps.addition.sums import Sums, merge_groups
from rnn_keras.data.batching import predict_sequences
from rnn_keras.data.classification import sample_evenly
from rnn_keras.export.classification import get_network
from rnn_keras.export.spec import Comparison, ExportSpec, description_file

CALIBRATION_EXAMPLES = 200


def export_spec(model: keras.Model, config: AdditionConfig, examples: int) -> ExportSpec:
    """The SavedModel takes the texts of sums, the other files take columns of digits.

    Args:
        model: of `build_sum_model`.
        config: of its run.
        examples: the most test sums to compare the files with Keras on.
    """
    adder: Any = get_network(model, "adder")
    network = keras.Model(adder.input, adder.output["probabilities"], name="adder")
    load = functools.cache(lambda: load_sums(config, make_column_batches, long_digits=LONG_DIGITS))
    test = select_test_sums(load(), examples) if examples else Sums(np.zeros((0, 1, 2), np.int32))
    truth = np.array(test.answers, "S")

    def encode(texts: Sequence[bytes]) -> list[np.ndarray]:
        return list(to_columns([parse_sum(text.decode()) for text in texts], test.columns.shape[1] - 1))

    def calibration() -> list[bytes]:
        train = load().train
        return encode_sums(train.select(sample_evenly(len(train), CALIBRATION_EXAMPLES)))

    def decide(outputs: np.ndarray) -> np.ndarray:
        if outputs.dtype.kind == "S":  # the SavedModel gives the sums
            return outputs
        return np.array(to_numbers(outputs.argmax(axis=1).reshape(len(test), -1)), "S")

    def expected(format: str) -> np.ndarray:
        outputs = predict_sequences(network, list(test.columns)).reshape(-1, 10)
        return decide(outputs) if format in ("keras", "saved_model") else outputs

    comparison = Comparison(
        encode_sums(test),
        lambda outputs: float(np.mean(decide(outputs) == truth)),
        "exact",
        decide=decide,
        expected=functools.cache(expected),
    )
    return ExportSpec(
        model=model,
        network=network,
        encode=encode,
        comparison=comparison,
        output="sum",
        outputs=("sum",),
        files=lambda quantisation: description_file({"labels": list("0123456789"), "per_step": True}),
        calibration=calibration,
    )


def select_test_sums(data: SumData, count: int) -> Sums:
    """At most `count` sums of the test split, as many of each group, padded to one length."""
    groups = data.splits["test"]
    share = -(-count // len(groups))
    selected = merge_groups({name: sums.select(sample_evenly(len(sums), share)) for name, sums in groups.items()})
    return selected.select(slice(count))


def encode_sums(sums: Sums) -> list[bytes]:
    """The texts of the sums in UTF-8."""
    return [question.encode() for question in sums.questions]
