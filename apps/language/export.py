"""What the language model is exported as: a text -> the probabilities of the next character."""

from collections.abc import Sequence

import keras
import numpy as np

from apps.language.config import LanguageConfig
from apps.language.data import get_characters, load_language_data_for
from apps.language.model import get_network, select_last_step
from apps.language.texts import UNKNOWN, Text, decode_ids, encode_text
from rnn_keras.data.classification import sample_evenly
from rnn_keras.export.spec import Comparison, ExportSpec, description_file

CONTEXT = 64  # characters before the one that is predicted, in the examples
CALIBRATION_EXAMPLES = 100


def export_spec(model: keras.Model, config: LanguageConfig, examples: int) -> ExportSpec:
    """The SavedModel takes texts, the other files take ids, and have the characters inside."""
    characters, network = get_characters(model), get_network(model)

    def load() -> Text:
        return load_language_data_for(model, config).text

    inputs, targets = sample_contexts(load(), "test", examples) if examples else ([], np.zeros(0))

    def decide(probabilities: np.ndarray) -> np.ndarray:
        return probabilities[:, UNKNOWN + 1 :].argmax(axis=1) + UNKNOWN + 1

    [ids] = network.inputs
    probabilities = keras.ops.softmax(select_last_step(network.outputs[0], ids))
    return ExportSpec(
        model=model,
        network=keras.Model(ids, probabilities, name="next_character"),
        encode=lambda texts: [encode_text(characters, text.decode()) for text in texts],
        comparison=Comparison(
            inputs, lambda outputs: float(np.mean(decide(outputs) == targets)), "accuracy", decide=decide
        ),
        files=lambda quantisation: description_file({"characters": characters}),
        calibration=lambda: sample_contexts(load(), "train", CALIBRATION_EXAMPLES)[0],
    )


def sample_contexts(text: Text, split: str, number: int) -> tuple[Sequence[bytes], np.ndarray]:
    """Passages of a split, evenly apart, and the id of the character after each, `(n,)`."""
    ids = text.ids(split)
    length = min(CONTEXT, len(ids) - 1)
    starts = sample_evenly(len(ids) - length, number)
    passages = [decode_ids(text.characters, ids[start : start + length]).encode() for start in starts]
    return passages, ids[starts + length]
