"""Faults of the machine, a full disk and too little memory, whatever exception a library makes of them."""

import errno
import os

DISK_CODES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
MEMORY_CODES = (errno.ENOMEM,)
OUT_OF_MEMORY = "out of memory"


def find_disk_fault(error: BaseException | str) -> str | None:
    """What the disk refused, such as `No space left on device`; None: the error is about something else.

    Args:
        error: the exception, whose causes count too, or the output of another process. TensorFlow, HDF5 and others
            have exceptions of their own, which quote the operating system.
    """
    if isinstance(error, str):
        codes = (*DISK_CODES, errno.EACCES)
        return next((os.strerror(code) for code in codes if os.strerror(code) in error), None)
    for one in _list_causes(error):
        if isinstance(one, OSError) and one.errno is not None:
            if one.errno in DISK_CODES:
                return os.strerror(one.errno)
        elif fault := find_disk_fault(str(one)):
            return fault
    return None


def find_memory_fault(error: BaseException) -> str | None:
    """`out of memory`, where an exception or one of its causes says that; None: it is about something else."""
    for one in _list_causes(error):
        names = [base.__name__ for base in type(one).__mro__]  # TensorFlow's, which is not imported for this
        if isinstance(one, MemoryError) or "ResourceExhaustedError" in names:
            return None if find_disk_fault(str(one)) else OUT_OF_MEMORY  # TensorFlow has one class for both
        if isinstance(one, OSError) and one.errno in MEMORY_CODES:
            return OUT_OF_MEMORY
    return None


def find_machine_fault(error: BaseException) -> str | None:
    """Of the disk or of the memory; None: another machine would fail in the same way."""
    return find_disk_fault(error) or find_memory_fault(error)


def _list_causes(error: BaseException) -> list[BaseException]:
    causes: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in causes:
        causes.append(one)
        one = one.__cause__
    return causes
