"""A search in several processes: KerasTuner's chief hands out the trials, its workers run them.

On one machine `--workers N` starts the workers and restarts those that die. On several machines, each runs the same
command with its `--run-dir` in a directory that all share, and with KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT set
to the chief's address, and KERASTUNER_TUNER_ID to `chief` on one and to a name of its own on every other.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from keras_tuner.src import protos  # not public, but KerasTuner's own way to start a chief cannot end in time
from keras_tuner.src.distribute.oracle_chief import OracleServicer

from rnn_keras.tuning.heartbeat import INTERVAL, HeartbeatMonitor
from rnn_keras.tuning.progress import Progress
from rnn_keras.tuning.search import Search
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.processes import find_module_name, make_child_environment, split_cores

MAX_STARTS = 3  # of a worker that dies without having ended a trial in between
STOP_SECONDS = 10.0  # that a worker has to end by itself
MACHINE_FAULT = os.EX_TEMPFAIL  # the exit status of a worker after a fault of the machine; see `MachineFault`


def get_role() -> str | None:
    """`"chief"` or `"worker"`, from the environment; None: it has no address of a chief.

    Raises:
        UserError: only some of the three variables are set.
    """
    if "KERASTUNER_ORACLE_IP" not in os.environ:
        return None
    for name in ("KERASTUNER_ORACLE_PORT", "KERASTUNER_TUNER_ID"):
        if name not in os.environ:
            raise UserError(f"KERASTUNER_ORACLE_IP is set, but {name} is not; set all three, or none of them")
    return "chief" if "chief" in os.environ["KERASTUNER_TUNER_ID"] else "worker"


def read_chief_address() -> tuple[str, int]:
    """Host and port of the chief, from the environment.

    Raises:
        UserError: they are not an address.
    """
    host, port = os.environ["KERASTUNER_ORACLE_IP"], os.environ["KERASTUNER_ORACLE_PORT"]
    try:
        socket.getaddrinfo(host, int(port))
    except (OSError, ValueError) as error:
        raise UserError(
            f"KERASTUNER_ORACLE_IP {host} with KERASTUNER_ORACLE_PORT {port} is not an address; expected the name of a "
            "machine and the number of a port"
        ) from error
    return host, int(port)


def make_worker_command(app: object) -> list[str]:
    """The command line that starts a worker for this app; the search's directory is still to be added.

    Raises:
        UserError: the app's class cannot be imported.
    """
    return [sys.executable, "-m", "rnn_keras.tuning.worker", find_module_name(app), type(app).__qualname__]


class WorkerProcess:
    """A process of this machine that runs trials, on cores of its own, and is restarted when it dies.

    Args:
        number: from 1.
        command: starts it.
        address: of the chief.
        log: the file of its output.
        cores: that it may use; empty: all.
    """

    def __init__(self, number: int, command: Sequence[str], address: tuple[str, int], log: Path, cores: set[int]):
        self.tuner_id = f"worker{number}"
        self.command, self.log, self.cores = command, log, cores
        self.environment = (
            os.environ
            | make_child_environment()
            | {
                "KERASTUNER_TUNER_ID": self.tuner_id,
                "KERASTUNER_ORACLE_IP": address[0],
                "KERASTUNER_ORACLE_PORT": str(address[1]),
            }
        )
        self.starts = 0
        self.ended_trials = -1
        self.start()

    def start(self) -> None:
        """Starts the process."""
        self.starts += 1
        self.is_new = True
        with self.log.open("ab") as log:
            self.log_start = log.tell()
            self.process = subprocess.Popen(self.command, env=self.environment, stdout=log, stderr=log)
        if self.cores:  # before TensorFlow is imported, which starts as many threads as there are cores
            with contextlib.suppress(OSError):
                os.sched_setaffinity(self.process.pid, self.cores)

    def keep_running(self, ended_trials: int, show: Callable[[str], None]) -> bool:
        """Restarts the process if it died; returns False where it has finished, or dies again and again.

        Args:
            ended_trials: how many trials of the search have ended, by which progress is measured.
            show: prints a line.

        Raises:
            UserError: the machine has a fault, such as a full disk, which a restart would not mend.
        """
        status = self.process.poll()
        if status is None:
            return True
        if status == 0:
            return False
        if status == MACHINE_FAULT:
            raise UserError(self.read_last_line().removeprefix("error: "))
        if ended_trials > self.ended_trials:
            self.starts, self.ended_trials = 0, ended_trials
        if self.starts >= MAX_STARTS:
            show(f"{self.tuner_id} died {self.starts} times while no trial ended, and is not restarted; see {self.log}")
            return False
        show(f"{self.tuner_id} ended with exit status {status}; it is restarted and resumes its trial")
        self.start()  # under its old name, by which the oracle knows its trial
        return True

    def read_last_line(self) -> str:
        """The last line of what the process has printed, an error if there is one."""
        lines = self.log.read_bytes()[self.log_start :].decode("utf-8", "replace").strip().splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        return (errors or lines or ["(empty)"])[-1]

    def stop(self) -> None:
        """Ends the process, by force after 10 seconds."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def run_chief(
    search: Search,
    workers: int,
    command: Sequence[str],
    address: tuple[str, int] | None,
    timeout: float,
    progress: Progress,
) -> None:
    """Hands out trials until there are no more, to workers of this machine or, with none, of others.

    Args:
        search: its oracle is in this process.
        workers: processes to start here.
        command: starts one.
        address: where to listen; None: at a free port, for this machine alone.
        timeout: seconds without a heartbeat of a worker after which its trial is marked as failed.
        progress: reports the trials to the user.

    Raises:
        UserError: the address is not available, no worker of this machine is left, or no worker of another sends a
            heartbeat.
    """
    oracle, directory = search.oracle, Path(search.project_dir)
    assert oracle.max_trials is not None
    max_trials = oracle.max_trials
    servicer = OracleServicer(oracle)
    server = grpc.server(ThreadPoolExecutor(max_workers=1), options=[("grpc.so_reuseport", 0)])
    protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
    host, port = address or ("127.0.0.1", 0)
    try:
        port = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise UserError(f"cannot listen at {host}, port {port}; set KERASTUNER_ORACLE_PORT to a free one") from error
    server.start()
    if not workers:
        progress.show(f"waiting for workers at {host}, port {port}")
    logs = directory / "workers"
    logs.mkdir(exist_ok=True)
    processes = [
        WorkerProcess(number, command, (host, port), logs / f"{number}.txt", cores)
        for number, cores in enumerate(split_cores(workers), 1)
    ]
    monitor = HeartbeatMonitor(oracle, directory, timeout, progress)

    def is_over() -> bool:
        return servicer.stop_triggered or len(oracle.end_order) >= max_trials

    ended_at = None
    try:
        while True:
            monitor.read_heartbeats()
            for worker in processes:
                if worker.process.poll() is None and monitor.is_silent(worker.tuner_id):  # it is stopped, for example
                    progress.show(f"{worker.tuner_id} has sent no heartbeat for {timeout:.0f} s and is killed")
                    worker.process.kill()
                    worker.process.wait()
            running = [worker for worker in processes if worker.keep_running(len(oracle.end_order), progress.show)]
            for worker in running:
                if worker.is_new:  # its own heartbeats count alone
                    monitor.forget(worker.tuner_id)
                    worker.is_new = False
            monitor.update()
            if error := getattr(oracle, "write_error", None):
                raise UserError(f"{error}; the same command resumes the search") from error
            if workers and not running:
                break
            if is_over() and not oracle.ongoing_trials:
                # Workers that are alive ask once more, and get the answer that nothing is left.
                ended_at = monitor.now if ended_at is None else ended_at
                patience = 3 * INTERVAL
                if not monitor.any_alive(patience) if not workers else monitor.now - ended_at > patience:
                    break
            elif not workers and monitor.heartbeats and not monitor.any_alive(timeout):
                raise UserError(
                    f"no worker has sent a heartbeat for {timeout:.0f} s, and {len(oracle.end_order)} of "
                    f"{max_trials} trials have ended; the same commands resume the search"
                )
            time.sleep(0.2)
    finally:
        for worker in processes:
            worker.stop()
        server.stop(grace=1).wait()
    if workers and not is_over():
        raise UserError(
            f"no worker is left, and {len(oracle.end_order)} trials have ended; the last line of the first one's log "
            f"is: {processes[0].read_last_line()}; the same command resumes the search"
        )
