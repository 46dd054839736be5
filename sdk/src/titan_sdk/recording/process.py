"""The recording state of this process: its recorder, replays, and what to finish at exit.

Processes that `multiprocessing` starts in a `run` block belong to that run. A forked process inherits it with its
memory. A process that is spawned or comes from a fork server gets a setting of its process object, which is pickled in
the thread that starts the process. (The environment would not do: a fork server keeps that of its own start.)
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from time import perf_counter_ns

from titan_sdk import run_end
from titan_sdk.errors import TitanError
from titan_sdk.http.address import address_of, token_for
from titan_sdk.http.transport import Transport
from titan_sdk.recording.delivery import Answer, Spool, Verdict, post_to, spool_folder
from titan_sdk.recording.recorder import EXIT_SECONDS, Destination, Recorder
from titan_sdk.recording.validation import say_once
from titan_sdk.switches import is_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from titan_sdk.recording.actions import ActiveAction
    from titan_sdk.recording.recorder import Report
    from titan_sdk.replaying.answers import Answers
    from titan_sdk.run_end import Ending

SWITCH = "TITAN_RECORD"
#: The key of the run that ends with the process and has no block.
OWN_RUN = "process"
_SETTING = "titan_run"
_PROCESSES = "multiprocessing.process"
_run_endings: dict[object, Callable[[Ending], None]] = {}
#: Actions that were reported as begun and have not ended.
_open_actions: dict[object, Callable[[str, int], None]] = {}
#: Why and when this process came to its end.
_exit: tuple[str, int] | None = None
_answers: Answers | None = None
#: What the parent process passed, once this process passes something on itself.
_from_parent: tuple[Any, ...] = ()


# --- replays ---


@contextmanager
def replaying(found: Answers) -> Iterator[None]:
    """Answer calls of actions in this block, on any thread, from a recording, and record nothing."""
    global _answers
    earlier, _answers = _answers, found
    try:
        with recording_to(found):  # type: ignore[arg-type]  # it has a recorder's methods
            yield
    finally:
        _answers = earlier


def answer_from_now_on(found: Answers | None) -> None:
    """Have `found` answer calls of actions, or None to let them run; the recorder stays as it is."""
    global _answers
    _answers = found


def answers() -> Answers | None:
    """Return the replay that answers calls of actions; None outside of a replay."""
    return _answers


def own_run_id(run_id: str) -> str:
    """Return the id to use for a run that the program begins: in a fork, the fork's in place of its parent's."""
    return run_id if _answers is None else _answers.own_run_id(run_id)


def is_replay() -> bool:
    """Return whether nothing leaves this process, as in a replay; a fork's actions are recorded."""
    return _answers is not None and _answers.is_closed


def on_request() -> None:
    """Mark the current actions as users of a Titan server. Called before each request to one.

    Raises:
        ReplayDiverged: the process replays a recording, and the server is not the replay's own: the request must not be
            repeated.
    """
    act = _current_action()
    while act is not None and not act.uses_titan:
        act.uses_titan, act = True, act.parent
    if _answers is not None and not _answers.has_own_titan:
        from titan_sdk.replaying.answers import ReplayDiverged

        raise ReplayDiverged(
            "in a replay no request goes to a Titan server: record the call that makes it as an action"
        )


# --- the recorder ---


def put(report: Report) -> None:
    """Queue a report whatever the length of the queue: the server needs it. Never waits, and never raises."""
    if _recorder is not None:
        _recorder.put(report)


def offer(report: Report) -> bool:
    """Queue a report unless too many wait, and return whether it was queued. Never waits, and never raises."""
    return _recorder is not None and _recorder.offer(report)


def is_recording() -> bool:
    """Return whether this process records, as it does unless TITAN_RECORD disables it."""
    return _recorder is not None


def flush(timeout: float = EXIT_SECONDS) -> bool:
    """Wait until everything recorded so far is at the server or on disk; return False after `timeout` seconds.

    A process flushes at exit by itself; one that may be stopped or frozen from outside can call this.
    """
    return _recorder is None or _recorder.flush(timeout)


@contextmanager
def recording_to(recorder: Recorder) -> Iterator[None]:
    """Record to another recorder in this block, on any thread."""
    global _recorder
    earlier, _recorder = _recorder, recorder
    try:
        yield
    finally:
        _recorder = earlier


def new_recorder() -> Recorder | None:
    """Return a recorder for this process; None where TITAN_RECORD disables it.

    Raises:
        InvalidInput: TITAN_RECORD is neither on nor off.
    """
    return Recorder(_destination, on_start=_on_start) if is_on(SWITCH, is_on_unset=True) else None


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


