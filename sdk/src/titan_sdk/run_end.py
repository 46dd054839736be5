"""Report at exit that a run has ended: a run ends with the process that submitted its stages.

A job inside the run is no such process, whatever it submits. A forked child starts with no runs to end. The end is
`failed` in these cases:

- an uncaught exception (`sys.excepthook` is wrapped);
- `sys.exit(status)` with a status that is no success, unless it was caught (`sys.exit` is wrapped, for an exit
  handler cannot see the status). `raise SystemExit(1)` and `os._exit` cannot be seen: the run then completes, or
  ends by its idle time;
- SIGTERM, and SIGHUP of a terminal that is closed, where the program has no handler of its own: the run is ended,
  then the process dies of the signal as it would have without. A process of `multiprocessing` that has nothing under
  way completes by SIGTERM: `Pool` terminates its processes so.

Ctrl-C and cancellation end a run as cancelled.

The hooks are set with the first stage that a process submits, or the first action that it records, never by importing
this package.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from contextlib import contextmanager
from typing import NamedTuple

from titan_sdk.errors import TitanError
from titan_sdk.http import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType, TracebackType
    from typing import NoReturn

    from titan_sdk.http.transport import Transport

_TRACEBACKS_GROW = sys.hexversion >= 0x030C0000  # as an exception leaves frames, since Python 3.12
END_WITHIN_SECONDS = 2.0  # for all runs together: users notice an exit that takes longer
CLOSE_WITHIN_SECONDS = 1.0  # of these, if the process records: entries that wait are lost otherwise


class Ending(NamedTuple):
    """The outcome of a run or a program."""

    end: str  #: completed, failed or cancelled
    reason: str = ""


COMPLETED = Ending("completed")
_LONGEST_REASON = 1000


def ending_of(error: BaseException | None) -> Ending:
    """Return the outcome of a block that this exception, or none, has left."""
    if error is None or isinstance(error, GeneratorExit):
        return COMPLETED
    if isinstance(error, SystemExit):
        if error.code in (None, 0):
            return COMPLETED
        return Ending("failed", f"exit status {error.code if isinstance(error.code, int) else 1}")
    is_cancelled = isinstance(error, KeyboardInterrupt) or type(error).__name__ == "CancelledError"
    kind, words = type(error).__name__, words_of(error, _LONGEST_REASON)
    reason = f"{kind}: {words}"[:_LONGEST_REASON] if words else kind
    return Ending("cancelled" if is_cancelled else "failed", reason)


def words_of(error: BaseException, longest: int) -> str:
    """Return an exception's message, "" if its `__str__` raises."""
    try:
        words = str(error)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 (the user's __str__; their own exception is to go on as it is)
        words = ""
    return words[:longest]


class _Ledger:
    """The runs that one process has to end, and its outcome."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.runs: dict[str, Transport] = {}
        #: Closes the recorder after the runs: called with the process's outcome and the seconds left.
        self.close: Callable[[Ending, float], object] | None = None
        self.is_busy: Callable[[], bool] = lambda: False
        #: the failure that ends the process; None without one
        self.failure: Ending | None = None
        #: whether it is ending, and the signal that ends it
        self.is_ending = False
        self.dies_of: int | None = None
        #: The exception of the last `sys.exit`, and the code of its traceback's first frame if nobody catches it.
        self.exit: tuple[SystemExit, CodeType] | None = None


_ledger = _Ledger(os.getpid())
_is_installed = False  # survives a fork, as the hooks themselves do


def end_at_exit(agent_run_id: str, transport: Transport) -> None:
    """End the run when this process exits, unless the process is itself a job of that run.

    There is no event loop any more at an exit, so `transport` is the blocking one.
    """
    if agent_run_id == os.environ.get("TITAN_AGENT_RUN_ID"):
        return
    _install()
    _own_ledger().runs[agent_run_id] = transport


def before_exit(close: Callable[[Ending, float], object], *, is_busy: Callable[[], bool]) -> None:
    """Call `close` as this process exits, with its outcome and the seconds left.

    `is_busy` returns whether it has something under way that a signal would cut off.
    """
    _install()
    _own_ledger().close, _own_ledger().is_busy = close, is_busy


def ended(agent_run_id: str) -> None:
    """Do not end the run at exit: it has ended."""
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
            _own_ledger().failure = ending_of(error)
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
        ledger = _own_ledger()
        is_second, ledger.dies_of = ledger.dies_of is not None, number
        if ledger.is_ending and not is_second:
            return  # `to_the_end` does the rest
        if number != signal.SIGTERM or not _is_worker_at_rest():
            ledger.failure = Ending("failed", signal.Signals(number).name)
        _end_all()
        _die_of(number)

    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_DFL:
            continue  # the program's own handler, or ignored as below nohup
        try:
            signal.signal(ending, end_runs_and_die)
        except ValueError:
            return  # not the main thread, which alone may set handlers


def _die_of(number: int) -> None:
    import signal

    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


@contextmanager
def to_the_end() -> Iterator[None]:
    """Complete the exit work in this block before a signal ends the process.

    `Pool` asks its processes to exit and terminates them at the same time. A second signal takes effect at once.
    """
    ledger = _own_ledger()
    is_outermost, ledger.is_ending = not ledger.is_ending, True
    was_cut = ledger.dies_of is not None
    try:
        yield
    finally:
        if is_outermost:
            ledger.is_ending = False
            if ledger.dies_of is not None and not was_cut:
                _die_of(ledger.dies_of)


def _is_worker_at_rest() -> bool:
    """Return whether this is a process of `multiprocessing` with nothing under way."""
    module = sys.modules.get("multiprocessing.process")
    if module is None or module.parent_process() is None:
        return False
    ledger = _own_ledger()
    return not ledger.runs and not ledger.is_busy()


def _end_all() -> None:
    with to_the_end():
        _tell_all(_own_ledger())


def _tell_all(ledger: _Ledger) -> None:
    ending = ledger.failure or _of_exit(ledger.exit)
    deadline = time.monotonic() + END_WITHIN_SECONDS
    body = {"status": "completed" if ending.end == "completed" else "failed", "error": ending.reason}
    close, ledger.close = ledger.close, None
    runs_by = deadline - CLOSE_WITHIN_SECONDS if close is not None else deadline
    while ledger.runs and (left := runs_by - time.monotonic()) > 0:
        agent_run_id, transport = ledger.runs.popitem()
        try:
            transport.request_json(
                "POST",
                f"/api/v1/runs/{quote(agent_run_id)}/end",
                body=body,
                timeout_seconds=left,
                retry_for_seconds=0,
            )
        except TitanError:
            continue  # the server is away: the run ends by its idle time instead
    if close is not None:
        close(ending, max(0.0, deadline - time.monotonic()))


def _head_if_uncaught(raising: FrameType) -> CodeType:
    """Return the code of the first frame in the traceback of an exception that nobody catches.

    Up to Python 3.11 the traceback of an exception is brought up to date when it is caught, so it still begins
    where it was caught last: in our wrapper. Since 3.12 it grows with each frame that is left, up to the first.
    """
    outermost = raising
    while _TRACEBACKS_GROW and (caller := outermost.f_back) is not None:
        outermost = caller
    return outermost.f_code


def _of_exit(leaving: tuple[SystemExit, CodeType] | None) -> Ending:
    """Return the outcome of the last `sys.exit`; completed if it was caught."""
    if leaving is None:
        return COMPLETED
    error, head_if_uncaught = leaving
    traceback = error.__traceback__
    if traceback is None or traceback.tb_frame.f_code is not head_if_uncaught:
        return COMPLETED
    return ending_of(error)
