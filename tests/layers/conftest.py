"""Every test starts from the same random state and leaves the Keras-wide dtype policy as it found it."""

import keras
import pytest


@pytest.fixture(autouse=True)
def fresh_keras():
    policy = keras.config.dtype_policy()
    keras.utils.set_random_seed(1234)
    yield
    keras.config.set_dtype_policy(policy)
