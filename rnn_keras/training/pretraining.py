"""Layers of a network that start from a language model of texts without labels."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from rnn_keras.data.streams import StreamBatches, split_stream
from rnn_keras.data.text import PADDING
from rnn_keras.runtime.array_file import read_array_file
from rnn_keras.training.fit import fit
from rnn_keras.training.predicting_embedding import PredictingEmbedding
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.stateful import make_stateless
from rnn_keras.training.truncated_bptt import TruncatedBPTT
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import atomic_write

ops: Any = keras.ops

ROWS = 32  # parts of the stream that are read side by side
WINDOW = 32  # words that the gradient reaches back
DROPOUT = 0.3
LEARNING_RATE = 5e-3
FEWEST_EPOCHS, FEWEST_STEPS = 2, 600  # of automatic epochs, whichever is more
VALIDATED = 10_000  # words of the validation texts: each costs a softmax over the whole vocabulary


def pretrain(
    embedding: keras.layers.Embedding,
    recurrent: Sequence[keras.layers.RNN | keras.layers.Bidirectional],
    texts: Sequence[np.ndarray],
    validation: Sequence[np.ndarray],
    run: RunDirectory,
    *,
    epochs: int | None = None,
    add_vectors: bool = False,
    show: Callable[[str], None] = print,
) -> None:
    """Trains layers of a network as a language model, which predicts each next word of texts; no labels are needed.

    The texts are one stream, which is read by truncated backpropagation through time: the state is kept from window to
    window. Where a layer is Bidirectional, its two layers are two language models with the same word vectors: one reads
    from the first word on, the other one from the last word back. The layers of the network are given the weights of
    the epoch with the best validation loss. What is finished is kept in the run directory: a training that was
    interrupted resumes after its last finished epoch, and one that is complete is read.

    Source: Dai & Le, Semi-supervised sequence learning, NIPS 2015 (arXiv:1511.01432).

    Args:
        embedding: of the network's words; built. Id 0 is padding in the network, and the border of two texts here.
        recurrent: layers that read the word vectors, built, each above the one before; a Bidirectional can be the only
            one, since one above it would read both directions. Where the first one has more inputs than the vectors,
            these come after them, and the weights of these stay as they are.
        texts: word ids `(words,)` each, at least one, by decreasing frequency of the words.
        validation: the same, of texts that decide which epoch is best.
        run: the directory of the network's run; what is learnt is in its `checkpoint/`.
        epochs: the most; default: at least two, and as many as make 600 steps.
        add_vectors: whether the vectors that are learnt are added to those that the embedding has, in which something
            is known of the words already; otherwise they replace them.
        show: is called with a line on what is read, and with the result.

    Raises:
        ValueError: a Bidirectional is not the only recurrent layer.
        UserError: the loss is not finite any more, or a file is damaged or cannot be written.

    Example:
        >>> pretrain(network.get_layer("embedding"), [network.get_layer("lstm")], texts, held_out, RunDirectory(folder))
    """
    directions = 2 if isinstance(recurrent[0], keras.layers.Bidirectional) else 1
    if len(recurrent) > 1 and any(isinstance(layer, keras.layers.Bidirectional) for layer in recurrent):
        raise ValueError("a Bidirectional layer is pretrained alone: the one above it would read both directions")
    layers: list[Any] = [
        part
        for layer in recurrent
        for part in ([layer.forward_layer, layer.backward_layer] if directions == 2 else [layer])
    ]
    if not run.pretrained.exists():
        arrays = train_language_model(embedding, layers, directions, texts, validation, run.pretraining, epochs, show)
        with atomic_write(run.pretrained) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        run.pretraining.remove()
    assign_weights(embedding, layers, run, add_vectors)


def train_language_model(
    embedding: keras.layers.Embedding,
    layers: Sequence[keras.layers.RNN],
    directions: int,
    texts: Sequence[np.ndarray],
    validation: Sequence[np.ndarray],
    run: RunDirectory,
    epochs: int | None,
    show: Callable[[str], None],
) -> dict[str, np.ndarray]:
    """The weights of the language model's best epoch: `0`, the word vectors; from `1` on, those of the layers."""
    truncated = TruncatedBPTT(WINDOW)
    training = make_language_batches(join_texts(texts), directions)
    held_out = make_language_batches(join_texts(validation)[: VALIDATED + 1], directions)
    words = sum(map(len, texts))
    epochs = epochs or max(FEWEST_EPOCHS, -(-FEWEST_STEPS // training.number_of_batches))
    show(f"pretraining on {len(texts):,} texts of {words:,} words; {training.summary}, {epochs} epochs at most")
    network = build_language_model(embedding, layers, directions)
    model: Any = truncated.make_model(network, ROWS)
    rate: Any = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, epochs * training.number_of_batches)
    # The outputs are the losses themselves, and the targets 0.
    loss = keras.losses.MeanAbsoluteError(reduction="mean_with_sample_weight")
    model.compile(keras.optimizers.Adam(rate, global_clipnorm=1.0), loss)
    run.mark()
    history = fit(
        model,
        training.endless,
        held_out.dataset(),
        run,
        steps_per_epoch=training.number_of_batches,
        epochs=epochs,
        patience=1,
        monitor="val_loss",
    )
    loss_value = history.rows[history.best_epoch - 1]["val_loss"]
    show(f"pretrained: perplexity {math.exp(loss_value):.0f} on validation texts (epoch {history.best_epoch})")
    trained = make_stateless(model)
    learnt: list[Any] = [trained.get_layer("embedding").embeddings]
    learnt += [weight for number in range(len(layers)) for weight in trained.get_layer(f"recurrent_{number}").weights]
    return {str(number): ops.convert_to_numpy(weight) for number, weight in enumerate(learnt)}


def assign_weights(
    embedding: keras.layers.Embedding, layers: Sequence[keras.layers.RNN], run: RunDirectory, add_vectors: bool
) -> None:
    """Gives the layers what `train_language_model` has learnt; see `pretrain`.

    Raises:
        UserError: the file is damaged, or of other layers.
    """
    variables: list[Any] = [embedding.embeddings, *(weight for layer in layers for weight in layer.weights)]
    arrays = read_array_file(run.pretrained)
    try:
        for number, variable in enumerate(variables):
            value, array = variable.numpy(), arrays[str(number)]
            known = value[: len(array)]  # the rows of further inputs stay as they are
            known[:] = known + array if add_vectors and number == 0 else array
            variable.assign(value)
    except (KeyError, ValueError) as error:
        raise UserError(
            f"{run.pretrained} does not hold the weights of these layers; it is damaged, start again with --overwrite"
        ) from error


def join_texts(texts: Sequence[np.ndarray]) -> np.ndarray:
    """Texts `(words,)` as one stream `(time,)` of ids, with 0 before the first, between two, and after the last."""
    border = np.array([PADDING], np.int32)
    return np.concatenate([border, *(part for ids in texts for part in (ids, border))]).astype(np.int32)


def make_language_batches(stream: np.ndarray, directions: int) -> StreamBatches:
    """A stream of ids `(time,)` in windows, in as many parts as rows that are read side by side.

    The input is `(rows, window, directions, 2)`: each id and the next one, and with two directions also those of the
    stream from its end to its beginning. The model computes the loss of each step itself, so that the target is 0.
    """
    pairs = [np.stack([ids[:-1], ids[1:]], axis=-1) for ids in (stream, stream[::-1])[:directions]]
    parts = split_stream(np.stack(pairs, axis=1), min(ROWS, len(stream) - 1))
    targets = [np.zeros((len(part), 1), np.float32) for part in parts]
    return TruncatedBPTT(WINDOW).make_batches(parts, targets, ROWS, shuffle=False)


def build_language_model(
    embedding: keras.layers.Embedding, layers: Sequence[keras.layers.RNN], directions: int
) -> keras.Model:
    """Ids and next ids `(batch, window, directions, 2)` -> the loss of each step, `(batch, window, 1)`, in nats.

    The mean of the directions, each of which has its layers; the word vectors are the same. All weights are new.

    Args:
        embedding, layers: of the network, that are built once more; with two directions, that which reads forward and
            that which reads backward.
        directions: 1 or 2.
    """
    steps: Any = keras.Input((WINDOW, directions, 2), dtype="int32", name="steps")
    vectors: Any = PredictingEmbedding(embedding.input_dim, embedding.output_dim, name="embedding")
    losses = []
    for direction in range(directions):
        ids, next_ids = steps[:, :, direction, 0], steps[:, :, direction, 1]
        x = keras.layers.Dropout(DROPOUT)(vectors(ids))
        for number in range(direction, len(layers), directions):
            config = layers[number].get_config() | {"name": f"recurrent_{number}", "return_sequences": True}
            config |= {"go_backwards": False, "return_state": False, "dropout": 0.0, "recurrent_dropout": 0.0}
            x = keras.layers.Dropout(DROPOUT)(type(layers[number]).from_config(config)(x))
        losses.append(vectors(keras.layers.Dense(embedding.output_dim)(x), next_ids=next_ids))
    return keras.Model(steps, ops.mean(ops.stack(losses, axis=-1), axis=-1, keepdims=True), name="language_model")
