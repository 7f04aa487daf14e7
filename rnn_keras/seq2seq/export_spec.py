"""What a model that reads one text and writes another is exported as."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from rnn_keras.export.spec import Comparison, Conversion, ExportSpec
from rnn_keras.runtime.runner import VOCABULARY
from rnn_keras.seq2seq import litert_export, onnx_export
from rnn_keras.seq2seq.litert_export import seq2seq_files
from rnn_keras.seq2seq.text_to_text import TextGenerator


def text_to_text_spec(
    model: keras.Model, sources: Sequence[str], metric: Callable[[list[str]], float], metric_name: str
) -> ExportSpec:
    """The `ExportSpec` of a model that `build_text_to_text` made.

    Args:
        model: raw texts in, texts out.
        sources: texts of the test split to compare the files with Keras on.
        metric: the texts that are written for them -> the task's metric.
        metric_name: its name in the report.
    """
    vocabulary: Any = model.get_layer("source_vocabulary")
    search: Any = model.get_layer("search")
    outputs: Any = model.output
    (answer,) = (name for name in outputs if name != "score")
    generator = TextGenerator(model)
    ids = keras.Input((None,), dtype="int32", name="ids")
    # Called as it is, and not as a layer, the encoder is a network of its parts, each of which LiteRT may run its way.
    encoder = keras.Model(ids, model.get_layer("encoder").call(ids), name="encoder")

    def files(quantisation: str) -> dict[str, bytes]:
        tokenizer = vocabulary.tokenizer.specification()
        description = {
            "tokenizer": tokenizer,
            "unknown": tokenizer["unknown"],
            "mark": vocabulary.mark,
            "maximum_length": vocabulary.maximum_length,
        }
        return {VOCABULARY: "\n".join(vocabulary.tokens).encode(), **seq2seq_files(model, description, answer)}

    def expected(format: str) -> np.ndarray:
        # LiteRT and ONNX files compute one step, and their runners search greedily; the SavedModel searches by beam.
        texts = generator.generate(sources, "greedy" if format in ("litert", "onnx") else "beam").texts
        return np.array([text.encode() for text in texts], "S")

    comparison = Comparison(
        inputs=[text.encode("utf-8", "surrogatepass") for text in sources],
        metric=lambda texts: metric([text.decode() for text in texts]),
        metric_name=metric_name,
        decide=lambda texts: texts,
        expected=expected,
    )
    return ExportSpec(
        model=model,
        network=None,
        encode=vocabulary.encode,
        comparison=comparison,
        output=answer,
        files=files,
        conversion=Conversion(
            litert=lambda quantisation: litert_export.convert_seq2seq(encoder, search.decoder, quantisation),
            onnx=lambda name: onnx_export.convert_seq2seq(encoder, search.decoder, files("none"), name),
        ),
    )
