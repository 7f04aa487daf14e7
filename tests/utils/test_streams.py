"""Commands whose standard output or error is closed, has a reader that leaves, or is on a full disk."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.streams import READER_LEFT, end_with_a_sentence

PROGRAM = """
import os, sys
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.streams import end_with_a_sentence, open_standard_streams
open_standard_streams()
with open(sys.argv[1], "w") as file, end_with_a_sentence():
    file.write(str(file.fileno()))
    os.write(2, b"a warning of C++")
    print("a warning", file=sys.stderr)
    for line in range(int(sys.argv[2])):
        print("line", line)
    if len(sys.argv) > 3:
        raise UserError("a mistake")
"""


def run(tmp_path, redirection, *arguments):
    """Runs the program in a shell; returns its status, what came through and the file that it wrote."""
    words = [sys.executable, "-c", '"$PROGRAM"', str(tmp_path / "file"), *map(str, arguments)]
    line = f"{{ {' '.join(words)} {redirection}; }}; exit ${{PIPESTATUS[0]}}"
    environment = os.environ | {"PROGRAM": PROGRAM, "PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=environment)
    return ended.returncode, ended.stdout, ended.stderr, (tmp_path / "file").read_text()


def test_with_closed_streams_no_other_file_gets_their_output(tmp_path):
    status, out, _, file = run(tmp_path, "2>&-", 1)
    assert (status, out) == (0, "line 0\n") and file.isdigit() and int(file) > 2
    status, _, err, file = run(tmp_path, ">&- <&-", 1)
    assert (status, err) == (0, "a warning of C++a warning\n") and int(file) > 2
    assert run(tmp_path, "2>&- >&-", 1, "mistake")[0] == 2


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_reader_that_leaves_ends_the_command_quietly(lines, tmp_path):
    """With little output the buffer is written at the end alone."""
    status, _, err, _ = run(tmp_path, "| true", lines)
    assert err == "a warning of C++a warning\n" and status in (READER_LEFT, 0)
    if lines > 1:
        assert status == READER_LEFT


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_output_on_a_full_disk_is_one_sentence(tmp_path):
    for lines in (1, 100_000):
        status, _, err, _ = run(tmp_path, ">/dev/full", lines)
        assert status == 2 and err.splitlines()[-1] == "error: [Errno 28] No space left on device"
    assert run(tmp_path, "2>/dev/full", 1, "mistake")[0] == 2


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (UserError("no such file"), 2, "error: no such file"),
        (KeyboardInterrupt(), 130, "interrupted; the same command resumes"),
        (BrokenPipeError(), READER_LEFT, ""),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "error: [Errno 28] No space left on device"),
        (MemoryError(), 2, "error: out of memory; end other programs"),
        (tf.errors.ResourceExhaustedError(None, None, "OOM when allocating"), 2, "error: out of memory; end other"),
    ],
)
def test_what_ends_a_command_is_a_sentence_and_a_status(error, status, sentence, capsys):
    with pytest.raises(SystemExit) as ended, end_with_a_sentence():
        raise error
    err = capsys.readouterr().err
    assert ended.value.code == status and err.startswith(sentence) and err.count("\n") == bool(sentence)


def test_a_fault_of_the_program_keeps_its_traceback():
    with pytest.raises(ValueError, match="a fault"), end_with_a_sentence():
        raise ValueError("a fault")
