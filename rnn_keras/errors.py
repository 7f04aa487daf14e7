"""The one exception that stands for a user's mistake."""


class UserError(Exception):
    """Something the user can mend: an unknown data set, a bad column, a damaged file, an unreachable host.

    The message is one clear sentence: what came, what was expected, and what to do. The commands print it without a
    traceback and end with exit code 2.
    """
