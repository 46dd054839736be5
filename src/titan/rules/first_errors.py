"""A run's first error: of the calls that failed, the one that began first; where none did, one that never ended.

That a call never ended is only inferred, and often follows from another failure: so any that failed of itself is told
before it. Once its own end is told, it is no error of the run any more.
"""

from msgspec.structs import replace

from titan.model.recorded import Action
from titan.rules.broken_off import first_of, is_broken_off
from titan.rules.settling import RunState, Settling


def note_error(state: RunState, action: Action) -> None:
    """Note at its run that a call failed, or never ended."""
    known_id = state.run.first_error_id if state.first_error is None else state.first_error.id
    if known_id is None or action.id == known_id or _comes_first(state, action, known_id):
        state.first_error = action


def forget_error(state: RunState, before: Action) -> None:
    """Take back that a call never ended, for its end was told; see `find_first_errors`."""
    if state.first_error is None:
        is_first = state.run.first_error_id == before.id and state.run.first_error_at is None
    else:
        is_first = state.first_error.id == before.id and is_broken_off(state.first_error)
    if is_first:
        state.run = replace(state.run, first_error_id=None, first_error=None)
        state.first_error = None
        state.lacks_first_error = True


def find_first_errors(settling: Settling) -> None:
    """Put another call that never ended in the place of one that was taken back, where none failed of itself.

    To be asked once all entries of a batch are taken: many ends may come late, and each may be that of the first.
    """
    lacking = {run_id: list[Action]() for run_id, state in settling.runs.items() if _lacks_error(state)}
    for action in settling.changed.values() if lacking else ():
        if action.run_id in lacking:
            lacking[action.run_id].append(action)
    for run_id, heard in lacking.items():
        stored = settling.known.never_ended(run_id, len(heard) + 1)  # of so many, at least one is as it was
        others = (action for action in stored if action.number not in settling.changed)
        settling.runs[run_id].first_error = first_of((*heard, *others))


def _lacks_error(state: RunState) -> bool:
    return state.lacks_first_error and (state.first_error is None or is_broken_off(state.first_error))


def _comes_first(state: RunState, action: Action, known_id: str) -> bool:
    known, known_at = state.first_error, state.run.first_error_at
    if known is not None:
        before = is_broken_off(known), known.started_at, known_id
    elif known_at is not None:
        before = False, known_at, known_id
    else:
        return not is_broken_off(action)  # of those that never ended, the one that was noted stays
    return (is_broken_off(action), action.started_at, action.id) < before
