"""How much memory this process may still take, so that data which need more are refused before they are read."""

from pathlib import Path

from rnn_keras.utils.errors import UserError

# The limit and the use of a container, by version 2 and 1 of Linux's control groups. The copies of files on the disk
# count as used there, and are given up where memory is needed.
CGROUPS = (
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current", ("active_file", "inactive_file")),
    (
        *(Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
        ("total_active_file", "total_inactive_file"),
    ),
)


def measure_free_memory() -> int | None:
    """Bytes that can still be taken on this machine or in this container; None: the system does not tell."""
    found = []
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                found.append(int(line.split()[1]) * 1024)
    except (OSError, ValueError):
        pass
    for folder, limit, use, caches in CGROUPS:
        try:
            statistics = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            used = int((folder / use).read_text()) - sum(int(statistics[name]) for name in caches)
            found.append(max(0, int((folder / limit).read_text()) - used))
        except (OSError, ValueError, KeyError):  # there is no such file, or the limit is `max`
            continue
    return min(found, default=None)


def require_memory(size: int, what: str, advice: str) -> None:
    """Refuses what would need more memory than there is.

    Args:
        size: bytes that are needed.
        what: needs them, such as the name of a file.
        advice: what the user can do.

    Raises:
        UserError: so much is not free.
    """
    free = measure_free_memory()
    if free is not None and size > free:
        raise UserError(
            f"reading {what} needs {format_size(size)} of memory, and {format_size(free)} are free; {advice}"
        )


def format_size(size: float) -> str:
    """Bytes in kB, MB or GB.

    >>> format_size(389_000), format_size(4e8)
    ('389 kB', '400 MB')
    """
    for unit, factor in (("kB", 1e3), ("MB", 1e6)):
        if size < 999.5 * factor:
            return f"{size / factor:.0f} {unit}"
    return f"{size / 1e9:.1f} GB"
