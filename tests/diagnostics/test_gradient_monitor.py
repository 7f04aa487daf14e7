"""The callback's figures compared with gradients of a manual loop, and what it writes for TensorBoard."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import rnn_keras.layers
from rnn_keras.diagnostics import GradientMonitor

X = np.random.default_rng(1).normal(size=(12, 5, 2)).astype("float32")
Y = X.sum(axis=(1, 2), keepdims=False)[:, np.newaxis]


def compiled(optimizer, **arguments):
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((5, 2)), rnn_keras.layers.SimpleRNN(4), keras.layers.Dense(1)])
    model.compile(optimizer, "mse", **arguments)
    return model


@functools.cache
def manual_norms(limit):
    """Of three steps of four examples each, before clipping to the limit."""
    model, norms = compiled(keras.optimizers.SGD(0.05, global_clipnorm=limit)), []
    for start in (0, 4, 8):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(X[start : start + 4], training=True) - Y[start : start + 4]))
        gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
        norms.append(float(tf.linalg.global_norm(gradients)))
        model.optimizer.apply(gradients, model.trainable_variables)
    return norms


@pytest.mark.parametrize(
    ("steps_per_execution", "scaled"),
    [(3, False), (1, True), pytest.param(1, False, marks=pytest.mark.slow)],
)
def test_the_norm_and_the_share_of_clipped_steps(steps_per_execution, scaled):
    limit = 4.0
    norms = manual_norms(limit)
    assert [norm > limit for norm in norms] == [True, True, False]
    optimizer = keras.optimizers.SGD(0.05, global_clipnorm=limit)
    if scaled:  # as mixed precision has it
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=1024.0)
    model = compiled(optimizer, steps_per_execution=steps_per_execution, run_eagerly=scaled)
    monitor = GradientMonitor()
    history = model.fit(X, Y, batch_size=4, epochs=1, shuffle=False, verbose=0, callbacks=[monitor]).history

    assert history["gradient_norm"] == pytest.approx([np.mean(norms)], rel=1e-4)
    assert history["gradient_norm_largest"] == pytest.approx([max(norms)], rel=1e-4)
    assert history["clipped_share"] == pytest.approx([np.mean(np.array(norms) > limit)])
    assert monitor.steps == 3 and monitor.exploded_at is None and monitor.nonfinite_at is None


@pytest.mark.parametrize(("clip", "share"), [({"clipnorm": 1e-9}, 1), ({"clipvalue": 1e9}, 0), ({}, None)])
def test_other_ways_of_clipping(clip, share):
    model = compiled(keras.optimizers.SGD(0.01, **clip), run_eagerly=True)
    history = model.fit(X, Y, verbose=0, callbacks=[GradientMonitor()]).history
    assert history.get("clipped_share") == (None if share is None else [share])


def test_it_changes_neither_the_training_nor_the_optimizer():
    plain, model = (compiled(keras.optimizers.Adam(0.01, global_clipnorm=1.0)) for _ in range(2))
    plain.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    model.fit(X, Y, batch_size=4, epochs=1, shuffle=False, verbose=0)  # traced before the monitor is there
    model.fit(X, Y, batch_size=4, epochs=1, shuffle=False, verbose=0, callbacks=[GradientMonitor()])
    for with_monitor, without in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(with_monitor, without, rtol=1e-6)
    assert "apply" not in vars(model.optimizer)


class Interrupting(keras.callbacks.Callback):
    """Ctrl-C after a batch."""

    def on_train_batch_end(self, batch, logs=None):
        raise KeyboardInterrupt


def test_after_an_interrupted_fit_each_monitor_counts_each_step_once():
    model, monitors = compiled("sgd", run_eagerly=True), [GradientMonitor(), GradientMonitor()]
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=4, verbose=0, callbacks=[*monitors, Interrupting()])
    model.fit(X, Y, batch_size=4, verbose=0, callbacks=monitors)

    assert [monitor.steps for monitor in monitors] == [3, 3]
    assert monitors[0].sum_of_norms == monitors[1].sum_of_norms > 0
    assert "apply" not in vars(model.optimizer)


def test_flows_are_saved_for_a_training_that_resumes(tmp_path):
    model, flows, without_file = compiled("sgd", run_eagerly=True), [], None
    for epochs_done in (0, 2):
        monitor = GradientMonitor(probe=X[:3], flow_file=tmp_path / "flows.npz")
        without_file = GradientMonitor(probe=X[:3])
        flows.append(monitor.flows)
        callbacks = [monitor, *([without_file] if epochs_done else [])]
        model.fit(X, Y, epochs=epochs_done + 2, initial_epoch=epochs_done, verbose=0, callbacks=callbacks)

    assert [[epoch for epoch, _ in some] for some in flows] == [[0, 1, 2], [0, 1, 2, 3, 4]]
    assert [epoch for epoch, _ in without_file.flows] == [2, 3, 4]
    for (_, before), (_, again) in zip(*flows, strict=False):
        np.testing.assert_allclose(again.state, before.state, rtol=1e-6)
        assert (again.name, list(again.per_example)) == (before.name, list(before.per_example))


def test_it_reports_at_which_step_an_explosion_began():
    """The fourth step's targets are a million times as large, the fifth's infinite."""
    targets = Y.copy()
    targets[6:8] *= 1e6
    targets[8:10] = np.inf
    printed = []
    monitor = GradientMonitor(print_fn=printed.append)
    compiled(keras.optimizers.SGD(0.1), run_eagerly=True).fit(
        X, targets, batch_size=2, epochs=1, shuffle=False, verbose=0, callbacks=[monitor]
    )

    assert monitor.exploded_at == 4 and monitor.norm_at_explosion > 1e4
    assert monitor.nonfinite_at == 5
    assert printed[0].startswith("the gradients explode at step 4") and "not finite from step 5 on" in printed[1]


def test_tensorboard_gets_the_flow_by_lag(tmp_path):
    model = compiled(keras.optimizers.Adam(0.01, global_clipnorm=1.0), run_eagerly=True)
    monitor = GradientMonitor(tmp_path, X[:3])
    history = model.fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[monitor]).history
    events = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0})
    events.Reload()

    tags = set(events.Tags()["tensors"])
    assert {"gradients/gradient_norm", "gradients/clipped_share", "gradient_flow_hidden_state/lag_0004"} <= tags
    lag_one = [float(tf.make_ndarray(event.tensor_proto)) for event in events.Tensors("gradient_flow_inputs/lag_0001")]
    assert [epoch for epoch, _ in monitor.flows] == [0, 1, 2]
    np.testing.assert_allclose(lag_one, [flow.inputs[1] for _, flow in monitor.flows], rtol=1e-5)
    assert history["gradient_half_life"] == pytest.approx([flow.half_life for _, flow in monitor.flows[1:]])
