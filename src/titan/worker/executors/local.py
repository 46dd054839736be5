"""Runs attempts on this machine, each forked from a warm interpreter or exec'd cold, each under a keeper."""

from __future__ import annotations

import os
import selectors
import sys
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from titan.ports.execution import AttemptEnd, AttemptOrder
from titan.worker.executors.messages import ENDED
from titan.worker.executors.process_tree import IS_LINUX
from titan.worker.executors.zygote_client import KeeperLine, RootProcess

if TYPE_CHECKING:
    from titan.worker.executors.messages import RunOrder

#: Python as jobs see it: unbuffered, as in the original Titan; UTF-8 whatever the locale.
PYTHON: Final = (sys.executable, "-u", "-X", "utf8")

#: An interpreter reads these when it starts, so a job that sets one cannot use an interpreter that runs already.
START_VARIABLES: Final = (
    *("PYTHON", "LD_", "DYLD_", "OMP_", "LC_", "LANG", "MALLOC_", "GLIBC_TUNABLES", "HOME"),
    "OPENSSL_",  # read when `hashlib` is imported
)

_KEEPERS_AT_START: Final = 4
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class LocalExecutor:
    """An Executor of processes on this machine.

    One warm root forks a keeper for each attempt that runs beside others; keepers are used again. The first attempt
    waits until the root has started, some 0.1 s; see `wait_until_warm`.
    """

    def __init__(self, *, environment: Mapping[str, str] | None = None, spare_keepers: int = 4) -> None:
        """`environment` is what jobs begin with: None takes this process's, without what names a Titan server.

        At most `spare_keepers` idle keepers stay, some 4 MB each with the process they hold ready; one for each slot
        makes every start a fast one.
        """
        self._environment = without_titan(os.environ) if environment is None else dict(environment)
        self._spare_keepers = spare_keepers
        self._selector = selectors.DefaultSelector()
        self._keepers: dict[int, KeeperLine] = {}
        self._idle: deque[KeeperLine] = deque()  # the one that waits longest comes first: it is best prepared
        self._busy: dict[str, KeeperLine] = {}
        self._ended: list[AttemptEnd] = []
        self._last_number = 0
        self._root: RootProcess | None = self._start_root()
        self._idle.extend(self._new_keeper() for _ in range(min(spare_keepers, _KEEPERS_AT_START)))

    def wait_until_warm(self, timeout_seconds: float) -> bool:
        """Wait until the warm root takes orders; return False when it does not come up."""
        return self._root is not None and self._root.wait_until_ready(timeout_seconds)

    def fileno(self) -> int:
        """See Executor."""
        return self._selector.fileno()  # epoll and kqueue have one

    def start(self, order: AttemptOrder) -> None:
        """See Executor."""
        message = _run_order(order)
        keeper = self._idle.popleft() if self._idle else self._new_keeper()
        try:
            keeper.run(message)
        except OSError:
            keeper.lease_id = order.lease_id  # it is dead: the attempt is lost with it, as a moment later
        self._busy[order.lease_id] = keeper

    def stop(self, lease_id: str, *, grace_seconds: float) -> None:
        """See Executor."""
        if lease_id in self._busy:
            self._busy[lease_id].stop(grace_seconds)

    def abandon(self, lease_id: str) -> None:
        """See Executor."""
        if lease_id in self._busy:
            keeper = self._busy[lease_id]
            keeper.root.end_keeper(keeper.number)

    def ends(self) -> list[AttemptEnd]:
        """See Executor."""
        for key, _ in self._selector.select(0):
            if not isinstance(key.data, KeeperLine):
                self._listen_to_root(key.data)
            elif key.data.is_open:  # an earlier one of these events may have closed it
                self._listen_to(key.data)
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        """See Executor."""
        for keeper in self._keepers.values():
            keeper.close()
        self._keepers.clear()
        if self._root is not None:
            self._root.end()
            self._root = None
        self._selector.close()

    # The rest follows the keepers: a line that ends is a keeper that dies, and the root tells when all of it is gone.

    def _start_root(self) -> RootProcess:
        root = RootProcess(PYTHON, self._environment)
        self._selector.register(root.control, selectors.EVENT_READ, root)
        return root

    def _new_keeper(self) -> KeeperLine:
        if self._root is None:
            self._root = self._start_root()
        self._last_number += 1
        keeper = KeeperLine(self._last_number, self._root)
        self._keepers[keeper.number] = keeper
        self._selector.register(keeper, selectors.EVENT_READ, keeper)
        return keeper

    def _listen_to(self, keeper: KeeperLine) -> None:
        notice = keeper.listen()
        if notice is not None:
            self._ended.append(_attempt_end(notice))
            del self._busy[notice["lease_id"]]
            keeper.lease_id = None
            if keeper.is_open and len(self._idle) < self._spare_keepers:
                self._idle.append(keeper)
                return
        if notice is not None or not keeper.is_open:
            self._hang_up(keeper)

    def _hang_up(self, keeper: KeeperLine) -> None:
        self._selector.unregister(keeper)
        keeper.close()
        if keeper in self._idle:
            self._idle.remove(keeper)
        if keeper.lease_id is None or keeper.root is not self._root:
            self._forget(keeper)  # else the root will tell when nothing of the attempt is left

    def _forget(self, keeper: KeeperLine) -> None:
        """Drop a reaper that has died; what it ran is lost."""
        del self._keepers[keeper.number]
        if keeper.lease_id is not None:
            del self._busy[keeper.lease_id]
            self._ended.append(_lost(keeper.lease_id, keeper.ordered_at))

    def _listen_to_root(self, root: RootProcess) -> None:
        message = root.read_note()
        if message is None:
            self._bury_root(root)
            return
        word, number = message
        keeper = self._keepers.get(number)
        if word != ENDED or keeper is None:
            return
        while keeper.is_open:  # the process is dead, so its last words, if any, are all there
            self._listen_to(keeper)
        if number in self._keepers:
            self._forget(keeper)

    def _bury_root(self, root: RootProcess) -> None:
        """A root that dies takes its keepers along: without it, nobody would end what a dying keeper leaves."""
        self._selector.unregister(root.control)
        self._root = None
        root.end()
        for keeper in list(self._keepers.values()):
            if keeper.lease_id is None:
                self._hang_up(keeper)
            elif keeper.is_open:
                keeper.give_up()  # its end of stream comes when all is over
            else:
                self._forget(keeper)


