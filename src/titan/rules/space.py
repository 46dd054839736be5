"""When a disk counts as almost full, so that what runs still has room to finish."""

from typing import Final

LARGEST_SHARE: Final = 20  # of a small disk at most a twentieth is kept free, however much was asked for
RELIEF_PERCENT: Final = 110  # so much of the limit must be free again, or a disk at the limit would flap


def reserve_bytes(min_free_bytes: int, total_bytes: int) -> int:
    """Return how much of a disk of `total_bytes` is to stay free when `min_free_bytes` are asked for; 0 is nothing.

    512 MiB asked for are 512 MiB of 100 GiB, and 50 MiB of 1,000 MiB.
    """
    return min(min_free_bytes, total_bytes // LARGEST_SHARE)


def is_low(free_bytes: int, *, reserve_bytes: int, was_low: bool) -> bool:
    """Tell whether a disk is almost full: below its reserve, or having been so, not yet a tenth above it."""
    return free_bytes < (relief_bytes(reserve_bytes) if was_low else reserve_bytes)


def relief_bytes(reserve_bytes: int) -> int:
    """Return how much must be free for a low disk to be low no longer."""
    return reserve_bytes * RELIEF_PERCENT // 100
