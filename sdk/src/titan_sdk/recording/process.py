"""What this process has for recording: its recorder, the runs that it is to end, and what it does at its end."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from time import perf_counter_ns

from titan_sdk import patience, run_end  # noqa: F401  # patience: see `_import_before_any_fork`
from titan_sdk.address import address_of, token_for
from titan_sdk.errors import TitanError
from titan_sdk.recording import children
from titan_sdk.recording.delivery import Answer, Delivery, Verdict, post_to
from titan_sdk.recording.mistakes import say_once
from titan_sdk.recording.recorder import EXIT_SECONDS, Recorder
from titan_sdk.recording.spool import Spool, spool_folder
from titan_sdk.transport import Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from titan_sdk.recording.recorder import Note
    from titan_sdk.run_end import Ending

__all__ = [
    "OWN_RUN",
    "busy_when",
    "end_with_process",
    "ended",
    "flush",
    "is_recording",
    "offer",
    "over",
    "put",
    "recording_to",
    "under_way",
]

SWITCH = "TITAN_RECORD"
_NO = frozenset({"0", "false", "no", "off"})


def put(note: Note) -> None:
    """Have a note told, however many wait: what was told rests on it. Never waits, and never raises."""
    if _recorder is not None:
        _recorder.put(note)


def offer(note: Note) -> bool:
    """Have a note told unless too many wait, and return whether it will be. Never waits, and never raises."""
    return _recorder is not None and _recorder.offer(note)


def is_recording() -> bool:
    """Return whether this process records, as it does unless TITAN_RECORD forbids it."""
    return _recorder is not None


def flush(timeout: float = EXIT_SECONDS) -> bool:
    """Wait until what was recorded so far is at the server, or on disk for later; False when `timeout` seconds end it.

    A process that ends as processes do flushes by itself; one that is stopped or frozen from outside may call this.
    """
    return _recorder is None or _recorder.flush(timeout)


def end_with_process(key: object, end: Callable[[Ending], None]) -> None:
    """Have a run ended when this process exits: `end` gets how that ends."""
    _endings[key] = end


def under_way(key: object, cut: Callable[[str, int], None]) -> None:
    """Have what has begun cut off where this process exits before it ends: `cut` gets why, and the moment.

    The moment is one of `time.perf_counter_ns`: no action may end after its run.
    """
    _under_way[key] = cut
    if _exit is not None:
        cut(*_exit)


def over(key: object) -> None:
    """Forget what was under way: it has ended."""
    _under_way.pop(key, None)


def ended(key: object) -> None:
    """Forget the run: it has been ended on purpose, or belongs to the parent process."""
    _endings.pop(key, None)


@contextmanager
def recording_to(recorder: Recorder) -> Iterator[None]:
    """Put what is recorded in this block, on any thread, to another recorder than the process's own."""
    global _recorder
    earlier, _recorder = _recorder, recorder
    try:
        yield
    finally:
        _recorder = earlier


def busy_when(is_busy: Callable[[], bool]) -> None:
    """Have a signal that ends this process ask whether something is under way that was not told yet."""
    _are_busy.append(is_busy)


def _is_busy() -> bool:
    return bool(_under_way) or _endings.keys() > {OWN_RUN} or any(is_busy() for is_busy in _are_busy)


def _close(ending: Ending, seconds: float) -> None:
    global _exit
    why = f"the program ended by {ending.reason}" if ending.reason else "the program ended before this did"
    _exit = why, perf_counter_ns()
    for cut in tuple(_under_way.values()):
        cut(*_exit)
    while _endings:
        _, end = _endings.popitem()
        end(ending)
    if _recorder is not None:
        _recorder.close(seconds)


def _on_start() -> None:
    run_end.before_exit(_close, is_busy=_is_busy)
    if children.is_child():  # such a process ends without exit handlers
        from multiprocessing import util

        util.Finalize(None, _close_child, exitpriority=0)


def _close_child() -> None:
    with run_end.to_the_end():
        _close(run_end.COMPLETED, EXIT_SECONDS)


def _delivery() -> Delivery:
    try:
        address = address_of()
    except TitanError as mistake:
        say_once(f"titan_sdk: what is recorded has nowhere to go: {mistake}")
        answer = Answer(Verdict.UNWANTED, "it is not known where the server is")
        return Delivery(lambda _body, _seconds: answer, None)
    folder = spool_folder(address)
    transport = Transport(
        *(address.host, address.port, token_for(address)),
        is_tls=address.is_tls,
        ca_file=address.ca_file,
        retry_for_seconds=0,
    )
    where = f"{address.host}:{address.port}"
    return Delivery(post_to(transport), None if folder is None else Spool(folder), where=where)


def _new_recorder() -> Recorder | None:
    if os.environ.get(SWITCH, "").lower() in _NO:
        return None
    return Recorder(_delivery, on_start=_on_start)


def _import_before_any_fork() -> None:
    """Import what the recorder's thread will need: a child that is forked in the middle of an import never has it."""
    with suppress(TitanError):
        if address_of().is_tls:
            from titan_sdk import tls  # noqa: F401


def _step_aside() -> None:
    if _recorder is not None:
        _recorder.step_aside()


def _start_anew() -> None:
    """Begin as a forked child: what waits in the parent's queue, and the runs it ends, are the parent's."""
    global _recorder
    _recorder = _new_recorder()
    _endings.clear()
    _under_way.clear()


#: The key of the run that ends with the process and has no block.
OWN_RUN = "process"
_endings: dict[object, Callable[[Ending], None]] = {}
_are_busy: list[Callable[[], bool]] = []
#: What was told to have begun, and has not ended.
_under_way: dict[object, Callable[[str, int], None]] = {}
#: Why and when this process came to its end.
_exit: tuple[str, int] | None = None
_recorder = _new_recorder()
_import_before_any_fork()
os.register_at_fork(before=_step_aside, after_in_child=_start_anew)
