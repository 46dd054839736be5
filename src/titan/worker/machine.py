"""How busy this machine is: what a worker tells beside its requests, for people who choose where to look."""

import os
import time
from pathlib import Path
from typing import Final

from titan.model.workers import Load

FRESH_SECONDS: Final = 3.0  # a claim for every job asks; the machine's own average moves every 5 s
_MEMORY: Final = Path("/proc/meminfo")


class Machine:
    """Tells the machine's load, looked at every few seconds at most. Used from several threads; the last look wins."""

    def __init__(self, memory: Path = _MEMORY) -> None:
        self._memory = memory
        self._looked_at = float("-inf")
        self._load: Load | None = None

    def load(self) -> Load | None:
        """Return how busy the machine is; None where the system does not say."""
        now = time.monotonic()
        if now - self._looked_at >= FRESH_SECONDS:
            self._looked_at = now
            self._load = self._look()
        return self._load

    def _look(self) -> Load | None:
        try:
            average = os.getloadavg()[0]
        except OSError:
            return None
        used, total = self._memory_bytes()
        return Load(
            average_1m=round(average, 2),
            cores=os.cpu_count() or 1,
            memory_used_bytes=used,
            memory_total_bytes=total,
        )

    def _memory_bytes(self) -> tuple[int | None, int | None]:
        """Return used and total memory of Linux, proc(5); elsewhere what is not known."""
        try:
            lines = dict(line.split(":", 1) for line in self._memory.read_text("ascii").splitlines())
            total, available = (int(lines[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
        except (OSError, ValueError, LookupError):
            return None, None
        return total - available, total
