"""A saved model of an app in a process of its own, as the app's README promises."""

import subprocess
import sys

PROGRAM = """
import sys, keras, numpy as np, tensorflow as tf
try:
    keras.models.load_model(sys.argv[1])
except Exception as error:
    assert {module!r} in str(error), error
else:
    raise AssertionError("loaded without the import")
import {module}
model = keras.models.load_model(sys.argv[1])
{use}
"""


def load_in_a_new_process(module, run_dir, use, *arguments):
    """What a program prints that needs one import, and is told which, to load the model of a run.

    Args:
        module: what must be imported.
        run_dir: the run's directory.
        use: Python code with the `model`, which prints; its arguments are `sys.argv[2:]`.
    """
    program = PROGRAM.format(module=module, use=use)
    line = [sys.executable, "-c", program, str(run_dir / "model.keras"), *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return done.stdout.strip()
