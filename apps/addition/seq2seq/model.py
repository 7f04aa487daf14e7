"""Many to many: the text of a sum is read character by character, and then the text of the answer is written."""

import functools

import keras

from apps.addition.seq2seq.config import AdditionSeq2SeqConfig
from apps.addition.seq2seq.data import make_vocabulary
from rnn_keras.seq2seq import AttentionDecoder, BidirectionalEncoder
from rnn_keras.seq2seq.text_to_text import TextGenerator, build_text_to_text, build_training_network


def build_network(config: AdditionSeq2SeqConfig) -> keras.Model:
    """Ids of a question and of the answer so far -> logits of its next character; see `build_training_network`."""
    size = make_vocabulary("characters").size
    encoder = BidirectionalEncoder(size, config.units, config.units, cell=config.cell, name="encoder")
    decoder = AttentionDecoder(size, config.units, config.units, cell=config.cell, name="decoder")
    return build_training_network(encoder, decoder)


@keras.saving.register_keras_serializable(package="apps.addition.seq2seq.model")
class AdditionSeq2SeqModel(keras.Model):
    """The saved model; `import apps.addition.seq2seq.model` before `keras.models.load_model`."""

    @functools.cached_property
    def generator(self) -> TextGenerator:
        """Answers many questions, in batches of similar length; its searches are traced once."""
        return TextGenerator(self)


def build_answer_model(network: keras.Model, question_characters: int) -> AdditionSeq2SeqModel:
    """Texts such as "144+177" `(batch,)` -> `sum` and `score` `(batch,)`.

    Args:
        network: of `build_network`, trained.
        question_characters: the most characters that are read; the answer has at most half as many, and one more.
    """
    vocabulary = make_vocabulary("source_vocabulary", question_characters)
    maximum_length = question_characters // 2 + 1
    model = build_text_to_text(
        network, vocabulary, vocabulary, answer="sum", maximum_length=maximum_length, name="addition_seq2seq"
    )
    return AdditionSeq2SeqModel(model.input, model.output, name=model.name)
