"""Sentences of the user's, translated, with a picture of where the decoder looked."""

from collections.abc import Sequence
from pathlib import Path

import keras

from apps.translation.attention import attention_map, legend, plot_attention
from apps.translation.config import TranslationConfig
from apps.translation.data import in_script, reads_chinese
from rnn_keras.cli.app import console
from rnn_keras.seq2seq.text_to_text import TextWriter
from rnn_keras.utils.errors import UserError

PICTURED = 3  # the most sentences that a picture shows


def predict(model: keras.Model, config: TranslationConfig, picture: Path, inputs: Sequence[bytes]) -> list[dict]:
    """A dict with the `translation` for each input; the first few are pictured."""
    texts = [text.decode("utf-8", "replace") for text in inputs]
    if reads_chinese(model):  # as in training: the conversion would spoil what Japanese has in common with Chinese
        texts = in_script(texts, config.script)
    answers = TextWriter(model).write(texts).texts
    maps = [attention_map(model, text) for text in texts[:PICTURED]]
    if maps and maps[0] is not None:
        try:
            drawn = plot_attention(maps, picture)
        except UserError as error:  # the translations do not depend on the picture
            console.print(f"no picture: {error}")
        else:
            console.print(f"where the decoder looked: {picture}")
            if not drawn:
                console.print("no font here has all of these characters: in the picture tokens bear their numbers")
                for shown in maps:
                    console.print(legend(shown))
    return [{"translation": answer} for answer in answers]
