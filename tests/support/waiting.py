"""Waits for a condition, with a deadline long enough for a machine at thirty times its capacity."""

import os
import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], what: str, *, seconds: float = 60.0) -> None:
    """Return once `condition` holds; fail, naming `what` was awaited, when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for this, and it did not happen: {what}"
        time.sleep(0.01)


def let_pass(seconds: float) -> None:
    """Let real time pass: only where that time passes is what is tested, as for a process that stands still."""
    time.sleep(seconds)


def is_running(pid: int) -> bool:
    """Tell whether a process exists and is not a zombie that waits to be reaped."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as status:
            return status.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until_gone(*pids: int, seconds: float = 60.0) -> None:
    """Return once none of these processes runs."""
    for pid in pids:
        wait_until(lambda pid=pid: not is_running(pid), f"process {pid} ends", seconds=seconds)  # type: ignore[misc]


def processes_with(marker: str) -> list[int]:
    """Return the processes of this machine whose command line or environment holds `marker`."""
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as line, open(f"/proc/{name}/environ", "rb") as variables:
                text = line.read() + b"\0" + variables.read()
        except OSError:
            continue
        if marker.encode() in text and is_running(int(name)):
            found.append(int(name))
    return found
