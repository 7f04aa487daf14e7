"""Standard input, output and error as they may come: closed from the start, or with a reader that leaves."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import NoReturn

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.faults import find_memory_fault

READER_LEFT = 128 + signal.SIGPIPE  # the exit status of other programs whose reader has left, such as `head`


def open_standard_streams() -> None:
    """Connects closed streams, as after `2>&-`, to the null device.

    Otherwise the next file that is opened would get the number of the closed one, and the warnings of C++ libraries
    would be written into it.
    """
    for number, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            os.dup2(opened, number)
            if opened != number:
                os.close(opened)
            os.set_inheritable(number, True)
        if number and getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, for as long as the process runs


@contextlib.contextmanager
def end_with_a_sentence() -> Iterator[None]:
    """Turns what ends a command into a sentence on standard error and an exit status: 2 on a user's mistake.

    Raises:
        SystemExit: the block has ended by itself, or a user's mistake, Ctrl-C, a fault of the machine or a reader of
            standard output that left has ended it.
    """
    try:
        yield
        sys.stdout.flush()
    except SystemExit:  # after --help
        _flush()
        raise
    except UserError as error:
        _exit(2, f"error: {error}")
    except KeyboardInterrupt:
        _exit(
            130,
            "interrupted; the same command resumes after the last finished epoch of a training, and with --finish it "
            "takes the best epoch so far",
        )
    except BrokenPipeError:
        _exit(READER_LEFT)
    except OSError as error:  # such as standard output on a full disk
        _exit(2, f"error: {error}")
    except Exception as error:
        fault = find_memory_fault(error)
        if fault is None:
            raise
        _exit(2, f"error: {fault}; end other programs, or make the batches or the model smaller")


def _exit(status: int, sentence: str = "") -> NoReturn:
    if sentence:
        with contextlib.suppress(OSError):  # nobody reads it, or the disk is full
            print(sentence, file=sys.stderr, flush=True)
    _flush()
    sys.exit(status)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # at the end Python would try again, and print a traceback
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
