"""The language model before a classifier: its windows, its losses, and what the classifier starts from."""

import keras
import numpy as np
import pytest

from rnn_keras.layers import GRU, LSTM
from rnn_keras.training import pretraining
from rnn_keras.training.pretraining import (
    build_language_model,
    join_texts,
    make_language_batches,
    pretrain,
)
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.truncated_bptt import TruncatedBPTT
from rnn_keras.utils.errors import UserError

WORDS, WIDTH, UNITS = 12, 4, 3


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    monkeypatch.setattr(pretraining, "ROWS", 2)
    monkeypatch.setattr(pretraining, "WINDOW", 4)


def make_texts(number, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.integers(1, WORDS, generator.integers(2, 9)).astype("int32") for _ in range(number)]


def make_layers(*, is_bidirectional=True, further_inputs=2):
    keras.utils.set_random_seed(1)
    embedding = keras.layers.Embedding(WORDS, WIDTH)
    embedding.build()
    if is_bidirectional:
        recurrent = [keras.layers.Bidirectional(LSTM(UNITS, return_sequences=True))]
    else:
        recurrent = [GRU(UNITS, return_sequences=True), GRU(UNITS + 1)]
    size = WIDTH + further_inputs
    for layer in recurrent:
        layer.build((None, None, size))
        size = UNITS
    return embedding, recurrent


def test_texts_are_one_stream_with_borders():
    assert join_texts([np.array([5, 6]), np.array([7])]).tolist() == [0, 5, 6, 0, 7, 0]


def test_the_windows_are_the_stream_in_order_and_the_second_direction_is_its_reverse():
    stream = np.arange(100, 120, dtype="int32")
    batches = make_language_batches(stream, 2)
    parts = [batches.batch(indices) for indices in batches.plan(0)]
    steps, weights = (np.concatenate([part[index] for part in parts], axis=1) for index in (0, 3))
    kept = [steps[row][weights[row] > 0] for row in range(2)]

    for direction, ids in enumerate((stream, stream[::-1])):
        read = np.concatenate([row[:, direction] for row in kept])
        np.testing.assert_array_equal(read, np.stack([ids[:-1], ids[1:]], axis=1))
    assert [part[1].tolist() for part in parts] == [[0, 0], *[[1, 1]] * (len(parts) - 1)]


def evaluate(window, stream, monkeypatch, *, is_carried=True):
    """The mean loss of a language model of random weights, read in windows."""
    monkeypatch.setattr(pretraining, "WINDOW", window)
    (embedding, (both,)), generator = make_layers(), np.random.default_rng(3)
    network = build_language_model(embedding, [both.forward_layer, both.backward_layer], 2)
    for weight in network.trainable_weights:
        weight.assign(generator.normal(size=weight.shape))
    model = TruncatedBPTT(window).make_model(network, 2)
    batches, total = make_language_batches(stream, 2), 0.0
    for steps, continues, targets, weights in map(batches.batch, batches.plan(0)):
        losses = model({"steps": steps, "continues": continues * is_carried})
        assert losses.shape == targets.shape and not targets.any()
        total += float(np.sum(losses[..., 0] * weights))
    return total / (len(stream) - 1)


def test_the_state_is_carried_from_window_to_window(monkeypatch):
    stream = join_texts(make_texts(6))
    whole = evaluate(len(stream), stream, monkeypatch)
    assert evaluate(4, stream, monkeypatch) == pytest.approx(whole, rel=1e-5)
    assert abs(evaluate(4, stream, monkeypatch, is_carried=False) - whole) > 0.01


def test_before_training_all_words_are_equally_probable():
    embedding, recurrent = make_layers()
    layers = [recurrent[0].forward_layer, recurrent[0].backward_layer]
    model = build_language_model(embedding, layers, 2)
    steps = np.random.default_rng(1).integers(0, WORDS, (3, 4, 2, 2))
    losses = model(steps)
    assert losses.shape == (3, 4, 1)
    np.testing.assert_allclose(losses, np.log(WORDS), rtol=0.01)


@pytest.mark.parametrize(
    "is_bidirectional", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["both ways", "stacked"]
)
def test_the_layers_start_from_the_weights_of_the_language_model(tmp_path, is_bidirectional):
    embedding, recurrent = make_layers(is_bidirectional=is_bidirectional)
    start, *before = [weight.numpy() for layer in (embedding, *recurrent) for weight in layer.weights]
    run, lines = RunDirectory(tmp_path), []
    pretrain(embedding, recurrent, make_texts(20), make_texts(5, seed=1), run, epochs=1, show=lines.append)
    learnt = np.load(run.pretrained)
    vectors, *after = [weight.numpy() for layer in (embedding, *recurrent) for weight in layer.weights]

    assert len(learnt.files) == 7
    np.testing.assert_array_equal(vectors, learnt["0"])
    for number, (old, new) in enumerate(zip(before, after, strict=True), 1):
        known = learnt[str(number)]
        np.testing.assert_array_equal(new[: len(known)], known)
        np.testing.assert_array_equal(new[len(known) :], old[len(known) :])  # the weights of further inputs
        assert np.any(known != old[: len(known)])
        assert len(old) - len(known) == (2 if len(old) == WIDTH + 2 else 0)
    assert not run.pretraining.path.exists()
    assert lines[0].startswith("pretraining on 20 texts of") and lines[1].startswith("pretrained: perplexity")

    again = make_layers(is_bidirectional=is_bidirectional)
    pretrain(*again, [], [], run, add_vectors=True)  # what is complete is read
    np.testing.assert_array_equal(again[0].get_weights()[0], start + learnt["0"])


def test_a_file_of_other_layers_is_refused(tmp_path):
    run = RunDirectory(tmp_path)
    run.checkpoint.mkdir()
    np.savez(run.pretrained, np.zeros((2, 2)))
    with pytest.raises(UserError, match=r"pretraining.npz does not hold the weights of these layers"):
        pretrain(*make_layers(), [], [], run)


def test_a_layer_above_a_bidirectional_one_is_refused(tmp_path):
    embedding, recurrent = make_layers()
    with pytest.raises(ValueError, match="a Bidirectional layer is pretrained alone"):
        pretrain(embedding, recurrent * 2, [], [], RunDirectory(tmp_path))


@pytest.mark.slow
def test_an_interrupted_pretraining_resumes_with_the_same_result(tmp_path, monkeypatch):
    def learn(folder, epochs=3):
        embedding, recurrent = make_layers()
        pretrain(embedding, recurrent, make_texts(20), make_texts(5, seed=1), RunDirectory(folder), epochs=epochs)
        return embedding.get_weights() + recurrent[0].get_weights()

    expected = learn(tmp_path / "whole")
    begins = iter(range(2))

    def interrupt(*_):
        if next(begins) == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("rnn_keras.training.checkpoint.CheckpointCallback.on_epoch_begin", interrupt)
        patch.setattr("rnn_keras.training.checkpoint.CheckpointCallback.started", 0.0, raising=False)
        with pytest.raises(KeyboardInterrupt):
            learn(tmp_path / "killed")
    run = RunDirectory(tmp_path / "killed")
    assert run.pretraining.count_epochs() == 1 and not run.pretrained.exists()

    for resumed, whole in zip(learn(tmp_path / "killed"), expected, strict=True):
        np.testing.assert_allclose(resumed, whole, atol=1e-6)
    run.mark()
    run.clear()
    assert not run.checkpoint.exists()
