"""Several processes at one search: KerasTuner's chief hands out the trials, its workers run them.

On one machine `--workers N` starts and watches them. On several, each runs the same command on a shared folder, with
KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT set to the chief's address, and KERASTUNER_TUNER_ID to `chief` on one
and to a name of its own on every other.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from keras_tuner.src import protos  # not public, and needed: KerasTuner's own start of the chief cannot end in time
from keras_tuner.src.distribute.oracle_chief import OracleServicer

from rnn_keras.tuning.progress import Progress
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.processes import child_environment, module_of, shares

BEAT = 5.0  # seconds between two signs of life of a worker
STARTS = 3  # of a worker that dies without having ended a trial in between


def role() -> str | None:
    """`"chief"`, `"worker"`, or None where the environment names no address of a chief."""
    if "KERASTUNER_ORACLE_IP" not in os.environ:
        return None
    for name in ("KERASTUNER_ORACLE_PORT", "KERASTUNER_TUNER_ID"):
        if name not in os.environ:
            raise UserError(f"KERASTUNER_ORACLE_IP is set, but {name} is not; set all three, or none of them")
    return "chief" if "chief" in os.environ["KERASTUNER_TUNER_ID"] else "worker"


@contextlib.contextmanager
def signs_of_life(directory: Path, tuner_id: str) -> Iterator[None]:
    """While it lasts, a file of the search's folder says that this worker lives."""
    ended = threading.Event()
    file = directory / f"{tuner_id}.alive"

    def beat():
        while not ended.wait(BEAT):
            file.touch()

    file.touch()
    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        file.unlink(missing_ok=True)


class Worker:
    """A process of this machine that runs trials, on cores of its own, and is started anew where it dies."""

    def __init__(self, number: int, command: list[str], address: tuple[str, int], log: Path, cores: set[int]):
        self.tuner_id = f"worker{number}"
        self.command, self.log, self.cores = command, log, cores
        self.environment = (
            os.environ
            | child_environment()
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
        self.starts += 1
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, env=self.environment, stdout=log, stderr=log)
        if self.cores:  # before TensorFlow is imported, which takes as many threads as there are cores
            with contextlib.suppress(OSError):
                os.sched_setaffinity(self.process.pid, self.cores)

    def mend(self, ended_trials: int, tell: Callable[[str], None]) -> bool:
        """Starts it anew if it died; False where that is of no use any more, or it is done."""
        status = self.process.poll()
        if status is None:
            return True
        if status == 0:
            return False
        if ended_trials > self.ended_trials:
            self.starts, self.ended_trials = 0, ended_trials
        if self.starts >= STARTS:
            tell(f"{self.tuner_id} ended {self.starts} times without ending a trial and is given up; see {self.log}")
            return False
        tell(f"{self.tuner_id} ended with exit status {status}; it is started anew and goes on with its trial")
        self.start()  # under its old name, by which the oracle knows its trial
        return True

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def lead(
    search,
    workers: int,
    command: list[str],
    address: tuple[str, int] | None,
    timeout: float,
    progress: Progress,
) -> None:
    """The chief: hands out trials until there are no more, to workers of this machine or, with none, of others.

    Args:
        search: a `Search` with an oracle of its own.
        workers: processes to start here.
        command: starts one.
        address: where to listen; None: at a free port of this machine alone.
        timeout: seconds without a sign of life after which a worker's trial is marked as failed.
        progress: what tells the user.

    Raises:
        UserError: the address cannot be had, or no worker is left, or heard of.
    """
    oracle, directory, tell = search.oracle, Path(search.project_dir), progress.tell
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
        tell(f"waiting for workers at {host}, port {port}")
    logs = directory / "workers"
    logs.mkdir(exist_ok=True)
    started = [
        Worker(number, command, (host, port), logs / f"{number}.txt", cores)
        for number, cores in enumerate(shares(workers), 1)
    ]
    watch = Watch(oracle, directory, timeout, progress)
    try:
        while True:
            alive = [worker for worker in started if worker.mend(len(oracle.end_order), tell)]
            watch.look()
            if workers and not alive:
                break
            if not workers:
                over = servicer.stop_triggered or len(oracle.end_order) >= oracle.max_trials
                # Those that live ask once more, and are told that there is nothing left.
                if over and not oracle.ongoing_trials:
                    if not watch.alive(3 * BEAT):
                        break
                elif watch.heard and not watch.alive(timeout):
                    raise UserError(
                        f"no worker was heard of for {timeout:.0f} s, and {len(oracle.end_order)} of "
                        f"{oracle.max_trials} trials have ended; the same commands go on"
                    )
            time.sleep(0.2)
    finally:
        for worker in started:
            worker.stop()
        server.stop(grace=1).wait()
    if any(worker.process.returncode for worker in started) and not servicer.stop_triggered:
        lines = started[0].log.read_text(errors="replace").strip().splitlines()
        raise UserError(
            f"no worker is left, and {len(oracle.end_order)} trials have ended; the last words of the first were: "
            f"{lines[-1] if lines else 'none'}; the same command goes on"
        )


class Watch:
    """Tells of trials as they begin and end, and gives up those whose worker is not heard of any more."""

    def __init__(self, oracle, directory: Path, timeout: float, progress: Progress):
        self.oracle, self.directory, self.timeout, self.progress = oracle, directory, timeout, progress
        self.heard: dict[str, tuple[float, float]] = {}  # the file's time, and ours when it was last another
        self.begun, self.ended = set(oracle.end_order), set(oracle.end_order)

    def look(self) -> None:
        now = time.monotonic()
        for file in self.directory.glob("*.alive"):
            with contextlib.suppress(OSError):  # removed meanwhile
                written = file.stat().st_mtime
                if self.heard.get(file.stem, (None, now))[0] != written:
                    self.heard[file.stem] = (written, now)
        for tuner_id, trial in list(self.oracle.ongoing_trials.items()):
            if trial.trial_id not in self.begun:
                self.begun.add(trial.trial_id)
                self.progress.begin(trial)
            if now - self.heard.setdefault(tuner_id, (0.0, now))[1] > self.timeout:
                trial.status = "FAILED"
                trial.message = f"its worker, {tuner_id}, was not heard of for {self.timeout:.0f} s"
                self.oracle.tuner_ids.discard(tuner_id)
                self.oracle.end_trial(trial)
        for trial_id in list(self.oracle.end_order):
            if trial_id not in self.ended:
                self.ended.add(trial_id)
                self.progress.end(self.oracle.trials[trial_id])

    def alive(self, within: float) -> bool:
        """Whether a worker that has not left gave a sign of life in the last seconds."""
        now = time.monotonic()
        return any(
            now - seen <= within and (self.directory / f"{tuner_id}.alive").exists()
            for tuner_id, (_, seen) in self.heard.items()
        )


def worker_command(app) -> list[str]:
    """What starts a worker for this app, without the folder; UserError where the app's class cannot be imported."""
    return [sys.executable, "-m", "rnn_keras.tuning.worker", module_of(app), type(app).__qualname__]


def address_in_environment() -> tuple[str, int]:
    host, port = os.environ["KERASTUNER_ORACLE_IP"], os.environ["KERASTUNER_ORACLE_PORT"]
    try:
        socket.getaddrinfo(host, int(port))
    except (OSError, ValueError) as error:
        raise UserError(f"KERASTUNER_ORACLE_IP {host} with KERASTUNER_ORACLE_PORT {port} is no address") from error
    return host, int(port)
