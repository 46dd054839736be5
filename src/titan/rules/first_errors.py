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


def forget_error(settling: Settling, state: RunState, before: Action) -> None:
    """Take back that a call never ended, for its end was told; another one that never ended may take its place."""
    if state.first_error is None:
        is_first = state.run.first_error_id == before.id and state.run.first_error_at is None
    else:
        is_first = state.first_error.id == before.id and is_broken_off(state.first_error)
    if not is_first:
        return
    state.run = replace(state.run, first_error_id=None, first_error=None)
    stored = (settling.changed.get(other.number, other) for other in settling.known.never_ended(before.run_id))
    heard = (other for other in settling.changed.values() if other.run_id == before.run_id)
    state.first_error = first_of(other for other in (*stored, *heard) if other.number != before.number)


def _comes_first(state: RunState, action: Action, known_id: str) -> bool:
    known, known_at = state.first_error, state.run.first_error_at
    if known is not None:
        before = is_broken_off(known), known.started_at, known_id
    elif known_at is not None:
        before = False, known_at, known_id
    else:
        return not is_broken_off(action)  # of those that never ended, the one that was noted stays
    return (is_broken_off(action), action.started_at, action.id) < before
