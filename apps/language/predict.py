"""How a trained model continues a prompt."""

from collections.abc import Sequence

import keras
import numpy as np

from apps.language.data import get_characters
from apps.language.model import get_network
from apps.language.reader import CharacterReader
from apps.language.texts import UNKNOWN, decode_ids, encode_text
from rnn_keras.utils.errors import UserError


def continue_prompts(
    model: keras.Model, prompts: Sequence[str], characters: int, temperature: float, seed: int
) -> list[str]:
    """Each prompt with so many characters after it, whatever the other prompts; the same for the same seed.

    Args:
        model: as `build_text_model` made it.
        prompts: the beginnings.
        characters: how many to write.
        temperature: what the logits are divided by before a character is drawn.
        seed: of the draws.

    Raises:
        UserError: the model has no id for any character of a prompt.
    """
    known = get_characters(model)
    encoded = [encode_text(known, prompt) for prompt in prompts]
    for prompt, ids in zip(prompts, encoded, strict=True):
        if not (ids > UNKNOWN).any():
            raise UserError(
                f"the prompt {prompt[:40]!r} has no character of the text that the model was trained on; begin with "
                "one that it has"
            )
    reader = CharacterReader(get_network(model))
    return [
        prompt + decode_ids(known, sample_ids(reader, ids, characters, temperature, seed))
        for prompt, ids in zip(prompts, encoded, strict=True)
    ]


def sample_ids(reader: CharacterReader, prompt: np.ndarray, number: int, temperature: float, seed: int) -> list[int]:
    """So many ids, drawn one by one after those of a prompt `(n,)`, at least one; no id is read twice.

    Args:
        reader: its state is set to zero first.
        prompt, number, temperature, seed: see `continue_prompts`.
    """
    generator = np.random.default_rng(seed)
    reader.reset()
    logits = reader.read(prompt)[-1]
    ids: list[int] = []
    for _ in range(number):
        scaled = logits[UNKNOWN + 1 :].astype(np.float64) / temperature  # never padding or unknown
        weights = np.exp(scaled - scaled.max())
        ids.append(UNKNOWN + 1 + int(generator.choice(len(weights), p=weights / weights.sum())))
        logits = reader.read(np.array([ids[-1]]))[-1]
    return ids
