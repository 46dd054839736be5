"""A run ends with the process that submitted its stages: the server is told as that process exits.

A job inside the run is no such process, whatever it submits. What a process remembers here is its own: a forked
child starts with nothing. The end is `failed` when it can be known that the process did not end well:

- an uncaught exception (`sys.excepthook` is wrapped);
- `sys.exit(status)` with a status that is no success, unless it was caught (`sys.exit` is wrapped, for an exit
  handler cannot see the status). `raise SystemExit(1)` and `os._exit` cannot be seen: the run then completes, or
  ends by its idle time;
- SIGTERM, and SIGHUP of a terminal that is closed, where the program has no handler of its own: the run is ended,
  then the process dies of the signal as it would have without.

The hooks are set with the first stage that a process submits, or the first action that it records, never by importing
this package.
"""

from __future__ import annotations

import atexit
import os
import sys
import time

from titan_sdk.encoding import quote
from titan_sdk.errors import TitanError
from titan_sdk.faces import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType, TracebackType
    from typing import NoReturn

    from titan_sdk.async_transport import AsyncTransport

_TRACEBACKS_GROW = sys.hexversion >= 0x030C0000  # as an exception leaves frames, since Python 3.12
END_WITHIN_SECONDS = 2.0  # for all runs together: an exit that takes longer is felt
CLOSE_WITHIN_SECONDS = 1.0  # of these, where there are closers: what they keep on disk is lost otherwise


class _Ledger:
    """The runs that one process has to end, and how it fared."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.runs: dict[str, AsyncTransport] = {}
        #: What else is to be done, after the runs: told the failure, and how many seconds are left.
        self.closers: list[Callable[[str, float], object]] = []
        #: What ends the process badly, in words; "" while there is nothing.
        self.failure = ""
        #: What the last `sys.exit` raised, and the code of the frame that it has at its head if nobody catches it.
        self.exit: tuple[SystemExit, CodeType] | None = None


_ledger = _Ledger(os.getpid())
_is_installed = False  # survives a fork, as the hooks themselves do


def end_at_exit(agent_run_id: str, transport: AsyncTransport) -> None:
    """Have the run ended when this process exits, unless the process is itself a job of that run.

    `transport` is one over blocking I/O: there is no event loop any more at an exit.
    """
    if agent_run_id == os.environ.get("TITAN_AGENT_RUN_ID"):
        return
    _install()
    _own_ledger().runs[agent_run_id] = transport


def before_exit(close: Callable[[str, float], object]) -> None:
    """Have `close` called as this process exits: with what ended it badly ("" for nothing), and the seconds it has."""
    _install()
    _own_ledger().closers.append(close)


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
    _wrap_excepthook()
    _wrap_exit()
    _handle_signals()
    atexit.register(_end_all)


def _wrap_excepthook() -> None:
    earlier_hook = sys.excepthook

    def remember_and_pass_on(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if not hasattr(sys, "ps1"):  # at a prompt, a mistake does not end the process
            _own_ledger().failure = f"{kind.__name__}: {error}" if str(error) else kind.__name__
        earlier_hook(kind, error, traceback)

    sys.excepthook = remember_and_pass_on


def _wrap_exit() -> None:
    earlier_exit = sys.exit

    def remember_and_exit(status: object = None, /) -> NoReturn:
        try:
            earlier_exit(status)  # type: ignore[arg-type]  # takes any object, and prints those that are no number
        except SystemExit as leaving:
            _own_ledger().exit = leaving, _head_if_uncaught(sys._getframe())
            raise

    sys.exit = remember_and_exit


def _handle_signals() -> None:
    import signal

    def end_runs_and_die(number: int, frame: FrameType | None) -> None:
        _own_ledger().failure = signal.Signals(number).name
        _end_all()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_DFL:
            continue  # the program's own handler, or ignored as below nohup
        try:
            signal.signal(ending, end_runs_and_die)
        except ValueError:
            return  # not the main thread, which alone may set handlers


def _end_all() -> None:
    ledger = _own_ledger()
    failure = ledger.failure or _failed_exit(ledger.exit)
    deadline = time.monotonic() + END_WITHIN_SECONDS
    body = {"outcome": "failed" if failure else "completed", "reason": failure[:1000]}
    runs_by = deadline - CLOSE_WITHIN_SECONDS if ledger.closers else deadline
    while ledger.runs and (left := runs_by - time.monotonic()) > 0:
        agent_run_id, transport = ledger.runs.popitem()
        try:
            run(
                transport.request_json(
                    "POST",
                    f"/api/runs/{quote(agent_run_id)}/end",
                    body=body,
                    timeout_seconds=left,
                    retry_for_seconds=0,
                )
            )
        except TitanError:
            continue  # the server is away: the run ends by its idle time instead
    while ledger.closers:
        ledger.closers.pop()(failure[:1000], max(0.0, deadline - time.monotonic()))


def _head_if_uncaught(raising: FrameType) -> CodeType:
    """Return whose frame the traceback of an exception begins with when it has left the program uncaught.

    Up to Python 3.11 the traceback of an exception is brought up to date when it is caught, so it still begins
    where it was caught last: in our wrapper. Since 3.12 it grows with each frame that is left, up to the first.
    """
    outermost = raising
    while _TRACEBACKS_GROW and (caller := outermost.f_back) is not None:
        outermost = caller
    return outermost.f_code


def _failed_exit(leaving: tuple[SystemExit, CodeType] | None) -> str:
    """Return in words the failure that an exit tells; "" when it was caught on its way, or is a success."""
    if leaving is None:
        return ""
    error, head_if_uncaught = leaving
    traceback = error.__traceback__
    if error.code in (None, 0) or traceback is None or traceback.tb_frame.f_code is not head_if_uncaught:
        return ""
    return f"exit status {error.code if isinstance(error.code, int) else 1}"
