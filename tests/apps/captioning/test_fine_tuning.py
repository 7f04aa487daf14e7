"""Captions rewarded for being like the references: the reward, the batches, and a training that was interrupted."""

import json
import math
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from apps.captioning import fine_tuning
from apps.captioning.__main__ import CaptioningApp
from apps.captioning.cider import CiderD
from apps.captioning.config import CaptioningConfig
from apps.captioning.data import load_data
from apps.captioning.fine_tuning import make_reward
from apps.captioning.image_batches import ImageBatches
from rnn_keras.data.open_vocabulary import END, START
from rnn_keras.training.checkpoint import CheckpointCallback
from rnn_keras.training.fit import History
from rnn_keras.training.reward import RewardTraining
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.utils.errors import UserError

A, DOG, RUNS, ON, GRASS = range(10, 15)


def pad(*tokens):
    return np.array([*tokens, *[0] * (8 - len(tokens))], "int32")


def test_the_reward_is_the_cider_of_captions_with_their_end():
    references = {7: [[A, DOG, RUNS], [DOG, ON, GRASS]], 8: [[ON, GRASS, RUNS]], 9: [[A, A]]}
    rows = [(image, np.array([START, *row, END])) for image, captions in references.items() for row in captions]
    train = [row for row in rows if row[0] != 9]
    data: Any = SimpleNamespace(
        targets={"train": [row for _, row in train], "validation": [rows[-1][1]]},
        caption_images={"train": np.array([image for image, _ in train]), "validation": np.array([9])},
    )
    captions = [pad(A, DOG, RUNS, END), pad(A, DOG, RUNS), pad(ON, GRASS, RUNS, END), pad(A, A, END)]
    values = make_reward("cider", data)(np.stack(captions), np.array([7, 7, 8, 9]))

    with_end = {image: [[*row, END] for row in captions] for image, captions in references.items()}
    score = CiderD(with_end, [7, 8])
    expected = [score([A, DOG, RUNS, END], 7), score([A, DOG, RUNS], 7), score([ON, GRASS, RUNS, END], 8)]
    assert values.tolist() == pytest.approx([*expected, score([A, A, END], 9)])
    # All words of the last are in both images, which says nothing; all longer n-grams are its reference's alone.
    assert values[0] > values[1] > 0 and values[2] == pytest.approx(0.75)


def test_the_reward_is_the_smoothed_bleu_of_captions_with_their_end():
    references = [np.array([START, A, DOG, RUNS, END]), np.array([START, DOG, ON, GRASS, END])]
    data: Any = SimpleNamespace(targets={"train": references}, caption_images={"train": np.array([7, 7])})
    captions = [pad(A, DOG, RUNS, END), pad(DOG, ON, GRASS, END), pad(A, DOG, RUNS), pad(GRASS, END)]
    values = make_reward("bleu", data)(np.stack(captions), np.full(4, 7))

    # The third: all n-grams are there, and it is shorter than four; so is the last.
    assert values.tolist() == pytest.approx([1, 1, math.exp(1 - 4 / 3), math.exp(1 - 4 / 2)])


def test_each_image_is_in_an_epoch_once_in_one_of_its_views():
    images = np.stack([np.arange(10), 100 + np.arange(10)], axis=1).astype("float16")[..., None]
    batches = ImageBatches(images, np.array([1, 4, 6, 9]), 3, shuffle=True, seed=1)
    passes = (batches.dataset(), batches.endless(5).take(2))
    epochs = [[(values[:, 0].numpy(), numbers.numpy()) for values, numbers in dataset] for dataset in passes]

    views = set()
    for epoch in epochs:
        values, numbers = (np.concatenate(part) for part in zip(*epoch, strict=True))
        assert sorted(numbers) == [1, 4, 6, 9]
        assert set(values - numbers) <= {0, 100}
        views |= set(values - numbers)
    assert views == {0, 100}
    [(values, numbers)] = ImageBatches(images, np.array([1, 4]), 3, shuffle=False).dataset()
    assert values[:, 0].numpy().tolist() == numbers.numpy().tolist() == [1, 4]


def test_a_number_of_epochs_below_zero_is_refused():
    with pytest.raises(UserError, match="--reward-epochs must be at least 0, got -1"):
        CaptioningConfig(reward_epochs=-1)


@pytest.fixture(scope="module")
def task(shapes):
    """A config, its data, and a function that makes the network that has learnt nothing yet."""
    small = {"encoder": "cnn", "size": 32, "filters": 4, "units": 8, "embedding_units": 8, "maximum_length": 6}
    config = CaptioningConfig(dataset=str(shapes), cell="gru", dropout=0.1, **small)
    data, app = load_data(config), CaptioningApp()

    def make_network():
        keras.utils.set_random_seed(1)
        return app.build_network(config, data, keras.optimizers.Adam(0.01))

    return config, data, make_network


@pytest.mark.slow
def test_an_interrupted_fine_tuning_resumes_with_the_same_result(task, tmp_path, monkeypatch):
    config, data, make_network = task
    whole, stopped = make_network(), make_network()
    monkeypatch.setattr(fine_tuning, "LEARNING_RATE", 10.0)  # so that a few steps matter
    fine_tuning.fine_tune(whole, config, data, RunDirectory(tmp_path / "whole"), 3)
    end = CheckpointCallback.on_epoch_end

    def stop(self, epoch, logs=None):
        end(self, epoch, logs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(CheckpointCallback, "on_epoch_end", stop)
        fine_tuning.fine_tune(stopped, config, data, RunDirectory(tmp_path / "stopped"), 3)
    stopped = make_network()
    fine_tuning.fine_tune(stopped, config, data, RunDirectory(tmp_path / "stopped"), 3)

    def read_epochs(name):
        epochs = json.loads(RunDirectory(tmp_path / name).state.read_text())["epochs"]
        return [(row["epoch"], row["reward"], row["val_reward"]) for row in epochs]

    assert len(read_epochs("whole")) == 3 and read_epochs("stopped") == read_epochs("whole")
    for weight, other in zip(whole.get_weights(), stopped.get_weights(), strict=True):
        np.testing.assert_array_equal(other, weight)


@pytest.mark.parametrize("better", [False, True])
def test_an_epoch_that_is_no_better_is_not_taken(better, task, tmp_path, monkeypatch, capfd):
    config, data, make_network = task
    network, values = make_network(), iter([0.5, 0.6 if better else 0.4])

    def pretend(model, *arguments, **options):
        network.set_weights([weight + 1 for weight in network.get_weights()])
        return History([{"val_reward": next(values)}], 1)

    monkeypatch.setattr(fine_tuning, "fit", pretend)
    monkeypatch.setattr(RewardTraining, "evaluate", lambda *_, **__: {"reward": next(values)})
    before = network.get_weights()
    fine_tuning.fine_tune(network, config, data, RunDirectory(tmp_path), 1)

    assert "0.500 before, 0." in capfd.readouterr().out
    same = [np.array_equal(weight, other) for weight, other in zip(before, network.get_weights(), strict=True)]
    assert all(same) != better
