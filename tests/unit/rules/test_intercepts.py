"""Which runs need attention, and why."""

from msgspec.structs import replace

from tests.support.recorded import a_call, a_word, at, heard
from titan.model.actions import Outcome, RunEnd
from titan.model.recorded import Note, RecordedRun
from titan.rules.broken_off import without_open_calls
from titan.rules.intercepts import Reason, ReasonKind, acknowledgement, reasons


def a_run(*, stopped: int = 0, good: int = 0) -> RecordedRun:
    """Return a run of which so many calls were stopped and so many went well."""
    entries = [a_call(f"s{n}", outcome=(Outcome.BLOCKED, Outcome.REJECTED)[n % 2]) for n in range(stopped)]
    return heard([a_word(), *entries, *(a_call(f"g{n}") for n in range(good))]).run


def test_a_run_that_went_well_needs_nobody() -> None:
    assert reasons(a_run(good=3), has_unrecovered_error=False) == ()


def test_a_failed_run_says_why_it_ended_and_else_what_failed_first() -> None:
    failed = heard([a_call(error="nope"), a_word(seconds=2, end=RunEnd.FAILED, reason="gave up")]).run

    assert reasons(failed, has_unrecovered_error=True) == (Reason(kind=ReasonKind.ERROR, told="gave up"),)
    [why] = reasons(replace(failed, reason=None), has_unrecovered_error=False)
    assert why.told == "ValueError: nope"
    [silent] = reasons(replace(failed, first_error=None, reason=None), has_unrecovered_error=False)
    assert silent.told == "failed without a word"


def test_of_a_run_whose_calls_never_ended_the_reason_says_more() -> None:
    memory = heard([a_call(ends=None), a_word(seconds=2, end=RunEnd.FAILED, reason="killed by hand")])
    run, _ = without_open_calls(memory.run, memory.all)

    [why] = reasons(run, has_unrecovered_error=False)
    [without] = reasons(replace(run, reason=None), has_unrecovered_error=False)

    assert (why.told, without.told) == ("killed by hand", run.first_error)


def test_an_error_that_was_not_made_good_counts_in_a_run_that_goes_on() -> None:
    run = replace(heard([a_call(error="nope")]).run, reason="its word is not its end")

    assert reasons(run, has_unrecovered_error=True) == (Reason(kind=ReasonKind.ERROR, told="ValueError: nope"),)
    assert reasons(run, has_unrecovered_error=False) == ()


def test_a_run_that_somebody_cancelled_needs_nobody() -> None:
    run = heard([a_call(error="KeyboardInterrupt"), a_word(seconds=2, end=RunEnd.CANCELLED)]).run

    assert reasons(run, has_unrecovered_error=True) == ()


def test_many_stopped_calls_are_a_reason_and_one_of_one_is_none() -> None:
    assert reasons(a_run(stopped=1), has_unrecovered_error=False) == ()
    assert reasons(a_run(stopped=2), has_unrecovered_error=False) == ()
    assert reasons(a_run(stopped=3, good=13), has_unrecovered_error=False) == ()
    assert reasons(a_run(stopped=3, good=12), has_unrecovered_error=False) == (
        Reason(kind=ReasonKind.HIGH_INTERVENTION, told="3 of 15 actions were stopped"),
    )


def test_a_run_that_lost_entries_needs_attention_beside_what_else_is_wrong() -> None:
    lossy = replace(a_run(good=3), lost=38_001)
    lost = Reason(kind=ReasonKind.ENTRIES_LOST, told="38,001 entries were not recorded")

    assert reasons(lossy, has_unrecovered_error=False) == (lost,)
    assert reasons(replace(lossy, first_error="no"), has_unrecovered_error=True) == (
        Reason(kind=ReasonKind.ERROR, told="no"),
        lost,
    )
    [one] = reasons(replace(lossy, lost=1), has_unrecovered_error=False)
    assert one.told == "1 entry was not recorded"


def test_a_note_takes_attention_away_until_more_is_heard() -> None:
    run = replace(a_run(stopped=3), heard_at=at(10))
    early, late, other = (
        Note(id=name, project_id="p", run_id=run.id, action_id=None, author="ann", at=at(seconds), acknowledges=is_it)
        for name, seconds, is_it in (("early", 9, True), ("late", 10, True), ("other", 11, False))
    )

    assert acknowledgement(run, [other, late, early]) == late
    assert acknowledgement(replace(run, heard_at=at(11)), [other, late, early]) is None
    assert acknowledgement(run, []) is None
