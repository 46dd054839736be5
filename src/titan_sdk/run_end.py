"""A run ends with the process that submitted its stages: the server is told as that process exits.

A job inside the run is no such process, whatever it submits. The end is `failed` when an uncaught exception
ended the process. What a process remembers here is its own: a forked child starts with nothing.
"""

from __future__ import annotations

import atexit
import os
import sys
import time

from titan_sdk.encoding import quote
from titan_sdk.errors import TitanError
from titan_sdk.transport import Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

END_WITHIN_SECONDS = 2.0  # for all runs together: an exit that takes longer is felt


class _Ledger:
    """The runs that one process has to end, and how it fared."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.runs: dict[str, Transport] = {}
        #: The uncaught exception that ends the process, in words; "" while there is none.
        self.failure = ""


_ledger = _Ledger(os.getpid())
_is_installed = False  # survives a fork, as the hooks themselves do


def end_at_exit(agent_run_id: str, transport: Transport) -> None:
    """Have the run ended when this process exits, unless the process is itself a job of that run."""
    if agent_run_id == os.environ.get("TITAN_AGENT_RUN_ID"):
        return
    _install()
    _own_ledger().runs[agent_run_id] = transport


def ended(agent_run_id: str) -> None:
    """Forget the run: it has been ended on purpose."""
    _own_ledger().runs.pop(agent_run_id, None)


def _own_ledger() -> _Ledger:
    global _ledger
    if _ledger.pid != os.getpid():
        _ledger = _Ledger(os.getpid())
    return _ledger


def _install() -> None:
    global _is_installed
    if _is_installed:
        return
    _is_installed = True
    earlier_hook = sys.excepthook

    def remember_and_pass_on(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if not hasattr(sys, "ps1"):  # at a prompt, a mistake does not end the process
            _own_ledger().failure = f"{kind.__name__}: {error}" if str(error) else kind.__name__
        earlier_hook(kind, error, traceback)

    sys.excepthook = remember_and_pass_on
    atexit.register(_end_all)


def _end_all() -> None:
    ledger = _own_ledger()
    deadline = time.monotonic() + END_WITHIN_SECONDS
    body = {"outcome": "failed" if ledger.failure else "completed", "reason": ledger.failure[:1000]}
    while ledger.runs and (left := deadline - time.monotonic()) > 0:
        agent_run_id, transport = ledger.runs.popitem()
        try:
            transport.request_json(
                "POST",
                f"/api/runs/{quote(agent_run_id)}/end",
                body=body,
                timeout_seconds=left,
                retry_for_seconds=0,
            )
        except TitanError:
            continue  # the server is away: the run ends by its idle time instead
