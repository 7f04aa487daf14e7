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
from rnn_keras.export.spec import Comparison, Conversion, ExportSpec
from rnn_keras.seq2seq import litert_export, onnx_export
from rnn_keras.seq2seq.litert_export import seq2seq_files


def export_spec(model: CaptioningModel, config: CaptioningConfig, examples: int) -> ExportSpec:
    """The SavedModel takes the bytes of image files, the LiteRT and ONNX files take pixels."""
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
        # LiteRT and ONNX files compute one step, and their runners search greedily; the SavedModel searches by beam.
        captions = captioner.generate(
            np.stack(encode(contents)), "greedy" if format in ("litert", "onnx") else "beam"
        ).texts
        return np.array([caption.encode() for caption in captions], "S")

    comparison = Comparison(
        contents,
        lambda texts: score_bleu([text.decode() for text in texts], references)[0]["bleu4"],
        "bleu4",
        decide=lambda texts: texts,
        expected=expected,
    )
    files = seq2seq_files(model, {"picture": {"size": size}}, "caption")
    return ExportSpec(
        model=model,
        network=None,
        encode=encode,
        comparison=comparison,
        output="caption",
        files=lambda quantisation: files,
        conversion=Conversion(
            litert=lambda quantisation: litert_export.convert_seq2seq(encoder, captioner.search.decoder, quantisation),
            onnx=lambda name: onnx_export.convert_seq2seq(encoder, captioner.search.decoder, files, name),
        ),
    )
