"""The one exception that stands for a user's mistake, and what it quotes of others."""


class UserError(Exception):
    """Something the user can mend: an unknown data set, a bad column, a damaged file, an unreachable host.

    The message is one clear sentence: what came, what was expected, and what to do. The commands print it without a
    traceback and end with exit code 2.
    """


def first_line(error: Exception) -> str:
    """What an exception of a library says, in one line: TensorFlow's go on with its own calls."""
    lines = str(getattr(error, "message", error)).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
