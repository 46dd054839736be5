"""Idle: what a server with a connected worker and nothing to do takes of the machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil

from benchmarks.rows import REPORTED, Better, Row, at_most
from benchmarks.titan_server import RunningTitan, running_titan

SETTLE_SECONDS: Final = 5.0  # start-up work, the first heartbeats and checkpoints are over by then
MEGABYTE: Final = 1_000_000


def measure_idle(folder: Path, *, seconds: float) -> Iterator[Row]:
    """Yield processor time and memory of an idle server, and of it and its worker together."""
    with running_titan(folder / "idle") as titan:
        time.sleep(SETTLE_SECONDS)
        everyone = _tree(titan.pid)
        groups = {"server": [_listener(everyone, titan)], "server, worker, warm interpreters": everyone}
        before = {who: _cpu_seconds(processes) for who, processes in groups.items()}
        time.sleep(seconds)
        used = {who: _cpu_seconds(processes) - before[who] for who, processes in groups.items()}
        yield from (_cpu_row(who, 100 * cpu_seconds / seconds) for who, cpu_seconds in used.items())
        yield from (_memory_row(who, _resident_bytes(processes)) for who, processes in groups.items())


def _cpu_row(who: str, percent_of_a_core: float) -> Row:
    return Row(
        what=f"idle, processor: {who}",
        unit="% of a core",
        better=Better.LOWER,
        titan=[percent_of_a_core],
        target=at_most(1, "< 1 %"),
    )


def _memory_row(who: str, size_bytes: int) -> Row:
    return Row(
        what=f"idle, resident memory: {who}",
        unit="MB",
        better=Better.LOWER,
        titan=[size_bytes / MEGABYTE],
        target=at_most(150, "< 150 MB") if who == "server" else REPORTED,
    )


def _tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def _listener(processes: list[psutil.Process], titan: RunningTitan) -> psutil.Process:
    """Return the process that answers on the server's port."""
    for process in processes:
        if any(
            one.laddr.port == titan.port and one.status == psutil.CONN_LISTEN for one in process.net_connections("tcp")
        ):
            return process
    return processes[0]


def _cpu_seconds(processes: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes if process.is_running()]
    return sum(one.user + one.system for one in times)


def _resident_bytes(processes: list[psutil.Process]) -> int:
    """Return the sum of what is resident; pages that processes share count for each of them."""
    return sum(process.memory_info().rss for process in processes if process.is_running())
