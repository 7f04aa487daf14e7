"""A socket for a server, or one clear sentence."""

import socket

from rnn_keras.utils.errors import UserError


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        UserError: the address is not one of this machine, or the port is not free.
    """
    if not 0 <= port <= 65535:
        raise UserError(f"the port must be from 0 to 65535, not {port}")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise UserError(
            f"cannot listen on {host}, port {port}: {error.strerror or error}; name another with --port or --host, or "
            "end the process that uses it"
        ) from error
