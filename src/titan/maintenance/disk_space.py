"""Watches the disk of the home: while it is almost full, the server takes no new work, so that what runs can finish."""

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from titan.model.errors import StoreFull

LARGEST_SHARE: Final = 20  # at most a twentieth of a small disk is reserved
RELIEF_PERCENT: Final = 110  # of the reserve must be free again, or a disk at the limit would flap


def reserve_bytes(min_free_bytes: int, total_bytes: int) -> int:
    """Return how much of a disk of `total_bytes` stays reserved when `min_free_bytes` are configured.

    With 512 MiB that is 512 MiB of 100 GiB, and 50 MiB of 1,000 MiB.
    """
    return min(min_free_bytes, total_bytes // LARGEST_SHARE)


def is_low(free_bytes: int, *, reserve_bytes: int, was_low: bool) -> bool:
    """Return whether a disk is almost full: below its reserve, or after that not yet a tenth above it."""
    return free_bytes < (relief_bytes(reserve_bytes) if was_low else reserve_bytes)


def relief_bytes(reserve_bytes: int) -> int:
    """Return how much must be free for a low disk to be low no longer."""
    return reserve_bytes * RELIEF_PERCENT // 100


logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 2.0  # one call of 2 µs; at 200 MB/s 400 MB come in between, less than the usual reserve
MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Size of a disk, and how much of it this user may still fill."""

    free_bytes: int
    total_bytes: int


def disk_of(folder: Path) -> Disk:
    """Return the disk that a folder is on."""
    found = os.statvfs(folder)
    return Disk(free_bytes=found.f_bavail * found.f_frsize, total_bytes=found.f_blocks * found.f_frsize)


class SpaceWatch:
    """Checks every few seconds whether the disk is almost full."""

    def __init__(self, folder: Path, *, min_free_bytes: int, disk_of: Callable[[Path], Disk] = disk_of) -> None:
        """With `min_free_bytes` 0 the disk is never low."""
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        self._disk_of = disk_of
        self._on_change: list[Callable[[bool], None]] = []
        self.disk = disk_of(folder)
        self.is_low = False

    @property
    def reserve_bytes(self) -> int:
        """How much is reserved."""
        return reserve_bytes(self._min_free_bytes, self.disk.total_bytes)

    def listen(self, on_change: Callable[[bool], None]) -> None:
        """Have `on_change` called with whether the disk is low, when that changes."""
        self._on_change.append(on_change)

    def look(self) -> None:
        """Check the disk; log once when it becomes low, and once when it is no longer."""
        self.disk = self._disk_of(self._folder)
        was_low = self.is_low
        self.is_low = is_low(self.disk.free_bytes, reserve_bytes=self.reserve_bytes, was_low=was_low)
        if self.is_low != was_low:
            logger.warning("%s", self.state_text())
            for on_change in self._on_change:
                on_change(self.is_low)

    async def keep(self) -> None:
        """Check every few seconds, for as long as the server lives."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                self.look()
            except OSError:
                logger.exception("the disk of %s cannot be checked", self._folder)

    def check(self, subject: str) -> None:
        """Return if there is room for new work.

        Raises:
            StoreFull: the disk is almost full.
        """
        if self.is_low:
            raise StoreFull(
                subject,
                expected=f"{relief_bytes(self.reserve_bytes) // MIB} MiB free on the disk of {self._folder}",
                found=f"{self.disk.free_bytes // MIB} MiB",
                next_step="Free some space (`titan clean` deletes what is old), then repeat the request. "
                "What runs goes on meanwhile.",
            )

    def state_text(self) -> str:
        """Return a sentence for the log about whether the disk is almost full."""
        figures = f"{self.disk.free_bytes // MIB} MiB free, {self.reserve_bytes // MIB} MiB are to stay so"
        if self.is_low:
            return (
                f"the disk of {self._folder} is almost full ({figures}): no new work is taken, what runs goes on. "
                "Free some space; `titan clean` deletes what is old."
            )
        return f"the disk of {self._folder} has room again ({figures}): new work is taken."
