"""Which runs of a store of calls need attention: those with trouble that nothing made good."""

from itertools import count

import pytest
from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import kept, record, run_of
from tests.support.recorded import RUN, a_call, a_word, at
from titan.model.actions import ActionEntry, ActionKind, Entry, Outcome, RunEnd
from titan.model.runs import Note
from titan.ports.runs_store import CallReader, CallStore, CallTransaction, RunFilter
from titan.rules.runs.recording import LOST


def test_runs_that_need_attention_are_those_with_errors_latest_first(calls: CallStore) -> None:
    numbers = count()

    def tell(run_id: str, *entries: Entry, agent: str = "ada") -> None:
        record(calls, a_word(run_id=run_id, seconds=next(numbers), agent_id=agent), *entries)

    tell("good", a_call(run_id="good"))
    tell("failed", a_call(run_id="failed"), a_word(run_id="failed", seconds=1, end=RunEnd.FAILED))
    failing = a_call("a", run_id="failing", error="no"), a_word(run_id="failing", seconds=2, end=RunEnd.FAILED)
    tell("failing", *failing)  # of one that failed nobody asks whether its errors were made good
    tell("broken", a_call("a", run_id="broken", error="no"), a_call("b", run_id="broken", name="else"))
    tell("mended", a_call("a", run_id="mended", error="no"), a_call("b", run_id="mended", begins=2, ends=4))
    tell("blocked", a_call(run_id="blocked", begins=9, ends=9, outcome=Outcome.BLOCKED), agent="bob")
    tell("rejected", a_call(run_id="rejected", begins=9, ends=9, outcome=Outcome.REJECTED))

    def ask(reader: CallReader) -> list[tuple[str, bool]]:
        return [(run.id, flag) for run, flag in reader.runs_in_need(PROJECT, since=at(0), limit=9)]

    assert calls.read(ask) == [
        ("rejected", False),
        ("blocked", False),
        ("mended", False),
        ("broken", True),
        ("failing", False),
        ("failed", False),
    ]
    late = calls.read(lambda reader: reader.runs_in_need(PROJECT, since=at(5), limit=9))
    assert [run.id for run, _ in late] == ["rejected", "blocked"]
    of_bob = calls.read(lambda reader: reader.runs_in_need(PROJECT, since=at(0), agent_id="bob", limit=9))
    assert [run.id for run, _ in of_bob] == ["blocked"]
    first = calls.read(lambda reader: reader.runs_in_need(PROJECT, since=at(0), limit=1))
    assert [run.id for run, _ in first] == ["rejected"]


def test_a_run_that_lost_entries_needs_attention_without_an_error(calls: CallStore) -> None:
    lost = a_call("l1", run_id="lossy", kind=ActionKind.EVENT, name=LOST, outcome=Outcome.ERROR)

    record(calls, a_call(run_id="lossy"), replace(lost, details='{"attributes":{"count":38001}}'))
    record(calls, replace(lost, id="l2", details='{"attributes":{"count":2}}'), a_call(run_id="whole"))

    found = calls.read(lambda reader: reader.runs_in_need(PROJECT, since=at(0), limit=9))
    assert [(run.id, run.lost, run.tally.error, run.first_error_id, flag) for run, flag in found] == [
        ("lossy", 38_003, 0, None, False)
    ]
    listed, _ = calls.read(
        lambda reader: reader.registry(PROJECT, RunFilter(), sort="started", is_ascending=True, after=None, limit=9)
    )
    assert {run.id: run.lost for run in listed} == {"lossy": 38_003, "whole": 0}


def needs(calls: CallStore, *entries: ActionEntry) -> bool:
    """Return whether a run of these actions has a failed call that was not made good."""
    record(calls, *entries)
    [(_, flag)] = calls.read(lambda reader: reader.runs_in_need(PROJECT, since=at(0), limit=9))
    kept(calls, lambda tx: tx.forget_run(PROJECT, RUN))
    return flag


def around(outcome: Outcome, id: str, parent_id: str | None = None, kind: ActionKind = ActionKind.CALL) -> ActionEntry:
    return a_call(id, kind=kind, name=id, outcome=outcome, parent_id=parent_id)


def test_an_error_whose_caller_succeeded_is_recovered(calls: CallStore) -> None:
    failed = a_call("tool", error="no", parent_id="inner")
    inner, outer = around(Outcome.ERROR, "inner", "outer"), around(Outcome.SUCCESS, "outer")
    frame = around(Outcome.SUCCESS, "inner", "outer", ActionKind.STEP)

    assert needs(calls, failed)
    assert needs(calls, failed, inner)
    assert not needs(calls, failed, inner, outer)
    assert not needs(calls, failed, frame, outer)
    assert needs(calls, failed, inner, outer, a_call("other", name="other", error="no"))
    assert needs(calls, replace(failed, parent_id="b"), replace(inner, id="b", parent_id="b"))


