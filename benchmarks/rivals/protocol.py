"""The harness's side of a driver: a process that is told what to measure in lines of JSON (drivers/serve.py)."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil

START_SECONDS: Final = 180.0
MEASURE_SECONDS: Final = 600.0
STOP_SECONDS: Final = 30.0
TERMINATE_SECONDS: Final = 5.0


class DriverFailed(Exception):
    """A rival did not start, or a measurement of it failed; it is reported with the reason."""


class Driver:
    """A running driver. Every method raises DriverFailed when it says so, ends, or says nothing in time."""

    def __init__(self, name: str, process: subprocess.Popen[str], log: Path) -> None:
        self._name = name
        self._process = process
        self._log = log
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def start(self, *, slots: int, folder: Path, script: Path, services: Mapping[str, str]) -> str:
        """Start the rival and return its version."""
        request = {"do": "start", "slots": slots, "folder": str(folder), "script": str(script)}
        return str(self._ask({**request, "services": dict(services)}, START_SECONDS)["version"])

    def seconds(self, kind: str, shape: str, count: int) -> list[float]:
        """Return the seconds of each job for the shape `alone`, else one figure for all of them."""
        request = {"do": "measure", "kind": kind, "shape": shape, "count": count}
        return [float(figure) for figure in self._ask(request, MEASURE_SECONDS)["seconds"]]

    def stop(self) -> None:
        """Let the rival end by itself."""
        self._ask({"do": "stop"}, STOP_SECONDS)

    def _ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # then it ended, and its last line or its log says why
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise DriverFailed(f"{self._name}: expected an answer within {seconds:.0f} s; found none") from None
        return self._read_answer(line)

    def _read_answer(self, line: str) -> dict[str, Any]:
        if not line:
            self._lines.put("")  # it stays so
            raise DriverFailed(f"{self._name}: expected an answer; its driver ended. {self._last_words()}")
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise DriverFailed(f"{self._name}: expected a JSON object; found {line[:100]!r}")
        if "error" in answer:
            raise DriverFailed(f"{self._name}: {answer['error']}")
        return answer

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _last_words(self) -> str:
        said = [line for line in self._log.read_text("utf-8", "replace").splitlines() if line.strip()]
        return said[-1] if said else "It said nothing."


@contextmanager
def running_driver(
    name: str, command: Sequence[str], *, folder: Path, environment: Mapping[str, str]
) -> Iterator[Driver]:
    """Keep a driver in a session of its own, and end it and whatever it started, however this ends."""
    log = folder / "driver.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
        )
    driver = Driver(name, process, log)
    try:
        yield driver
        with suppress(DriverFailed):
            driver.stop()
    finally:
        end_with_family(process)
        for pipe in (process.stdin, process.stdout):
            with suppress(BrokenPipeError, ValueError):
                assert pipe is not None
                pipe.close()


def end_with_family(process: subprocess.Popen[Any]) -> None:
    """End a process and what it started: its descendants, and its session, which orphans stay in."""
    family = family_of(process.pid)
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS if family else TERMINATE_SECONDS)
    left = {*family, *family_of(process.pid)}
    for number in (signal.SIGTERM, signal.SIGKILL):
        for one in left:
            with suppress(psutil.NoSuchProcess):
                one.send_signal(number)
        _, alive = psutil.wait_procs(left, timeout=TERMINATE_SECONDS)
        left = set(alive)
    if process.poll() is None:
        process.kill()
    process.wait(60)


def family_of(leader: int) -> set[psutil.Process]:
    """Return the processes that descend from `leader` or are in its session, without it."""
    found: set[psutil.Process] = set()
    with suppress(psutil.NoSuchProcess):
        found.update(psutil.Process(leader).children(recursive=True))
    for one in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError, PermissionError):
            if one.pid != leader and os.getsid(one.pid) == leader:
                found.add(one)
    return found
