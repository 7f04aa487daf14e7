"""What the captioning model is exported as."""

import keras
import numpy as np

from apps.captioning.captioner import Captioner
from apps.captioning.config import CaptioningConfig
from apps.captioning.data import load_images
from apps.captioning.features import square
from apps.captioning.metrics import bleu_scores
from rnn_keras.data.classification import sample_evenly
from rnn_keras.export.spec import Comparison, ExportSpec
from rnn_keras.seq2seq.litert_export import convert_seq2seq, seq2seq_files


def export_spec(model: keras.Model, config: CaptioningConfig, examples: int) -> ExportSpec:
    """The SavedModel takes the bytes of image files, the LiteRT file takes pixels."""
    search, side = model.get_layer("search"), model.get_layer("decoded").size
    captioner = Captioner(model)
    pixels = keras.Input((side, side, 3), dtype="uint8", name="pixels")
    encoder = keras.Model(pixels, model.get_layer("reader")(model.get_layer("backbone")(pixels)), name="looks")

    contents, references = [], []
    if examples:
        images = load_images(config, config.dataset, config.data_dir)
        test = images.splits["test"]
        indices = test[sample_evenly(len(test), examples)]
        contents, references = images.contents_of(indices), [images.captions[index] for index in indices]

    def encode(contents: list[bytes]) -> list[np.ndarray]:
        return [square(content, side) for content in contents]

    def expected(format: str) -> np.ndarray:
        # A LiteRT file computes one step, and its runner searches greedily; the SavedModel has the beam search inside.
        texts = captioner.write(np.stack(encode(contents)), "greedy" if format == "litert" else "beam").texts
        return np.array([text.encode() for text in texts], "S")

    comparison = Comparison(
        contents,
        lambda texts: bleu_scores([text.decode() for text in texts], references)[0]["bleu4"],
        "bleu4",
        decide=lambda texts: texts,
        expected=expected,
    )
    return ExportSpec(
        model=model,
        network=None,
        encode=encode,
        comparison=comparison,
        output="caption",
        files=lambda quantisation: seq2seq_files(model, {"picture": {"size": side}}, "caption"),
        convert_litert=lambda quantisation: convert_seq2seq(encoder, search.decoder, quantisation),
    )
