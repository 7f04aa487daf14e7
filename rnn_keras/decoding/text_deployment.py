"""What a model that reads one text and writes another is exported as, and what its files are held against."""

import json
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.data.open_vocabulary import SPACE
from rnn_keras.decoding.litert import convert_writer
from rnn_keras.decoding.text_to_text import TextWriter
from rnn_keras.export.deployment import Deployment
from rnn_keras.export.runner import DESCRIPTION, VOCABULARY
from rnn_keras.export.writer import TARGET


def text_deployment(
    model: keras.Model, sources: Sequence[str], metric: Callable[[list[str]], float], metric_name: str
) -> Deployment:
    """The `Deployment` of a model that `build_text_to_text` made.

    Args:
        sources: texts of the test split to hold the files against Keras with.
        metric: the answers to them -> the task's metric.
    """
    vocabulary, search = model.get_layer("source_vocabulary"), model.get_layer("search")
    (answer,) = (name for name in model.output if name != "score")
    writer = TextWriter(model)

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
            "start": search.limits["start"],
            "end": search.limits["end"],
            "most_written": search.limits["maximum_length"],
            "forbidden": search.forbidden,
            "space": SPACE,
            "answer": answer,
        }
        return {
            DESCRIPTION: json.dumps(described, ensure_ascii=False).encode(),
            VOCABULARY: "\n".join(vocabulary.tokens).encode(),
            TARGET: "\n".join(model.get_layer("joined_text").tokens).encode(),
        }

    def expected(kind):
        # A LiteRT file gives one step, which its runner takes greedily; the SavedModel has the beam search inside.
        found = writer.write(sources, "greedy" if kind == "litert" else "beam").texts
        return np.array([text.encode() for text in found], "S")

    return Deployment(
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
        litert=lambda quantisation: convert_writer(model.get_layer("encoder"), search.decoder, quantisation),
        expected=expected,
    )
