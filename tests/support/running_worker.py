"""A worker in a process of its own, optionally connected through a proxy that can be cut."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.sources import PACKAGES

END_WITHIN_SECONDS = 30


@contextmanager
def running_worker(
    url: str, home: Path, *, offers: Sequence[str] = ("GENERAL:4",), environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Run a worker for the server at `url`, and give its process id; it leaves as by Ctrl-C."""
    home.mkdir(exist_ok=True)
    words = [word for offer in offers for word in ("--offer", offer)]
    with (home / "worker.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "titan.cli", "workers", "join", url, "--home", str(home), *words],
            env={**os.environ, "PYTHONPATH": PACKAGES, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(END_WITHIN_SECONDS)
        finally:
            process.kill()
            process.wait(60)
