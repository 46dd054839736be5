"""The port `Executor`: starts and stops the processes of attempts.

It is a module of its own so that a worker loads no other port.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptOrder:
    """What an executor needs to start an attempt; all paths are absolute and exist, but the log."""

    lease_id: str
    script: Path  #: what is run
    #: where a script that runs in the warm interpreter finds itself, its folder being sys.path[0]; None: as `script`
    appears_as: Path | None = None
    args: tuple[str, ...]
    directory: Path  #: the working directory
    log: Path  #: takes stdout and stderr in the order they were written; made when it is not there
    environment: Mapping[str, str]  #: on top of what the executor's own processes have
    is_cold: bool = False  #: asks for a process that shares nothing with others
    memory_limit_bytes: int | None = None  #: of address space, for each process of the job


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnd:
    """How an attempt's main process ended. No process of the attempt is left."""

    lease_id: str
    exit_code: int | None = None  #: absent when a signal ended it, and when it is not known
    signal: int | None = None
    started_at: datetime
    duration_ns: int
    peak_memory_bytes: int | None = None  #: the largest resident size of its largest process
    start_error: str | None = None  #: why it could not start
    is_lost: bool = False  #: what watched it was killed, so nobody knows how it ended


class Executor(Protocol):
    """Starts attempts as processes, and tells how they ended. tests/contract/test_executor.py is its specification.

    Used from one thread. No method waits for a job; when `fileno()` is readable, `ends()` has something to do.
    """

    def fileno(self) -> int:
        """Return a descriptor, the same for life, that a selector can watch."""

    def start(self, order: AttemptOrder) -> None:
        """Start an attempt at once; there is no queue. That it could not start comes as an AttemptEnd.

        Raises:
            OSError: this machine has no room for another process or descriptor; nothing was started.
        """

    def stop(self, lease_id: str, *, grace_seconds: float) -> None:
        """Ask every process of the attempt to end (SIGTERM), and kill what is left after the grace.

        0 kills at once. An attempt that is not running is ignored. Its end comes as any other.
        """

    def abandon(self, lease_id: str) -> None:
        """Kill the attempt together with what watches it, for a watcher that no longer reacts; it ends as lost."""

    def ends(self) -> list[AttemptEnd]:
        """Return the attempts that have ended since the last call; never waits."""

    def close(self) -> None:
        """Kill every attempt that still runs and release everything. May be called twice."""
