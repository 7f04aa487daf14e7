"""What the translation model is exported as, and what its files are held against."""

import json

import keras
import numpy as np
import tensorflow as tf

from apps.translation.config import TranslationConfig
from apps.translation.data import load_pairs
from apps.translation.metric import Translator, corpus_scores
from rnn_keras.data.labelled import drawn
from rnn_keras.data.open_vocabulary import SPACE
from rnn_keras.data.sentence_pairs import Pairs
from rnn_keras.decoding.litert import convert_writer
from rnn_keras.export.deployment import Deployment
from rnn_keras.export.runner import DESCRIPTION, VOCABULARY
from rnn_keras.export.writer import TARGET


def deployment(model: keras.Model, config: TranslationConfig, examples: int) -> Deployment:
    vocabulary, search = model.get_layer("source_vocabulary"), model.get_layer("search")
    translator = Translator(model)
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
            "start": search.limits["start"],
            "end": search.limits["end"],
            "most_written": search.limits["maximum_length"],
            "forbidden": search.forbidden,
            "space": SPACE,
            "answer": "translation",
        }
        return {
            DESCRIPTION: json.dumps(described, ensure_ascii=False).encode(),
            VOCABULARY: "\n".join(vocabulary.tokens).encode(),
            TARGET: "\n".join(model.get_layer("joined_text").tokens).encode(),
        }

    sources, references = drawn_pairs(config, examples).references()

    def expected(kind):
        # A LiteRT file gives one step, which its runner takes greedily; the SavedModel has the beam search inside.
        found = translator.translate(sources, "greedy" if kind == "litert" else "beam").texts
        return np.array([text.encode() for text in found], "S")

    def bleu(texts):
        return corpus_scores([text.decode() for text in texts], references)[0]["bleu"]

    return Deployment(
        model=model,
        endpoint=serve,
        network=model,
        steps=config.maximum_length,
        tensors=vocabulary.encode,
        scores=lambda outputs: outputs["translation"],
        files=files,
        examples=[text.encode("utf-8", "surrogatepass") for text in sources],
        calibration=[],
        decide=lambda texts: texts,
        metric=bleu,
        metric_name="bleu",
        litert=lambda quantisation: convert_writer(reader, search.decoder, quantisation),
        expected=expected,
    )


def drawn_pairs(config: TranslationConfig, examples: int) -> Pairs:
    """Up to so many pairs of the test split, drawn evenly; none where none are asked for."""
    if not examples:
        return Pairs([], [])
    test = load_pairs(config, config.dataset, config.data_dir).splits["test"]
    chosen = drawn(len(test), examples)
    return Pairs([test.sources[place] for place in chosen], [test.targets[place] for place in chosen])
