"""The one exception that stands for a user's mistake, and how to quote a library's exception in one line."""


class UserError(Exception):
    """Something that the user can mend: an unknown data set, a bad column, a damaged file, an unreachable host.

    The message is one clear sentence: what was given, what was expected, and what to do. The commands print it without
    a traceback and exit with code 2.

    Example:
        >>> raise UserError("runs/mine has no column 'text'; expected text,label in the first line of the file")
    """


def first_line(error: Exception) -> str:
    """The message of a library's exception in one line of at most 200 characters.

    TensorFlow's messages continue with its own calls, which tell a user nothing.
    """
    lines = str(getattr(error, "message", error)).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
