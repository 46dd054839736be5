"""Calls that never ended, in runs that did."""

from msgspec.structs import replace

from tests.support.recorded import Memory, a_call, a_word, at, heard
from titan.model.actions import ActionKind, Outcome, RunEnd
from titan.model.recorded import Tally
from titan.rules.broken_off import told_of, without_open_calls
from titan.rules.merging import NEVER_ENDED


def broken_off(*, end: float = 9) -> Memory:
    """Return what is known of a run whose one call never ended, after that was noted."""
    memory = heard([a_call(begins=2, ends=None, cost="0.50"), a_word(seconds=end, end=RunEnd.COMPLETED)])
    run, closed = without_open_calls(memory.run, memory.all)
    memory.runs[run.id] = run
    memory.actions |= {action.number: action for action in closed}
    return memory


def test_nothing_runs_in_a_run_that_has_ended() -> None:
    memory = broken_off()

    [action] = memory.all
    assert (action.outcome, action.error_type, action.ended_at) == (Outcome.ERROR, NEVER_ENDED, at(9))
    assert action.duration_ns is None
    assert (memory.run.tally.running, memory.run.tally.error, str(memory.run.tally.cost)) == (0, 1, "0.50")


def test_it_does_not_end_before_it_began() -> None:
    assert broken_off(end=1).all[0].ended_at == at(2)


def test_a_run_without_an_end_of_its_own_ended_with_its_last_event() -> None:
    memory = heard([a_call(ends=None), a_word(seconds=4)])

    _, [action] = without_open_calls(memory.run, memory.all)

    assert action.ended_at == at(4)


def test_an_end_that_is_told_late_counts_as_if_it_had_come_in_time() -> None:
    late = a_call(begins=2, ends=5, cost="0.50")

    memory = broken_off()
    memory.hear(late)
    in_time = heard([a_call(begins=2, ends=None, cost="0.50"), a_word(seconds=9, end=RunEnd.COMPLETED), late])

    assert (memory.all, memory.run) == (in_time.all, in_time.run)
    assert memory.run.tally == replace(Tally(), calls=1, success=1, cost=memory.run.tally.cost)


def test_a_beginning_that_is_told_again_changes_nothing() -> None:
    memory = broken_off()

    assert memory.hear(a_call(begins=2, ends=None)).repeated == 1


def test_it_is_said_how_many_broke_off() -> None:
    calls = heard([a_call("a1", ends=None), a_call("a2", ends=None), a_call("a3", kind=ActionKind.TURN, ends=None)]).all

    assert told_of(calls) == "broke off: 2 calls never ended"
    assert told_of(calls[2:]) == "broke off: 1 step never ended"
