"""Calls that never ended, in runs that did."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.support.recorded import RUN, Memory, a_call, a_word, at, heard
from titan.model.actions import ActionKind, Effect, Entry, Outcome, RunEnd, Source
from titan.model.runs import Tally
from titan.rules.runs.merge_reports import NEVER_ENDED, closed, described


def a_run_broken_off(*, end: float = 9) -> Memory:
    """Return what is known of a run whose one call never ended, after that was noted."""
    return a_closed_run([a_call(begins=2, ends=None, cost="0.50"), a_word(seconds=end, end=RunEnd.COMPLETED)])


def a_closed_run(entries: Sequence[Entry]) -> Memory:
    """Return what is known of a run that is over, after what runs in it was noted to have never ended."""
    memory = heard(entries)
    run = memory.run
    still_open = [action for action in memory.all if action.outcome is None]
    memory.actions |= {one.number: closed(one, at=run.ended_at or run.last_event_at) for one in still_open}
    memory.count(run.id)
    return memory


def test_nothing_runs_in_a_run_that_has_ended() -> None:
    memory = a_run_broken_off()

    [action] = memory.all
    assert (action.outcome, action.error_type, action.ended_at) == (Outcome.ERROR, NEVER_ENDED, at(9))
    assert action.duration_ns == 7_000_000_000
    assert (memory.run.tally.running, memory.run.tally.error, memory.run.tally.cost) == (0, 1, Decimal("0.5"))


def test_it_does_not_end_before_it_began() -> None:
    assert a_run_broken_off(end=1).all[0].ended_at == at(2)


def test_a_late_end_counts_as_if_it_had_arrived_in_time() -> None:
    late = a_call(begins=2, ends=5, cost="0.50")

    memory = a_run_broken_off()
    memory.hear(late)
    in_time = heard([a_call(begins=2, ends=None, cost="0.50"), a_word(seconds=9, end=RunEnd.COMPLETED), late])

    assert (memory.all, memory.run) == (in_time.all, in_time.run)
    assert memory.run.tally == replace(Tally(), calls=1, success=1, cost=memory.run.tally.cost)


def test_a_repeated_beginning_changes_nothing() -> None:
    memory = a_run_broken_off()

    assert memory.hear(a_call(begins=2, ends=None)).repeated == 1


def test_it_is_said_how_many_broke_off() -> None:
    calls = heard([a_call("a1", ends=None), a_call("a2", ends=None), a_call("a3", kind=ActionKind.TURN, ends=None)]).all

    assert described(calls) == "broke off: 2 calls never ended"
    assert described(calls[2:]) == "broke off: 1 step never ended"


@pytest.mark.parametrize(("effect", "word"), [(Effect.EXTERNAL, "Interrupted"), (None, "Its run ended")])
def test_an_external_action_without_an_end_reads_interrupted(effect: Effect | None, word: str) -> None:
    (action,) = heard([replace(a_call(ends=None), effect=effect)]).all

    over = closed(action, at=action.started_at)

    assert (over.outcome, over.error_type) == (Outcome.ERROR, NEVER_ENDED)
    assert over.error_message is not None
    assert over.error_message.startswith(word)


# --- the first error ---

END = a_word(seconds=9, end=RunEnd.FAILED)
NEVER = f"{NEVER_ENDED}: Its run ended, and its own end was never reported."


def first_error(memory: Memory) -> tuple[str | None, str | None]:
    return memory.run.first_error_id, memory.run.first_error


def test_an_unfinished_call_is_the_first_error_of_a_run_without_another() -> None:
    turn = a_call("t1", kind=ActionKind.TURN, begins=0, ends=None)

    memory = a_closed_run([turn, a_call("a2", begins=2, ends=None), a_call("a1", begins=1, ends=None), END])

    assert first_error(memory) == ("a1", NEVER)


def test_a_step_that_never_ended_is_no_error_of_its_run() -> None:
    assert first_error(a_closed_run([a_call(kind=ActionKind.STEP, ends=None), END])) == (None, None)


@pytest.mark.parametrize("begins", [0, 5])
def test_a_failed_call_is_the_first_error_before_an_unfinished_one(begins: float) -> None:
    failed = a_call("b", begins=begins, ends=6, error="nope")
    others: list[Entry] = [a_call("a1", begins=1, ends=None), END]
    late = a_closed_run(others)

    late.hear(failed)

    assert first_error(late) == first_error(a_closed_run([failed, *others])) == ("b", "ValueError: nope")


def test_a_late_end_makes_another_call_the_first_that_never_ended() -> None:
    memory = a_closed_run([a_call("a1", begins=1, ends=None), a_call("a2", begins=2, ends=None), END])

    memory.hear(a_call("a2", begins=2, ends=3))
    still_first = first_error(memory)
    memory.hear(a_call("a1", begins=1, ends=3))

    assert (still_first, first_error(memory)) == (("a1", NEVER), (None, None))


def test_of_late_ends_the_first_one_leaves_the_first_error_to_the_other_call() -> None:
    memory = a_closed_run([a_call("a1", begins=1, ends=None), a_call("a2", begins=2, ends=None), END])

    memory.hear(a_call("a1", begins=1, ends=3))

    assert first_error(memory) == ("a2", NEVER)
    assert memory.run.first_error_at is None


def test_an_entry_of_another_run_beside_a_late_end_is_no_error_of_the_first_run() -> None:
    memory = a_closed_run([a_call("a1", begins=1, ends=None), a_call("a2", begins=2, ends=None), END])

    memory.hear(a_call("b1", run_id="another", begins=0, error="no"), a_call("a1", begins=1, ends=3))

    assert {run.id: run.first_error_id for run in memory.runs.values()} == {RUN: "a2", "another": "b1"}


def test_a_late_end_that_is_an_error_gives_its_message() -> None:
    memory = a_closed_run([a_call("a1", begins=1, ends=None), a_call("a2", begins=2, ends=None), END])

    memory.hear(a_call("a1", begins=1, ends=3, error="nope"))

    assert first_error(memory) == ("a1", "ValueError: nope")


def test_an_earlier_beginning_from_another_source_only_lengthens_an_unfinished_call() -> None:
    memory = a_run_broken_off()

    memory.hear(a_call(begins=1, ends=None, source=Source.SENTINEL))

    [action] = memory.all
    assert (action.outcome, action.error_type, action.duration_ns) == (Outcome.ERROR, NEVER_ENDED, 8_000_000_000)
