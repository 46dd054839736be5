"""Lists and ends the processes below a process.

A reaper and the zygote are subreapers (prctl(2), PR_SET_CHILD_SUBREAPER): whatever a job leaves behind, also what
called setsid and forked twice, becomes their child instead of init's. So "all processes of the job" is a question
that /proc can answer, and killing a process group, which setsid escapes, is not needed.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from signal import SIGKILL

TYPE_CHECKING = False  # as in messages.py
if TYPE_CHECKING:
    from collections.abc import Iterable

IS_LINUX = sys.platform == "linux"

_c_library = ctypes.CDLL(None)
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_FIRST_PAUSE_SECONDS = 0.0005  # a killed process is gone within a few scheduler ticks
_LONGEST_PAUSE_SECONDS = 0.02
_PATIENCE_SECONDS = 10.0  # as long as a lease: later nobody would believe that the slot is free


def adopt_orphans() -> None:
    """Make this process the new parent of every descendant whose parent dies. Does nothing outside Linux."""
    if IS_LINUX:
        _c_library.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def has_children() -> bool:
    """Return whether this process has a child, alive or not yet reaped. Reaps nothing."""
    if not IS_LINUX:  # macOS has no waitid before Python 3.13
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def descendants(pid: int) -> list[int]:
    """Return the processes below `pid`, parents before their children; empty where /proc is missing.

    Processes that start or end meanwhile may be missed: repeat until nothing is left.
    """
    found: list[int] = []
    frontier = [pid]
    while frontier:
        children = children_of(frontier.pop())
        found += children
        frontier += children
    return found


def children_of(pid: int) -> list[int]:
    """Return the children of every thread of `pid`; empty when it is gone."""
    children: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb", buffering=0) as listing:
                children += map(int, listing.read().split())
    except (FileNotFoundError, ProcessLookupError):
        if not _lists_children():
            return _children_by_scan(pid)
    return children


def signal_all(pids: Iterable[int], signal_number: int) -> None:
    """Send a signal to each process that exists and is ours."""
    for pid in pids:
        try:
            os.kill(pid, signal_number)
        except (ProcessLookupError, PermissionError):
            continue


def signal_group(leader: int, signal_number: int) -> None:
    """Send a signal to a process group: the best there is where /proc does not list children."""
    try:
        os.killpg(leader, signal_number)
    except (ProcessLookupError, PermissionError):
        return


def end_children(spared: Iterable[int] = ()) -> bool:
    """SIGKILL and reap every child of this process and all below them, except `spared` and what is below those.

    Returns True once nothing is left. A descendant that forks while it is being killed is found in the next round.
    Returns False after 10 s: a process of another user, or one that hangs in the kernel, cannot be killed.
    """
    spared = frozenset(spared)
    pause = _FIRST_PAUSE_SECONDS
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while doomed := [child for child in children_of(os.getpid()) if child not in spared]:
        for child in doomed:
            signal_all([child, *descendants(child)], SIGKILL)
        if reap(doomed):
            continue
        if time.monotonic() > give_up_at:
            return False
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
    return True


def reap(children: Iterable[int]) -> int:
    """Reap those of `children` that have ended; return how many. Never waits."""
    reaped = 0
    for child in children:
        try:
            pid, _ = os.waitpid(child, os.WNOHANG)
        except ChildProcessError:
            continue
        reaped += pid != 0
    return reaped


def _lists_children() -> bool:
    """Return whether this kernel provides /proc/<pid>/task/<tid>/children (CONFIG_PROC_CHILDREN)."""
    return os.path.exists(f"/proc/{os.getpid()}/task/{os.getpid()}/children")


def _children_by_scan(pid: int) -> list[int]:
    children: list[int] = []
    for name in os.listdir("/proc") if IS_LINUX else ():
        if name.isdigit() and _parent_of(name) == pid:
            children.append(int(name))
    return children


def _parent_of(pid: str) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as status:
            after_name = status.read().rpartition(b")")[2].split()  # proc(5): the name may hold anything
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(after_name[1])
