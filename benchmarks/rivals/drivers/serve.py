"""The driver's side of the protocol: lines of JSON on standard input and output.

    {"do": "start", "slots": 4, "folder": "…", "script": "…", "services": {"redis": "redis://…"}}
        -> {"ready": true, "version": "5.7.0"}
    {"do": "measure", "kind": "function", "shape": "alone", "count": 100}   -> {"seconds": [0.003, …]}, one for each job
    {"do": "measure", "kind": "function", "shape": "wide", "count": 500}    -> {"seconds": [0.8]}
    {"do": "measure", "kind": "function", "shape": "fan", "count": 1000}    -> {"seconds": [1.9]}, for 1 → 1000 → 1
    {"do": "stop"}                                                          -> {"stopped": true}

Whatever goes wrong is answered with {"error": "…"}, and the driver ends. The end of standard input means stop.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Protocol

FUNCTION: Final = "function"  #: a function in a resident worker, as the rival itself runs its tasks
PROCESS: Final = "process"  #: the same, whose function runs the script in a Python process of its own
STOP_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What the harness tells a driver first."""

    slots: int  #: tasks at once
    folder: Path  #: empty, for whatever the rival writes
    script: str  #: the trivial job
    services: dict[str, str]  #: addresses, as `{"redis": "redis://127.0.0.1:…"}`


class Rival(Protocol):
    """A running scheduler. Both methods return when this process, the client, has seen every result."""

    def wide(self, kind: str, count: int) -> None:
        """Run `count` independent tasks."""
        ...

    def fan(self, kind: str, count: int) -> None:
        """Run one task, then `count` at once, then one."""
        ...


def serve(package: str, running: Callable[[Start], AbstractContextManager[Rival]]) -> None:
    """Answer the harness until it says stop or goes away."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the harness, which ends this
    answers = _own_standard_output()
    try:
        first = json.loads(sys.stdin.readline())
        start = Start(
            slots=first["slots"], folder=Path(first["folder"]), script=first["script"], services=first["services"]
        )
        with running(start) as rival:
            answers({"ready": True, "version": version(package)})
            for line in sys.stdin:
                request = json.loads(line)
                if request["do"] == "stop":
                    break
                answers({"seconds": seconds_of(rival, request["kind"], request["shape"], request["count"])})
        answers({"stopped": True})
    except Exception as failure:  # noqa: BLE001  # the harness gets the reason, the log the whole story
        traceback.print_exc()
        answers({"error": f"{type(failure).__name__}: {failure}"[:500]})


def seconds_of(rival: Rival, kind: str, shape: str, count: int) -> list[float]:
    """Return the seconds of each of `count` jobs one after the other, or of all of them together."""
    if shape == "alone":
        return [_timed(lambda: rival.wide(kind, 1)) for _ in range(count)]
    if shape == "wide":
        return [_timed(lambda: rival.wide(kind, count))]
    if shape == "fan":
        return [_timed(lambda: rival.fan(kind, count))]
    raise ValueError(f"shape {shape!r}: expected alone, wide or fan")


def run_as_function() -> None:
    """Do what the trivial job does, inside the worker: after the first time, nothing."""
    import titan_sdk  # noqa: F401


def run_as_process(script: str) -> None:
    """Run the trivial job in a Python of its own, as whoever wants jobs apart from each other has to.

    Raises:
        CalledProcessError: it did not exit with 0.
    """
    subprocess.run([sys.executable, script], check=True, timeout=120)


@contextmanager
def worker(command: list[str], log: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Keep a process of the rival, and end it."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **environment}
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(60)


def last_words(log: Path) -> str:
    """Return the last line of a log, for an error."""
    said = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    return said[-1] if said else "it said nothing"


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _own_standard_output() -> Callable[[dict[str, Any]], None]:
    """Keep standard output for answers; what the rival prints goes to standard error."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(content: dict[str, Any]) -> None:
        channel.write(json.dumps(content) + "\n")
        channel.flush()

    return answer
