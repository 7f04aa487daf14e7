"""What the processor of this machine can do."""

import functools


@functools.cache
def processor_flags() -> frozenset[str]:
    """The names of the processor's abilities, such as "avx2", as Linux lists them; empty on other systems."""
    try:
        with open("/proc/cpuinfo") as lines:
            return frozenset(next(line for line in lines if line.startswith("flags")).split(":", 1)[1].split())
    except (OSError, StopIteration):
        return frozenset()


def has_bfloat16_products() -> bool:
    """Whether the processor multiplies bfloat16 numbers, in vectors or in tiles."""
    return not processor_flags().isdisjoint({"avx512_bf16", "amx_bf16"})
