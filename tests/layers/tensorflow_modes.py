"""A pytest plugin for a child process: TensorFlow in the mode that the variable TENSORFLOW_MODE names."""

import os
import unittest

import keras.src.trainers.trainer as keras_trainer
import tensorflow as tf

MODES = ("plain", "functions run eagerly", "check numerics", "jit compile", "mirrored")
MODE = os.environ.get("TENSORFLOW_MODE", "plain")


def pytest_configure(config):
    assert MODE in MODES
    if MODE == "functions run eagerly":
        tf.config.run_functions_eagerly(True)
    elif MODE == "check numerics":
        tf.debugging.enable_check_numerics()
    elif MODE == "jit compile":
        # What jit_compile="auto", the default, does on a GPU.
        keras_trainer.resolve_auto_jit_compile = keras_trainer.model_supports_jit
    elif MODE == "mirrored":
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        run_within(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))


def run_within(strategy):
    """Runs each test's method in the strategy's scope; not its set-up, in which Keras's tests leave every scope."""
    original = unittest.TestCase._callTestMethod

    def call(self, method):
        with strategy.scope():
            original(self, method)

    unittest.TestCase._callTestMethod = call
