"""A language model of characters, trained by truncated backpropagation through time; it writes with its state kept."""

import dataclasses
import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from apps.memory.language_config import LanguageConfig
from apps.memory.model import CELLS
from apps.memory.texts import UNKNOWN, Text, bits_without_memory, read_text, require_text
from rnn_keras.cli.app import App
from rnn_keras.data.classification import label_layer
from rnn_keras.data.streams import StreamBatches, in_rows
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.stateful import get_states, make_stateful
from rnn_keras.training.truncated_bptt import TruncatedBPTT

AT_ONCE = 512  # characters that are read at once where nothing is learnt


@dataclasses.dataclass(frozen=True)
class LanguageData:
    """Everything that a training run reads."""

    text: Text
    config: LanguageConfig

    @property
    def notes(self) -> list[str]:
        return []

    @property
    def summary(self) -> str:
        counts = ", ".join(f"{len(ids):,} {part}" for part, ids in self.text.parts.items())
        return f"{counts} characters; {len(self.text.characters)} different ones"

    def training_batches(self, config: LanguageConfig) -> StreamBatches:
        return self._batches("train", config)

    def validation_dataset(self) -> tf.data.Dataset:
        return self._batches("validation", self.config).dataset()

    def _batches(self, part: str, config: LanguageConfig) -> StreamBatches:
        """Rows of the text side by side; the target of each character is the next one."""
        ids = self.text.parts[part]
        rows = min(config.batch_size, len(ids) - 1)
        sequences, targets = in_rows(ids[:-1], rows), in_rows(ids[1:], rows)
        truncated = TruncatedBPTT(config.window)
        batches = truncated.batches(sequences, targets, config.batch_size, seed=config.seed, name="ids")
        batches.shuffle = part == "train"
        return batches


class LanguageApp(App):
    """What the command `language` trains, with the run directory that every app has."""

    name = "memory_language"
    config_class = LanguageConfig
    what = "A language model of characters."
    monitor = "val_loss"
    mode = "min"

    def require_source(self, dataset: str, data_dir: str | None) -> None:
        require_text(dataset)

    def load(self, config: LanguageConfig) -> LanguageData:
        return LanguageData(read_text(config.dataset, config.data_dir), config)

    def build(self, config: LanguageConfig, data: LanguageData, optimizer) -> keras.Model:
        network = build_network(config, data.text.size)
        model = TruncatedBPTT(config.window).model(network, config.batch_size)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
        model.compile(optimizer, loss)
        return model

    def assemble(self, network: keras.Model, data: LanguageData) -> keras.Model:
        return build_text_model(make_stateful(network, None), data.text.characters)

    def score(self, network: keras.Model, data: LanguageData, split: str) -> dict:
        ids = data.text.parts[split]
        return {
            "bits_per_character": bits_per_character(network, ids) + data.text.naming_bits(ids[1:]),
            "without_memory": bits_without_memory(data.text, split),
            "characters": len(ids),
            "unknown_share": float((ids == UNKNOWN).mean()),
        }

    def draw(self, run, data, network) -> None:
        """Nothing beside the learning curves."""

    def evaluate(self, model, dataset, data_dir, split):
        raise NotImplementedError("the command `language` scores what it trains")

    def predict(self, model, inputs: Sequence[bytes]):
        raise NotImplementedError("the command `language` writes")

    def deployment(self, model, config, examples):
        raise NotImplementedError("the memory app exports its tasks' models")


def build_network(config: LanguageConfig, characters: int) -> keras.Model:
    """Ids `(batch, time)` -> logits of the next character at each step, `(batch, time, characters)`."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = ids
    for number in range(1, config.layers + 1):
        x = CELLS[config.cell](
            config.units,
            return_sequences=True,
            input_dim=characters if number == 1 else None,  # a row of the kernel for each character
            name=f"{config.cell}_{number}",
        )(x)
        x = keras.layers.Dropout(config.dropout, name=f"dropout_{number}")(x)
    logits = keras.layers.Dense(characters, dtype="float32", name="next_character")(x)
    return keras.Model(ids, logits, name="network")


def build_text_model(network: keras.Model, characters: list[str]) -> keras.Model:
    """Raw texts `(batch,)` -> `logits (batch, characters)` of what comes next, and the likeliest, `next (batch,)`."""
    text = keras.Input((), dtype="string", name="text")
    ids = keras.layers.TextVectorization(
        standardize=None, split="character", vocabulary=characters, name="text_vectorization"
    )(text)
    logits = network(keras.tree.pack_sequence_as(network.input, [keras.ops.cast(ids, "int32")]))[:, -1]
    likeliest = keras.ops.argmax(logits[:, 2:], axis=-1)
    return keras.Model({"text": text}, {"logits": logits, "next": label_layer(characters)(likeliest)}, name="language")


def bits_per_character(network: keras.Model, ids: np.ndarray) -> float:
    """The mean of -log2 of what the network thought of each character, read as one stream from an empty memory.

    All characters without an id are one; `Text.naming_bits` is what it takes to tell them apart.
    """
    reader = Reader(network)
    total = 0.0
    for start in range(0, len(ids) - 1, AT_ONCE):
        logits = reader.read(ids[start : start + AT_ONCE])
        wanted = ids[start + 1 : start + 1 + AT_ONCE]
        logs = tf.nn.log_softmax(tf.cast(logits[: len(wanted)], tf.float64)).numpy()
        total -= logs[np.arange(len(wanted)), wanted].sum()
    return float(total / (len(ids) - 1) / math.log(2))


class Reader:
    """A network that reads characters, a few at a time, and keeps its state: nothing is read twice.

    Args:
        network: as `build_network` made it, with or without a kept state.
    """

    def __init__(self, network: keras.Model):
        self.network = make_stateful(network, 1)
        self._run = tf.function(
            lambda ids: self.network(keras.tree.pack_sequence_as(self.network.input, [ids]), training=False)[0],
            input_signature=[tf.TensorSpec((1, None), tf.int32)],
            autograph=False,
        )
        for state in get_states(self.network):
            state.assign(tf.zeros_like(state))

    def read(self, ids: np.ndarray) -> np.ndarray:
        """Logits `(characters, ids)` of what comes after each of the characters `(characters,)`, at least one."""
        return self._run(tf.constant(np.asarray(ids, np.int32)[np.newaxis])).numpy()


def written(reader: Reader, prompt: np.ndarray, number: int, temperature: float, seed: int) -> list[int]:
    """Ids that go on after those of the prompt, drawn one by one; each is read once, with the state kept."""
    generator = np.random.default_rng(seed)
    logits = reader.read(prompt)[-1]
    ids = []
    for _ in range(number):
        scaled = logits[2:].astype(np.float64) / temperature  # never padding, nor what is unknown
        likely = np.exp(scaled - scaled.max())
        ids.append(2 + int(generator.choice(len(likely), p=likely / likely.sum())))
        logits = reader.read([ids[-1]])[-1]
    return ids


def write(run: RunDirectory, prompt: str, number: int, temperature: float, seed: int) -> str:
    """The prompt and so many characters after it, by a finished run's model.

    Raises:
        UserError: no character of the prompt is known.
    """
    model = run.load_model()
    characters = model.get_layer("label").get_vocabulary()
    text = Text(characters, {})
    text.require_known(prompt)
    ids = text.encode(prompt)
    return prompt + text.decode(written(Reader(model.get_layer("network")), ids, number, temperature, seed))
