"""Several processes on this machine that train one model, as several machines would."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import read_object
from rnn_keras.utils.processes import find_free_ports, find_module_name, make_child_environment, split_cores
from rnn_keras.utils.terminal import console

GRACE_SECONDS = 60.0  # in which the other processes stop by themselves after one was lost


def train_in_processes(
    app: object, arguments: Sequence[str], number: int, run: RunDirectory, as_json: bool
) -> dict[str, Any]:
    """Runs a command line of an app in several processes with a TF_CONFIG each, and waits for all.

    The first process prints; the output of the others is in `<run>/workers/`.

    Args:
        app: the app.
        arguments: `train` and its flags, without those that start processes.
        number: of processes.
        run: the directory of the run.
        as_json: whether the first process must leave standard output free.

    Returns:
        What `metrics.json` holds, and the directory as `run_dir`.

    Raises:
        UserError: a process failed.
    """
    addresses = [f"127.0.0.1:{port}" for port in find_free_ports(number)]
    command = [sys.executable, "-m", find_module_name(app), *arguments, "--strategy", "multi_worker"]
    run.mark()
    run.workers.mkdir(exist_ok=True)
    processes: list[subprocess.Popen[bytes]] = []
    with contextlib.ExitStack() as files:
        for rank, cores in enumerate(split_cores(number)):
            task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": rank}}
            if rank:
                out = errors = files.enter_context((run.workers / f"{rank}.txt").open("wb"))
            else:
                out, errors = (sys.stderr.fileno() if as_json else None), None
            environment = os.environ | make_child_environment() | {"TF_CONFIG": json.dumps(task)}
            process = subprocess.Popen(command, env=environment, stdout=out, stderr=errors)
            processes.append(process)
            if cores:  # before TensorFlow is imported, which starts as many threads as there are cores
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(process.pid, cores)
        try:
            wait_for_exit(processes)
        finally:
            stop_processes(processes)
    failed = [rank for rank, process in enumerate(processes) if process.returncode]
    if failed:
        statuses = ", ".join(f"{rank} (exit status {processes[rank].returncode})" for rank in failed)
        raise UserError(
            f"of {number} processes, these failed: {statuses}; their output is above and in {run.workers}; unless it "
            "says otherwise, the same command resumes after the last finished epoch"
        )
    return {**read_object(run.metrics), "run_dir": str(run.path)}


def wait_for_exit(processes: list[subprocess.Popen[bytes]]) -> None:
    """Waits until all have ended, or one has failed and the others have had 60 seconds to stop by themselves."""
    failed_at = None
    while any(process.poll() is None for process in processes):
        if failed_at is None and any(process.returncode for process in processes):
            failed_at = time.monotonic()
            console.print(f"a process was lost; the others stop within {GRACE_SECONDS:.0f} seconds")
        if failed_at is not None and time.monotonic() - failed_at > GRACE_SECONDS:
            return
        time.sleep(0.2)


def stop_processes(processes: list[subprocess.Popen[bytes]]) -> None:
    """Ends the processes that still run, by force after 10 seconds."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
