"""A server that keeps traces, as the measurement sees it: where to send, what to ask, what it takes."""

from __future__ import annotations

import os
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.rivals.calls.asking import Ask, Caller, NotMeasured
from benchmarks.rivals.calls.corpus import FREQUENT
from benchmarks.rivals.environments import interpreter
from benchmarks.rivals.protocol import end_with_family, family_of

START_SECONDS: Final = 600.0  # Phoenix takes 10 s on a quiet machine, minutes on one with a load of 25
POLL_SECONDS: Final = 0.25
MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a server is asked for, once it holds the corpus."""

    since_ms: int  #: half of the corpus began later
    rare: str  #: a word of one or two texts
    frequent: str = FREQUENT
    trace_id: str  #: of the long trace, hexadecimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request, and how many rows of its answer were looked for: an empty answer would be fast."""

    ask: Ask
    rows: Callable[[Any], int]


class Server(ABC):
    """A running server. Its kinds say where they differ."""

    headers: Mapping[str, str] = {}  #: of OTLP requests
    path = "/v1/traces"
    counts_agents = True  #: `count` has the spans of agents too

    def __init__(self, *, port: int, pid: int, data: Path) -> None:
        self.port = port
        self.pid = pid
        self.data = data  #: all that it writes
        self.caller = Caller(port=port)

    @abstractmethod
    def count(self) -> int:
        """Return how many spans can be asked for now, by its API."""

    @abstractmethod
    def questions(self, wanted: Wanted) -> Mapping[str, Question]:
        """Return what to ask for each name in measure.QUESTIONS; a name that is missing cannot be asked."""

    def processes(self) -> Sequence[psutil.Process]:
        """Return the processes that serve."""
        return [psutil.Process(self.pid), *family_of(self.pid)]

    def memory_mib(self) -> float:
        """Return what its processes keep in memory; what they share counts once."""
        return sum(_proportional_bytes(process) for process in self.processes()) / MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How a rival's server is started."""

    command: Sequence[str]
    port: int
    folder: Path  #: its home and the place of its log
    settings: Mapping[str, str] = field(default_factory=dict)  #: environment variables


@contextmanager
def launched(launch: Launch, *, is_up: Callable[[], bool]) -> Iterator[int]:
    """Keep a server in a session of its own; yield its process id when `is_up`.

    Raises:
        NotMeasured: it ended or was not up in time; its last line is in the message.
    """
    log = launch.folder / "server.log"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TITAN_", "PYTHON"))}
    with log.open("wb") as output:
        process = subprocess.Popen(
            launch.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=launch.folder,
            env={**kept, "HOME": str(launch.folder), **launch.settings},
            start_new_session=True,
        )
    try:
        _wait(process, is_up, log)
        yield process.pid
    finally:
        end_with_family(process)


def version_of(environment: Path, package: str) -> str:
    """Return the version of a package in an environment."""
    say = f"import importlib.metadata as m; print(m.version({package!r}))"
    done = subprocess.run(
        [interpreter(environment), "-c", say], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.strip()


def answers(caller: Caller, ask: Ask) -> bool:
    """Return whether a request is answered with 200 by now."""
    try:
        caller.ask(ask)
    except NotMeasured:
        return False
    return True


def _wait(process: subprocess.Popen[bytes], is_up: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if is_up():
            return
        time.sleep(POLL_SECONDS)
    said = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    raise NotMeasured(f"expected a server within {START_SECONDS:.0f} s; it said: {said[-1] if said else 'nothing'}")


def _proportional_bytes(process: psutil.Process) -> int:
    information = process.memory_full_info()
    return int(getattr(information, "pss", information.rss))  # only Linux divides what is shared
