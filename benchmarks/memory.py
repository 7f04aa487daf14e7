"""The peak memory of one training step, measured in a process of its own.

`python -m benchmarks.memory --family LSTM --candidate rnn_keras --time 2000` prints the bytes.
"""

import ctypes
import os

import tyro

from benchmarks.candidates import Size, make_candidates
from benchmarks.processes import run_module

BATCH, FEATURES, UNITS = 32, 64, 64
MEASURED_STEPS = 3


def peak_bytes(family: str, candidate: str, time: int, threads: int = 2) -> int:
    """Bytes that a training step of `(32, time, 64)` -> `(32, time, 64)` allocates at its peak.

    Raises:
        RuntimeError: the process that measures it fails.
    """
    arguments = ["--family", family, "--candidate", candidate, "--time", str(time), "--threads", str(threads)]
    return int(run_module("benchmarks.memory", *arguments).split()[-1])


def main(family: str, candidate: str, time: int, threads: int = 2) -> None:
    """Print the bytes. On Linux alone, whose kernel records the peak.

    Args:
        family: LSTM, GRU or SimpleRNN.
        candidate: rnn_keras, "keras graph", "keras XLA" or torch.
        time: Number of steps.
        threads: Threads of torch.
    """
    size = Size(BATCH, time, FEATURES, UNITS)
    step = make_candidates(family, size, False, threads, names=(candidate,))[candidate]["training"]
    # What is freed is returned at once (M_MMAP_THRESHOLD): what the allocator keeps would differ twofold between runs.
    libc = ctypes.CDLL("libc.so.6")
    libc.mallopt(-3, 2**17)
    step()  # tracing and compiling are not measured
    step()
    peaks = []
    for _ in range(MEASURED_STEPS):
        # Memory that the allocator has not returned after the steps before would hide what the next one needs.
        libc.malloc_trim(0)
        with open("/proc/self/clear_refs", "w") as counters:
            counters.write("5")  # resets the peak to the present value
        before = read_status("VmHWM")
        step()
        peaks.append(read_status("VmHWM") - before)
    print(max(peaks))


def read_status(field: str) -> int:
    """Bytes of a field of /proc/self/status."""
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


if __name__ == "__main__":
    from rnn_keras.utils.tf_logging import quiet_tensorflow

    # Where the processor has AVX-512's 8- or 16-bit products, TensorFlow turns oneDNN on, and with it an allocator that
    # keeps what is freed in pools: the kernel would record no peak.
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    quiet_tensorflow()
    tyro.cli(main)
