"""What this process has for recording: its recorder, the runs that it is to end, and what it does at its end."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from time import perf_counter_ns

from titan_sdk import run_end
from titan_sdk.errors import TitanError
from titan_sdk.http.address import address_of, token_for
from titan_sdk.http.transport import Transport
from titan_sdk.recording import multiprocessing as child_processes
from titan_sdk.recording.delivery import Answer, Verdict, post_to
from titan_sdk.recording.limits import EXIT_SECONDS
from titan_sdk.recording.recorder import Destination, Recorder
from titan_sdk.recording.spool import Spool, spool_folder
from titan_sdk.recording.validation import say_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from titan_sdk.recording.actions import ActiveAction
    from titan_sdk.recording.recorder import Note
    from titan_sdk.replaying.answers import Answers
    from titan_sdk.run_end import Ending

__all__ = [
    "OWN_RUN",
    "end_with_process",
    "ended",
    "flush",
    "is_off",
    "is_recording",
    "offer",
    "over",
    "put",
    "recording_to",
    "under_way",
]

SWITCH = "TITAN_RECORD"
_NO = frozenset({"0", "false", "no", "off"})


@contextmanager
def replaying(found: Answers) -> Iterator[None]:
    """Have the calls of actions in this block, on any thread, answered from a recording, and nothing recorded."""
    global _answers
    earlier, _answers = _answers, found
    try:
        with recording_to(found):  # type: ignore[arg-type]  # it has what is asked of a recorder
            yield
    finally:
        _answers = earlier


def answer_from_now_on(found: Answers | None) -> None:
    """Have the calls of actions answered by `found`, or none any more; what is recorded stays as it is."""
    global _answers
    _answers = found


def answers() -> Answers | None:
    """Return what answers the calls of actions; None: they run, as they do outside of a replay."""
    return _answers


def own_run_id(run_id: str) -> str:
    """Return the id of a run that the program begins with this one: in a fork, the fork's for that of its parent."""
    return run_id if _answers is None else _answers.own_run_id(run_id)


def is_replay() -> bool:
    """Return whether nothing leaves this process, as in a replay; what a fork does is recorded."""
    return _answers is not None and _answers.is_closed


def on_request() -> None:
    """Note of the actions around a request to a Titan server that they make one.

    Raises:
        ReplayDiverged: calls are answered from a recording here, and the server is none of the replay's own: what it
            did once must not be done again.
    """
    act = _current_action()
    while act is not None and not act.uses_titan:
        act.uses_titan, act = True, act.parent
    if _answers is not None and not _answers.has_own_titan:
        from titan_sdk.replaying.answers import ReplayDiverged

        raise ReplayDiverged(
            "in a replay no request goes to a Titan server: record the call that makes it as an action"
        )


def put(note: Note) -> None:
    """Queue an item, however many wait: items reported before depend on it. Never waits, and never raises."""
    if _recorder is not None:
        _recorder.put(note)


def offer(note: Note) -> bool:
    """Queue an item unless too many wait, and return whether it was queued. Never waits, and never raises."""
    return _recorder is not None and _recorder.offer(note)


def is_recording() -> bool:
    """Return whether this process records, as it does unless TITAN_RECORD forbids it."""
    return _recorder is not None


def is_off(switch: str) -> bool:
    """Return whether a setting of the environment says no."""
    return os.environ.get(switch, "").lower() in _NO


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


def _is_busy() -> bool:
    return bool(_under_way) or _endings.keys() > {OWN_RUN} or _current_action() is not None


def _current_action() -> ActiveAction | None:
    """Return the action that is under way here, without importing what records actions."""
    actions = sys.modules.get("titan_sdk.recording.actions")
    return None if actions is None else actions.current_action()


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
    if child_processes.is_child():  # such a process ends without exit handlers
        from multiprocessing import util

        util.Finalize(None, _close_child, exitpriority=0)


def _close_child() -> None:
    with run_end.to_the_end():
        _close(run_end.COMPLETED, EXIT_SECONDS)


def _destination() -> Destination:
    try:
        address = address_of()
    except TitanError as mistake:
        say_once(f"titan_sdk: what is recorded has nowhere to go: {mistake}")
        answer = Answer(Verdict.REFUSED, "it is not known where the server is")
        return Destination(lambda _body, _seconds: answer, None)
    folder = spool_folder(address)
    spool = None if folder is None else Spool(folder)
    try:
        transport = Transport(
            *(address.host, address.port, token_for(address)),
            is_tls=address.is_tls,
            ca_file=address.ca_file,
            retry_for_seconds=0,
        )
    except TitanError as mistake:  # such as a token that no header can carry
        denied = Answer(Verdict.DENIED, str(mistake))
        return Destination(lambda _body, _seconds: denied, spool)
    return Destination(post_to(transport), spool)


def new_recorder() -> Recorder | None:
    """Return what records this process; None where TITAN_RECORD forbids it."""
    if is_off(SWITCH):
        return None
    return Recorder(_destination, on_start=_on_start)


def _import_before_any_fork() -> None:
    """Import what the recorder's thread will need: a child that is forked in the middle of an import never has it."""
    with suppress(TitanError):
        if address_of().is_tls:
            pass


def _begin_replay() -> None:
    """Begin what the environment asks for, where Python did not before the program, as under `python -I`."""
    if "_TITAN_FORK" in os.environ:
        from titan_sdk.replaying import forking

        forking.start()
    elif "TITAN_REPLAY" in os.environ or "_TITAN_REPLAY" in os.environ:
        from titan_sdk.replaying import starting

        starting.start()
    elif "_TITAN_WORLD" in os.environ:
        from titan_sdk.replaying import in_world

        in_world.start()


def _start_anew() -> None:
    """Begin as a forked child: what waits in the parent's queue, and the runs it ends, are the parent's."""
    global _recorder
    if _answers is None or not _answers.is_recorder:
        _recorder = new_recorder()
    _endings.clear()
    _under_way.clear()


#: The key of the run that ends with the process and has no block.
OWN_RUN = "process"
_endings: dict[object, Callable[[Ending], None]] = {}
#: What was reported as begun, and has not ended.
_under_way: dict[object, Callable[[str, int], None]] = {}
#: Why and when this process came to its end.
_exit: tuple[str, int] | None = None
_answers: Answers | None = None
_recorder = new_recorder()
_import_before_any_fork()
os.register_at_fork(after_in_child=_start_anew)

_begin_replay()
