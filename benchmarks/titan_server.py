"""A Titan of its own for a measurement: started with an empty home on free ports, and stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from titan_sdk import DagAccepted, TitanClient, TitanError

SLOTS: Final = 4  # what `titan up` offers by default, and what the original's workers had
START_SECONDS: Final = 30.0  # on a loaded machine; 1 s on a quiet one
STOP_SECONDS: Final = 15.0


class BenchmarkFailed(Exception):
    """Titan did not do what was to be measured; a figure would mean nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTitan:
    """A server and its worker, both up."""

    port: int
    home: Path
    pid: int  #: of `titan up`

    def client(self) -> TitanClient:
        """Return a client of this server that prints nothing."""
        return TitanClient("127.0.0.1", self.port, announce=lambda _line: None)


@contextmanager
def running_titan(folder: Path, *, offer: str = f"GENERAL:{SLOTS}", store: str | None = None) -> Iterator[RunningTitan]:
    """Start `titan up` with its home in `folder`, wait until its worker is connected, and stop it at the end.

    Raises:
        BenchmarkFailed: it was not up in time; the message has the end of its output.
    """
    port, sdk_port = free_ports(2)
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "titan.cli", "up", "--home", str(folder / "home")),
        *("--port", str(port), "--sdk-port", str(sdk_port), "--offer", offer),
        *(() if store is None else ("--store", store)),
    ]
    process = _started(command, folder / "titan.log")
    try:
        _wait_until(lambda: _has_worker(sdk_port), "a server with a worker", process, folder / "titan.log")
        yield RunningTitan(port=sdk_port, home=folder / "home", pid=process.pid)
    finally:
        _stop(process)


class KillableTitan:
    """A server without a worker, at one port and one home however often it is killed."""

    def __init__(self, folder: Path) -> None:
        port, self.port = free_ports(2)
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "titan.log"
        self._command = [
            *(sys.executable, "-m", "titan.cli", "up", "--home", str(folder / "home"), "--no-worker"),
            *("--port", str(port), "--sdk-port", str(self.port)),
        ]
        self._process = self._start()

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait(60)

    def start_again(self) -> None:
        """Start it on what it has left; return when it answers.

        Raises:
            BenchmarkFailed: it did not in time.
        """
        self._process = self._start()

    def stop(self) -> None:
        """End it; one that was killed is left alone."""
        if self._process.poll() is None:
            _stop(self._process)

    def _start(self) -> subprocess.Popen[bytes]:
        process = _started(self._command, self._log)
        try:
            _wait_until(lambda: _answers(self.port), "a server", process, self._log)
        except BenchmarkFailed:
            _stop(process)
            raise
        return process


def end_cleanly_when_told_to() -> None:
    """Make SIGTERM unwind this program as Ctrl-C does, so that no server of it is left running."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback address that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def must_complete(client: TitanClient, accepted: DagAccepted) -> None:
    """Wait until a DAG is final.

    Raises:
        BenchmarkFailed: it did not complete.
    """
    status = client.wait(accepted, timeout=600)
    if status != "COMPLETED":
        raise BenchmarkFailed(f"dag {accepted.name!r}: expected COMPLETED; found {status}. See its jobs' logs.")


def _started(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TITAN_")}
    with log.open("ab") as output:
        # A session of its own: a signal to the whole group of the measurement would end the server without its worker.
        return subprocess.Popen(
            command, stdout=output, stderr=output, cwd=log.parent, env=environment, start_new_session=True
        )


def _wait_until(is_so: Callable[[], bool], what: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if is_so():
                return
        except TitanError:
            pass  # it does not listen yet
        time.sleep(0.05)
    output = log.read_text("utf-8", "replace")[-2000:]
    raise BenchmarkFailed(f"titan up: expected {what} within {START_SECONDS:.0f} s; found none.\n{output}")


def _has_worker(port: int) -> bool:
    return any(worker["state"] == "connected" for worker in _ask(port, "/api/workers")["workers"])


def _answers(port: int) -> bool:
    return bool(_ask(port, "/api/health"))


def _ask(port: int, path: str) -> Any:
    client = TitanClient("127.0.0.1", port, retry_for_seconds=0, announce=lambda _line: None)
    return client.transport.request_json("GET", path)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(60)