# --- exit ---


def end_run_at_exit(key: object, end: Callable[[Ending], None]) -> None:
    """Have a run ended when this process exits: `end` gets the exit's outcome."""
    _run_endings[key] = end


def forget_run(key: object) -> None:
    """Do not end the run at exit: it has ended, or belongs to the parent process."""
    _run_endings.pop(key, None)


def cut_at_exit(key: object, cut: Callable[[str, int], None]) -> None:
    """Have an action ended if it is under way at exit: `cut` gets the reason and the time of `perf_counter_ns`.

    No action may end after its run.
    """
    _open_actions[key] = cut
    if _exit is not None:
        cut(*_exit)


def forget_action(key: object) -> None:
    """Do not end the action at exit: it has ended."""
    _open_actions.pop(key, None)


def _is_busy() -> bool:
    return bool(_open_actions) or _run_endings.keys() > {OWN_RUN} or _current_action() is not None


def _current_action() -> ActiveAction | None:
    """Return the current action, without importing the module of actions."""
    actions = sys.modules.get("titan_sdk.recording.actions")
    return None if actions is None else actions.current_action()


def _close(ending: Ending, seconds: float) -> None:
    global _exit
    why = f"the program ended by {ending.reason}" if ending.reason else "the program ended before this did"
    _exit = why, perf_counter_ns()
    for cut in tuple(_open_actions.values()):
        cut(*_exit)
    while _run_endings:
        _, end = _run_endings.popitem()
        end(ending)
    if _recorder is not None:
        _recorder.close(seconds)


def _on_start() -> None:
    run_end.before_exit(_close, is_busy=_is_busy)
    if is_child_process():  # such a process ends without exit handlers
        from multiprocessing import util

        util.Finalize(None, _close_child, exitpriority=0)


def _close_child() -> None:
    with run_end.to_the_end():
        _close(run_end.COMPLETED, EXIT_SECONDS)


# --- child processes ---


def is_child_process() -> bool:
    """Return whether `multiprocessing` started this process."""
    module = sys.modules.get(_PROCESSES)
    return module is not None and module.parent_process() is not None


def pass_to_children(values: Callable[[], tuple[Any, ...]]) -> None:
    """Pass what `values` returns to processes that `multiprocessing` starts from now on.

    Where `multiprocessing` is not imported yet, nothing is passed: importing it takes 10 ms.
    """
    global _from_parent
    settings = _process_settings()
    if settings is not None:
        _from_parent = passed_by_parent()  # which is replaced here
        settings[_SETTING] = _PassedOn(values)


def passed_by_parent() -> tuple[Any, ...]:
    """Return what the parent process passed; () for nothing."""
    found = (_process_settings() or {}).get(_SETTING)
    return found if isinstance(found, tuple) else _from_parent


class _PassedOn:
    """Pickles as a tuple of built-in types: the process that reads it may not know this package."""

    __slots__ = ("_values",)

    def __init__(self, values: Callable[[], tuple[Any, ...]]) -> None:
        self._values = values

    def __reduce__(self) -> tuple[type[tuple[Any, ...]], tuple[tuple[Any, ...]]]:
        return tuple, (self._values(),)


def _process_settings() -> dict[str, Any] | None:
    """Return the settings that every process object created here gets a copy of."""
    module = sys.modules.get(_PROCESSES)
    found = None if module is None else getattr(module.current_process(), "_config", None)
    return found if isinstance(found, dict) else None


def _reset_after_fork() -> None:
    """Start a forked child anew: the queue of the parent and the runs that it ends are the parent's."""
    global _recorder
    if _answers is None or not _answers.is_recorder:
        _recorder = new_recorder()
    _run_endings.clear()
    _open_actions.clear()


def _begin_replay() -> None:
    """Begin the replay that the environment asks for, where `sitecustomize` did not, as under `python -I`."""
    if "_TITAN_FORK" in os.environ:
        from titan_sdk.replaying import forking

        forking.start()
    elif "TITAN_REPLAY" in os.environ or "_TITAN_REPLAY" in os.environ:
        from titan_sdk.replaying import starting

        starting.start()
    elif "_TITAN_WORLD" in os.environ:
        from titan_sdk.replaying import in_world

        in_world.start()


_recorder = new_recorder()
os.register_at_fork(after_in_child=_reset_after_fork)
_begin_replay()
