"""The layers train: every weight changes, a batch is memorised, and training steps equal those of Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.layer_cases import FAMILIES, VARIANT_AXIS, combinations, ours, randomize, theirs

VOCABULARY, BATCH, TIME = 6, 8, 5


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH, TIME, 3)).astype("float32")
    y = (np.arange(BATCH) % 2).astype("float32")[:, None]
    return x, y


def classifier(layer_class, units=6, **kwargs):
    model = keras.Sequential(
        [keras.Input((None, 3)), layer_class(units, **kwargs), keras.layers.Dense(1, activation="sigmoid")]
    )
    return model


@pytest.mark.parametrize(
    ("family", "extra", "ids"),
    combinations(
        VARIANT_AXIS, [False, True], fast=("SimpleRNN-True", "LSTM-False", "GRU-after-False", "GRU-before-True")
    ),
)
def test_one_step_changes_every_weight(family, extra, ids):
    """A weight that no gradient reaches would keep its value; every gate's columns must change."""
    layer = ours(family)(3, **({"input_dim": VOCABULARY} if ids else {}), **extra)
    x = np.random.default_rng(1).integers(0, VOCABULARY, (BATCH, TIME)) if ids else data()[0]
    # Rows of ids that do not occur would rightly stay as they are.
    assert not ids or len(np.unique(x)) == VOCABULARY
    layer(x)
    randomize(layer, seed=3)
    before = layer.get_weights()
    with tf.GradientTape() as tape:
        output = layer(x, training=True)
        loss = tf.reduce_sum(tf.square(output - 1.0))
    gradients = tape.gradient(loss, [w.value for w in layer.trainable_weights])
    keras.optimizers.Adam(0.01).apply(gradients, layer.trainable_weights)
    for old, new, weight in zip(before, layer.get_weights(), layer.weights, strict=True):
        assert (old != new).all(), weight.path


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=()))
def test_memorises_a_batch(family):
    """Random inputs with random labels can only be memorised."""
    x, y = data()
    model = classifier(ours(family), units=12)
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss="binary_crossentropy")
    losses = [float(model.train_on_batch(x, y)) for _ in range(30)]
    assert losses[0] > 0.4
    assert losses[-1] < 0.05


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("SimpleRNN",)))
def test_learns_from_ids(family):
    """Whether the first id of a sequence is even: the state has to carry it to the end."""
    rng = np.random.default_rng(2)
    ids = rng.integers(0, VOCABULARY, (16, TIME)).astype("int32")
    labels = (ids[:, :1] % 2).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            ours(family)(12, input_dim=VOCABULARY),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss="binary_crossentropy")
    losses = [float(model.train_on_batch(ids, labels)) for _ in range(30)]
    assert losses[0] > 0.4
    assert losses[-1] < 0.05


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("SimpleRNN",)))
def test_fit_has_the_losses_of_keras(family):
    """From the same weights on the same batches, the loss after each step is that of the Keras layer."""
    x, y = data()
    histories = []
    weights = None
    for layer_class in (theirs(family), ours(family)):
        model = classifier(layer_class)
        if weights is None:
            weights = model.get_weights()
        model.set_weights(weights)
        model.compile(optimizer=keras.optimizers.SGD(0.5), loss="binary_crossentropy", jit_compile=False)
        history = model.fit(x, y, batch_size=4, epochs=5, shuffle=False, verbose=0)
        histories.append(history.history["loss"])
    np.testing.assert_allclose(histories[1], histories[0], rtol=1e-4)
    assert histories[1][-1] < histories[1][0]


@pytest.mark.parametrize("family", combinations(FAMILIES, fast=("SimpleRNN",)))
def test_frozen_layer_keeps_its_weights(family):
    x, y = data()
    model = classifier(ours(family))
    model.layers[0].trainable = False
    model.compile(optimizer=keras.optimizers.SGD(0.5), loss="binary_crossentropy", jit_compile=False)
    before = [w.copy() for w in model.get_weights()]
    model.train_on_batch(x, y)
    moved = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert moved == [False, False, False, True, True]
