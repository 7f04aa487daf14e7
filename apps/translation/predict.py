"""Translations of the user's sentences, with a figure of their attention weights."""

from collections.abc import Sequence
from pathlib import Path

from apps.translation.attention import compute_attention
from apps.translation.config import TranslationConfig
from apps.translation.data import convert_script, reads_chinese
from apps.translation.model import TranslationModel
from apps.translation.plots import PANELS, find_token_font, format_legend, plot_attention
from rnn_keras.training.plots import save_figure
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import console


def predict(
    model: TranslationModel, config: TranslationConfig, figure: Path | None, inputs: Sequence[bytes]
) -> list[dict[str, str]]:
    """A dict with the `translation` of each input; the attention weights of the first three are plotted.

    Args:
        model: of a finished run.
        config: its settings.
        figure: the file of the plot; None: there is no plot.
        inputs: sentences, UTF-8.
    """
    texts = decode_texts(model, config, inputs)
    translations = model.translator.generate(texts).texts
    examples = compute_attention(model, texts[:PANELS]) if figure is not None else []
    if examples and figure is not None:
        try:
            save_figure(plot_attention(examples), figure)
        except UserError as error:  # the translations do not depend on the figure
            console.print(f"no figure: {error}")
        else:
            console.print(f"attention weights: {figure}")
            if find_token_font(examples) is None:
                console.print("no installed font has all of these characters: the figure shows numbers for tokens")
                for example in examples:
                    console.print(format_legend(example))
    return [{"translation": translation} for translation in translations]


def decode_texts(model: TranslationModel, config: TranslationConfig, inputs: Sequence[bytes]) -> list[str]:
    """The sentences as the model reads them; see `predict` for the arguments."""
    texts = [text.decode("utf-8", "replace") for text in inputs]
    # As in training; the conversion would change the Chinese characters of Japanese.
    return list(convert_script(texts, config.script)) if reads_chinese(model) else texts
