"""Processes that one has started end with it."""

import os
import subprocess
import sys
import time

import pytest

CHILD = "from rnn_keras.utils.processes import end_with_parent; end_with_parent(); import time; {}time.sleep(60)"
DEAF = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "import rnn_keras.utils.processes as p; p.PATIENCE = 0.5; "
)
PARENT = """
import os, subprocess, sys, time
from rnn_keras.utils.processes import make_child_environment
print(subprocess.Popen([sys.executable, "-c", sys.argv[1]], env=os.environ | make_child_environment()).pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("child", [CHILD.format(""), CHILD.format(DEAF)])
def test_a_process_ends_after_its_parent_was_killed(child):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, child], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    time.sleep(0.5)
    os.kill(pid, 0)  # it is there
    parent.kill()
    parent.wait()
    # Its output is the parent's pipe, which ends when nobody has it any more.
    started = time.monotonic()
    parent.stdout.read()
    assert time.monotonic() - started < 30
    with pytest.raises(ProcessLookupError):
        while time.monotonic() - started < 30:
            os.kill(pid, 0)
            time.sleep(0.1)
