"""A worker as a process of its own, which a test may kill, stop and wake."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.support.waiting import is_running, wait_until
from titan.worker.executors.process_tree import descendants


class WorkerProcess:
    """`python -m titan.worker`, ended with the block; nothing of it may be left after that."""

    def __init__(
        self,
        url: str,
        home: Path,
        *arguments: str,
        offer: str = "GENERAL:4",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home
        self.log = home / "stderr.log"
        home.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "titan.worker", "--join", url, "--home", str(home)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--offer", offer, *arguments],
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self.process.pid

    def __enter__(self) -> "WorkerProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        below = self.below()
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        self.process.wait(60)
        wait_until(lambda: not any(map(is_running, below)), "the worker's processes end with it")

    def below(self) -> list[int]:
        """Return every process that the worker started, directly or not."""
        return descendants(self.pid)

    def signal(self, number: signal.Signals) -> None:
        """Send the worker a signal, if it still runs."""
        if self.process.poll() is None:
            os.kill(self.pid, number)

    def exit_code(self, *, seconds: float = 60.0) -> int:
        """Return the worker's exit code once it has ended."""
        wait_until(lambda: self.process.poll() is not None, "the worker ends", seconds=seconds)
        return self.process.returncode
