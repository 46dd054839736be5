"""A rival without packages: it speaks the protocol, and fails in the ways that its argument names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.rivals.drivers.serve import Start, serve


class Fake:
    """Runs nothing; a kind may fail or end the driver."""

    def wide(self, kind: str, count: int) -> None:
        """Do nothing, or what the kind says."""
        os.write(1, f"chatter of a foreign package about {count} tasks\n".encode())
        if kind == "broken":
            raise RuntimeError("its worker was lost")
        if kind == "gone":
            sys.stderr.write("killed by nobody\n")
            sys.stderr.flush()
            sys.exit(3)

    def fan(self, kind: str, count: int) -> None:
        """Do the same."""
        self.wide(kind, count + 2)


@contextmanager
def running(start: Start) -> Iterator[Fake]:
    """Leave a process behind, as a rival that forgets its children does."""
    left = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    Path(start.folder, "left-behind").write_text(str(left.pid), "utf-8")
    yield Fake()


if __name__ == "__main__":
    serve("pytest", running)
