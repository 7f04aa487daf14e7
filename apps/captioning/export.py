"""What the captioning model is exported as, and what its files are held against."""

import keras
import numpy as np
import tensorflow as tf

from apps.captioning.captioner import Captioner
from apps.captioning.config import CaptioningConfig
from apps.captioning.data import load_images
from apps.captioning.features import square
from apps.captioning.metrics import bleu_scores
from rnn_keras.data.classification import drawn
from rnn_keras.export.spec import ExportSpec
from rnn_keras.seq2seq.litert_export import convert_writer, written_by


def deployment(model: keras.Model, config: CaptioningConfig, examples: int) -> ExportSpec:
    search, side = model.get_layer("search"), model.get_layer("decoded").size
    captioner = Captioner(model)
    pixels = keras.Input((side, side, 3), dtype="uint8", name="pixels")
    reader = keras.Model(pixels, model.get_layer("reader")(model.get_layer("backbone")(pixels)), name="looks")

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="picture")])
    def serve(picture):
        return model({"picture": picture}, training=False)

    contents, references = [], []
    if examples:
        images = load_images(config, config.dataset, config.data_dir)
        test = images.splits["test"]
        chosen = test[drawn(len(test), examples)]
        contents, references = images.contents_of(chosen), [images.captions[place] for place in chosen]

    def tensors(given):
        return [square(content, side) for content in given]

    def expected(kind):
        # A LiteRT file gives one step, which its runner takes greedily; the SavedModel has the beam search inside.
        found = captioner.write(np.stack(tensors(contents)), "greedy" if kind == "litert" else "beam").texts
        return np.array([text.encode() for text in found], "S")

    return ExportSpec(
        model=model,
        endpoint=serve,
        network=model,
        steps=side,
        tensors=tensors,
        scores=lambda outputs: outputs["caption"],
        files=lambda quantisation: written_by(model, {"picture": {"size": side}}, "caption"),
        examples=contents,
        calibration=[],
        decide=lambda texts: texts,
        metric=lambda texts: bleu_scores([text.decode() for text in texts], references)[0]["bleu4"],
        metric_name="bleu4",
        litert=lambda quantisation: convert_writer(reader, search.decoder, quantisation),
        expected=expected,
    )
