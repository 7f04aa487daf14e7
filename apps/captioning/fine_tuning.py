"""Fine-tuning: captions that the network writes itself are rewarded for being like the references."""

import dataclasses
from collections.abc import Callable
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf
from sacrebleu.metrics.bleu import BLEU

from apps.captioning.cider import CiderD
from apps.captioning.config import CaptioningConfig
from apps.captioning.data import CaptioningData
from apps.captioning.image_batches import ImageBatches
from apps.captioning.model import make_search
from rnn_keras.data.open_vocabulary import END, START
from rnn_keras.training.fit import fit
from rnn_keras.training.reward import RewardTraining
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.utils.terminal import console

BATCH = 32  # images; each has five captions
LEARNING_RATE = 0.05  # as a share of that of the training
LONGEST = 98  # per cent of the training captions, which bound the length of those that are drawn


def fine_tune(
    network: keras.Model, config: CaptioningConfig, data: CaptioningData, run: RunDirectory, epochs: int
) -> None:
    """Trains the network further, and leaves it with the weights of the best epoch, or its own if none is better.

    Args:
        network: of `build_network`, trained.
        config: the settings.
        data: the images and captions.
        run: a directory of this training's own; what it has is resumed.
        epochs: the most passes over the images.
    """
    training, validation = (
        ImageBatches(data.arrays, data.images.indices(split), BATCH, shuffle=split == "train", seed=config.seed)
        for split in ("train", "validation")
    )
    lengths = [len(target) - 2 for target in data.targets["train"]]
    # A single caption that goes on and on would hold up its whole batch.
    limited = dataclasses.replace(config, maximum_length=max(2, int(np.percentile(lengths, LONGEST))))
    model = RewardTraining(
        network, make_writer(limited, network), make_reward(config.reward, data), start=START, end=END, seed=config.seed
    )
    steps = epochs * training.number_of_batches
    rate: Any = keras.optimizers.schedules.CosineDecay(LEARNING_RATE * config.learning_rate, steps)
    model.compile(keras.optimizers.Adam(rate, global_clipnorm=config.clip_norm or None))
    run.mark()
    weights = network.get_weights()
    before = model.evaluate(validation.dataset(), verbose=cast(Any, 0), return_dict=True)["reward"]
    history = fit(
        model,
        training.endless,
        validation.dataset(),
        run,
        steps_per_epoch=training.number_of_batches,
        epochs=epochs,
        patience=2,
        monitor="val_reward",
    )
    after = history.rows[history.best_epoch - 1]["val_reward"]
    console.print(f"mean {config.reward} of validation captions, greedy search: {before:.3f} before, {after:.3f} after")
    if after <= before:
        network.set_weights(weights)


def make_writer(config: CaptioningConfig, network: keras.Model) -> Callable[[Any, Any], Any]:
    """A function (images, seed) -> tokens; see `RewardTraining`."""
    search = make_search(config, network)
    layers = [layer for name in ("backbone", "image_memory") for layer in network.layers if layer.name == name]

    def write(images: Any, seed: keras.random.SeedGenerator | None) -> Any:
        encoded: Any = images if images.dtype == tf.uint8 else tf.cast(images, tf.float32)
        for layer in layers:
            encoded = layer(encoded, training=False)
        return search.greedy(*encoded) if seed is None else search.sample(*encoded, seed=seed)

    return write


def make_reward(kind: str, data: CaptioningData) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A function (tokens, numbers of images) -> what each caption is worth, 0 to 1; see `RewardTraining`.

    The end is a word like others: otherwise captions that break off would be worth as much.

    Args:
        kind: `"bleu"`: BLEU-4 against all references of the image, smoothed by 1 (Lin & Och 2004); `"cider"`: CIDEr-D,
            with the words of the training images.
        data: with the references.
    """
    references: dict[int, list[list[int]]] = {}
    for split, targets in data.targets.items():
        for image, target in zip(data.caption_images[split], targets, strict=True):
            references.setdefault(int(image), []).append(target[1:].tolist())
    if kind == "cider":
        score = CiderD(references, sorted({int(image) for image in data.caption_images["train"]}))
    else:
        bleu = BLEU(tokenize="none", smooth_method="add-k", smooth_value=1, effective_order=True)
        texts = {image: list(map(join, rows)) for image, rows in references.items()}

        def score(caption: list[int], image: int) -> float:
            return bleu.sentence_score(join(caption), texts[image]).score / 100

    def reward(tokens: np.ndarray, images: np.ndarray) -> np.ndarray:
        return np.array([score(row[row > 0].tolist(), int(image)) for row, image in zip(tokens, images, strict=True)])

    return reward


def join(tokens: list[int]) -> str:
    """Ids as words."""
    return " ".join(map(str, tokens))