@pytest.mark.parametrize("kind", [ActionKind.TURN, ActionKind.AGENT, ActionKind.STEP])
def test_a_frame_that_succeeded_made_no_error_in_it_good(calls: CallStore, kind: ActionKind) -> None:
    failed = a_call("pay", name="pay", error="no", parent_id="frame")

    assert needs(calls, failed, around(Outcome.SUCCESS, "frame", kind=kind))
    assert needs(
        calls, failed, around(Outcome.SUCCESS, "frame", "run", kind), around(Outcome.SUCCESS, "run", kind=kind)
    )
    assert not needs(
        calls, failed, around(Outcome.SUCCESS, "frame", kind=kind), a_call("again", name="pay", begins=2, ends=3)
    )


def a_note(id: str, *, acknowledges: bool = False, mutes: bool = False, troubles: int = 0) -> Note:
    """Return a note on the run, by whom so much was seen to have gone wrong in it."""
    return Note(
        id=id,
        project_id=PROJECT,
        run_id=RUN,
        action_id=None,
        author="ann",
        at=at(0),
        acknowledges=acknowledges,
        troubles=troubles,
        mutes=mutes,
    )


def needs_of(calls: CallStore, *, has_acknowledged: bool = False) -> list[str]:
    """Return the runs in need, with those that somebody acknowledged or muted where that is asked for."""
    found = calls.read(
        lambda reader: reader.runs_in_need(PROJECT, since=at(0), has_acknowledged=has_acknowledged, limit=9)
    )
    return [run.id for run, _ in found]


def test_an_acknowledged_run_needs_no_attention_until_it_has_more_errors(calls: CallStore) -> None:
    record(calls, a_call("a", error="no"))

    kept(calls, lambda tx: tx.save_note(a_note("says nothing of it", troubles=9)))
    kept(calls, lambda tx: tx.save_note(a_note("of before", acknowledges=True)))
    assert needs_of(calls) == [RUN]

    kept(calls, lambda tx: tx.save_note(a_note("now", acknowledges=True, troubles=1)))
    record(calls, a_call("b"))
    assert (needs_of(calls), needs_of(calls, has_acknowledged=True)) == ([], [RUN])

    record(calls, a_word(end=RunEnd.FAILED))
    assert needs_of(calls) == [RUN]


def test_many_notes_on_a_run_count_as_the_one_that_saw_most_and_each_until_it_is_deleted(calls: CallStore) -> None:
    record(calls, a_call("a", error="no"), a_call("b", error="no"))
    more, less = (a_note(f"saw {n}", acknowledges=True, troubles=n) for n in (2, 1))

    def say_all(tx: CallTransaction) -> None:
        for note in (more, less, a_note("score")):
            tx.save_note(note)

    kept(calls, say_all)
    assert needs_of(calls) == []

    kept(calls, lambda tx: tx.forget_note(less))
    assert needs_of(calls) == []
    kept(calls, lambda tx: tx.forget_note(more))
    assert needs_of(calls) == [RUN]


def test_errors_of_a_run_add_up_and_never_decrease(calls: CallStore) -> None:
    def troubles_with(errors: int, **changes: object) -> int:
        run = run_of(calls)
        assert run is not None
        changed = replace(run, tally=replace(run.tally, error=errors), **changes)
        kept(calls, lambda tx: tx.save_run(changed))
        return troubles_of(calls)

    record(calls, a_call("a", error="no"), a_call("b", error="no"))
    assert troubles_of(calls) == 2

    assert troubles_with(1) == 2  # it turned out to have gone well
    assert troubles_with(1, troubles=0) == 2
    assert troubles_with(2, troubles=9) == 3
    record(calls, a_word(seconds=5, end=RunEnd.FAILED))
    record(calls, a_call("c", begins=6, ends=7))
    assert (troubles_of(calls), needs_of(calls)) == (4, [RUN])
    kept(calls, lambda tx: tx.save_note(a_note("now", acknowledges=True, troubles=4)))
    assert needs_of(calls) == []

    record(calls, a_call("d", begins=8, error="no"))
    assert (troubles_of(calls), needs_of(calls)) == (5, [RUN])
    kept(calls, lambda tx: tx.forget_run(PROJECT, RUN))
    record(calls, a_call("a", error="no"))
    assert troubles_of(calls) == 1


def troubles_of(calls: CallStore) -> int:
    """Return how much went wrong in the run."""
    run = run_of(calls)
    assert run is not None
    return run.troubles


def test_a_muted_run_needs_no_attention_whatever_is_reported(calls: CallStore) -> None:
    muting = a_note("muting", mutes=True)
    record(calls, a_call("a", error="no"))

    kept(calls, lambda tx: tx.save_note(muting))
    record(calls, a_call("b", error="no"))
    assert (needs_of(calls), needs_of(calls, has_acknowledged=True)) == ([], [RUN])

    kept(calls, lambda tx: tx.forget_note(muting))
    assert needs_of(calls) == [RUN]
