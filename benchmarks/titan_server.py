"""A Titan of its own for a measurement: started with an empty home on free ports, and stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

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
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TITAN_")}
    with (folder / "titan.log").open("wb") as log:
        # A session of its own: a signal to the whole group of the measurement would end the server without its worker.
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=environment, start_new_session=True)
    try:
        titan = RunningTitan(port=sdk_port, home=folder / "home", pid=process.pid)
        _wait_until_up(titan, process, folder / "titan.log")
        yield titan
    finally:
        _stop(process)


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


def _wait_until_up(titan: RunningTitan, process: subprocess.Popen[bytes], log: Path) -> None:
    client = TitanClient("127.0.0.1", titan.port, retry_for_seconds=0, announce=lambda _line: None)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            workers = client.transport.request_json("GET", "/api/workers")["workers"]
        except TitanError:
            workers = []
        if any(worker["state"] == "connected" for worker in workers):
            return
        time.sleep(0.05)
    output = log.read_text("utf-8", "replace")[-2000:]
    raise BenchmarkFailed(
        f"titan up: expected a server with a worker within {START_SECONDS:.0f} s; found none.\n{output}"
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
