"""Diaries that several tests read."""

import numpy as np
import pytest

from apps.wardrobe.rules import generate_diaries


@pytest.fixture(scope="session")
def diaries():
    return generate_diaries(np.random.default_rng(5), 120, 28)