def without_titan(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without TITAN_*: a job gets its own server, token and ids, and nobody else's."""
    return {name: value for name, value in environment.items() if not name.startswith("TITAN_")}


def _run_order(order: AttemptOrder) -> RunOrder:
    return {
        "kind": "run",
        "lease_id": order.lease_id,
        "script": str(order.script),
        "appears_as": str(order.appears_as or order.script),
        "args": list(order.args),
        "command": _command(order),
        "directory": str(order.directory),
        "log": str(order.log),
        "environment": dict(order.environment),
        "memory_limit_bytes": order.memory_limit_bytes,
    }


def _command(order: AttemptOrder) -> list[str] | None:
    """Return what to exec, or None to run the script in the warm interpreter."""
    script = str(order.script)
    if script.endswith(".sh"):
        return ["bash", script, *order.args]
    if not script.endswith(".py"):
        if not os.access(order.script, os.X_OK):
            order.script.chmod(0o700)
        return [script, *order.args]
    if order.is_cold or not IS_LINUX or any(name.startswith(START_VARIABLES) for name in order.environment):
        return [*PYTHON, script, *order.args]
    return None


def _attempt_end(notice: Mapping[str, Any]) -> AttemptEnd:
    return AttemptEnd(
        lease_id=notice["lease_id"],
        exit_code=notice["exit_code"],
        signal=notice["signal"],
        started_at=_EPOCH + timedelta(microseconds=notice["started_at_ns"] // 1000),
        duration_ns=notice["duration_ns"],
        peak_memory_bytes=notice["peak_memory_bytes"],
        start_error=notice["start_error"],
    )


def _lost(lease_id: str, ordered_at: datetime) -> AttemptEnd:
    so_far_ns = max(0, round((datetime.now(UTC) - ordered_at).total_seconds() * 1e9))  # clocks can be set back
    return AttemptEnd(lease_id=lease_id, started_at=ordered_at, duration_ns=so_far_ns, is_lost=True)
