"""How a trained model continues a prompt."""

from collections.abc import Sequence

import keras
import numpy as np

from apps.language.config import LanguageConfig
from apps.language.data import get_characters
from apps.language.model import get_network
from apps.language.reader import CharacterReader
from apps.language.texts import UNKNOWN, decode_ids, encode_text
from rnn_keras.utils.errors import UserError


def continue_prompts(model: keras.Model, prompts: Sequence[str], config: LanguageConfig) -> list[str]:
    """Each prompt with `config.characters` characters after it; the same for the same seed.

    Args:
        model: as `build_text_model` made it.
        prompts: the beginnings.
        config: its `characters`, `temperature` and `seed` are used.

    Raises:
        UserError: the model has no id for any character of a prompt.
    """
    characters = get_characters(model)
    encoded = [encode_text(characters, prompt) for prompt in prompts]
    for prompt, ids in zip(prompts, encoded, strict=True):
        if not (ids > UNKNOWN).any():
            raise UserError(f"{prompt[:40]!r}: none of its characters is in the text that the model was trained on")
    network = get_network(model)
    return [
        prompt + decode_ids(characters, sample_ids(CharacterReader(network), ids, config))
        for prompt, ids in zip(prompts, encoded, strict=True)
    ]


def sample_ids(reader: CharacterReader, prompt: np.ndarray, config: LanguageConfig) -> list[int]:
    """Ids drawn one by one after those of a prompt `(n,)`; each is read once, with the state kept.

    Args:
        reader: that has read nothing yet.
        prompt: at least one id.
        config: its `characters`, `temperature` and `seed` are used.
    """
    generator = np.random.default_rng(config.seed)
    logits = reader.read(prompt)[-1]
    ids: list[int] = []
    for _ in range(config.characters):
        scaled = logits[UNKNOWN + 1 :].astype(np.float64) / config.temperature  # never padding or unknown
        weights = np.exp(scaled - scaled.max())
        ids.append(UNKNOWN + 1 + int(generator.choice(len(weights), p=weights / weights.sum())))
        logits = reader.read(np.array([ids[-1]]))[-1]
    return ids
