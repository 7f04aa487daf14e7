"""What a model that reads one text and writes another is exported as, and what its files are held against."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.export.spec import ExportSpec
from rnn_keras.runtime.litert_model import VOCABULARY
from rnn_keras.seq2seq.litert_export import convert_writer, written_by
from rnn_keras.seq2seq.text_to_text import TextWriter


def text_export_spec(
    model: keras.Model, sources: Sequence[str], metric: Callable[[list[str]], float], metric_name: str
) -> ExportSpec:
    """The `ExportSpec` of a model that `build_text_to_text` made.

    Args:
        sources: texts of the test split to hold the files against Keras with.
        metric: the answers to them -> the task's metric.
    """
    vocabulary, search = model.get_layer("source_vocabulary"), model.get_layer("search")
    (answer,) = (name for name in model.output if name != "score")
    writer = TextWriter(model)
    ids = keras.Input((None,), dtype="int32", name="ids")
    # Called as it is, and not as a layer, the encoder is a network of its parts, each of which LiteRT may run its way.
    reader = keras.Model(ids, model.get_layer("encoder").call(ids), name="reader")

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
    def serve(text):
        return model({"text": text}, training=False)

    def files(quantisation):
        tokenizer = vocabulary.tokenizer.specification()
        described = {
            "tokenizer": tokenizer,
            "unknown": tokenizer["unknown"],
            "mark": vocabulary.mark,
            "maximum_length": vocabulary.maximum_length,
        }
        return {VOCABULARY: "\n".join(vocabulary.tokens).encode(), **written_by(model, described, answer)}

    def expected(kind):
        # A LiteRT file gives one step, which its runner takes greedily; the SavedModel has the beam search inside.
        found = writer.write(sources, "greedy" if kind == "litert" else "beam").texts
        return np.array([text.encode() for text in found], "S")

    return ExportSpec(
        model=model,
        endpoint=serve,
        network=model,
        steps=vocabulary.maximum_length,
        tensors=vocabulary.encode,
        scores=lambda outputs: outputs[answer],
        files=files,
        examples=[text.encode("utf-8", "surrogatepass") for text in sources],
        calibration=[],
        decide=lambda texts: texts,
        metric=lambda texts: metric([text.decode() for text in texts]),
        metric_name=metric_name,
        litert=lambda quantisation: convert_writer(reader, search.decoder, quantisation),
        expected=expected,
    )
