"""Read by Python at the start of the tests' child processes; see tests/conftest.py."""

import atexit
import gc

gc.set_threshold(200_000, 20, 100)
atexit.register(gc.freeze)
