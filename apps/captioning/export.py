"""What the captioning model is exported as."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from apps.captioning.config import CaptioningConfig
from apps.captioning.data import load_images
from apps.captioning.features import decode_pixels
from apps.captioning.metrics import score_bleu
from apps.captioning.model import CaptioningModel
from rnn_keras.data.classification import sample_evenly
from rnn_keras.export.spec import Comparison, ExportSpec
from rnn_keras.seq2seq.litert_export import convert_seq2seq, seq2seq_files


def export_spec(model: CaptioningModel, config: CaptioningConfig, examples: int) -> ExportSpec:
    """The SavedModel takes the bytes of image files, the LiteRT file takes pixels."""
    captioner = model.captioner
    decoding: Any = model.get_layer("decoded")
    size = decoding.size
    pixels = keras.Input((size, size, 3), dtype="uint8", name="pixels")
    encoder = keras.Model(pixels, captioner.image_memory(captioner.backbone(pixels)), name="image_encoder")

    contents, references = [], []
    if examples:
        images = load_images(config, config.dataset, config.data_dir)
        test = images.splits["test"]
        indices = test[sample_evenly(len(test), examples)]
        contents, references = images.read_some(indices), [images.captions[index] for index in indices]

    def encode(contents: Sequence[bytes]) -> list[np.ndarray]:
        return [decode_pixels(content, size) for content in contents]

    def expected(format: str) -> np.ndarray:
        # A LiteRT file computes one step, and its runner searches greedily; the SavedModel has the beam search inside.
        captions = captioner.generate(np.stack(encode(contents)), "greedy" if format == "litert" else "beam").texts
        return np.array([caption.encode() for caption in captions], "S")

    comparison = Comparison(
        contents,
        lambda texts: score_bleu([text.decode() for text in texts], references)[0]["bleu4"],
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
        files=lambda quantisation: seq2seq_files(model, {"picture": {"size": size}}, "caption"),
        convert_litert=lambda quantisation: convert_seq2seq(encoder, captioner.search.decoder, quantisation),
    )
