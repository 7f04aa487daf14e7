"""What a server accepts: how large requests may be, how many it keeps at once, and how long it waits."""

from dataclasses import dataclass, fields

from rnn_keras.utils.errors import UserError


@dataclass(frozen=True)
class Limits:
    """The limits of a server. All but those of time are checked before anything is unpacked or computed."""

    max_bytes: int = 10 * 2**20
    """The longest body of a request, also after it was decompressed; a longer one is refused."""
    max_instances: int = 10_000
    """The most instances in a request."""
    max_values: int = 1_000_000
    """The most numbers or strings in a request or in its answer."""
    max_length: int = 65_536
    """The longest instance: bytes of a text, or the sizes of its open dimensions multiplied."""
    max_pixels: int = 2**24
    """The largest image: width times height, and times the number of frames."""
    max_connections: int = 1000
    """The most connections; beyond it, the one that has been silent longest is closed for a new one."""
    max_requests: int = 512
    """The most requests that wait for the model; beyond it, requests are answered with status 503."""
    receive_timeout: float = 20.0
    """Seconds that a client has to send a request, of which its first 10 are for the headers."""
    request_timeout: float = 60.0
    """Seconds after which a request that is not computed yet is answered with status 503."""
    idle_timeout: float = 60.0
    """Seconds after which a connection without a request is closed; the first request has 10 seconds."""
    drain_timeout: float = 8.0
    """Seconds that requests have to finish when the server ends; afterwards they are answered with status 503."""

    def __post_init__(self) -> None:
        """Refuses limits that would refuse everything.

        Raises:
            UserError: a limit is not above 0.
        """
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                flag = field.name.replace("_", "-")
                raise UserError(f"--{flag} is {getattr(self, field.name)}; it must be above 0")

    @property
    def max_held_bytes(self) -> int:
        """The most bytes of long bodies that requests in progress hold together."""
        return max(64 * 2**20, 2 * self.max_bytes)

    @property
    def header_timeout(self) -> float:
        """Seconds that a client has to send a request's headers."""
        return min(10.0, self.receive_timeout)


MAX_HEADER_BYTES = 32 * 2**10  # after the first packet of a request
SMALL_BODY = 4 * 2**10  # bytes; longer bodies, and all compressed ones, do not hold up the event loop
LONG_BODY = 2**17  # bytes; these are parsed in a thread of their own, one at a time, and held in memory up to a limit
