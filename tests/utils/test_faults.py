"""What is the machine's fault, whatever library reports it."""

import errno
import os

import pytest
import tensorflow as tf

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.faults import find_disk_fault, find_machine_fault, find_memory_fault
from rnn_keras.utils.files import make_write_error

FULL = os.strerror(errno.ENOSPC)


def raise_from(error, cause):
    try:
        raise error from cause
    except Exception as raised:
        return raised


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (OSError(errno.ENOSPC, FULL), FULL),
        (OSError(errno.EFBIG, "File too large"), "File too large"),
        (OSError(errno.ENOENT, f"{FULL}.txt"), None),  # the name of a file
        (tf.errors.ResourceExhaustedError(None, None, f"x; {FULL}"), FULL),
        (tf.errors.PermissionDeniedError(None, None, "x; Permission denied"), "Permission denied"),
        (RuntimeError(f"Unable to write (errno = 28, error message = '{FULL}')"), FULL),
        (raise_from(make_write_error("x", "?"), OSError(errno.EROFS, "")), os.strerror(errno.EROFS)),
        (tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"), "out of memory"),
        (MemoryError(), "out of memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out of memory"),
        (raise_from(ValueError("a layer"), MemoryError()), "out of memory"),
        (ValueError("no such layer"), None),
        (UserError("no such file"), None),
        (KeyError("x"), None),
    ],
)
def test_a_fault_is_found_in_an_exception_and_its_causes(error, fault):
    assert find_machine_fault(error) == fault
    if fault == "out of memory":
        assert find_memory_fault(error) == fault and find_disk_fault(error) is None
    else:
        assert find_disk_fault(error) == fault and find_memory_fault(error) is None


def test_a_fault_is_found_in_what_a_process_printed():
    assert find_disk_fault(f"Traceback\nOSError: [Errno 28] {FULL}\n") == FULL
    assert find_disk_fault("ValueError: no such file") is None
