"""Which runs need attention, and why."""

from dataclasses import replace as replace_note
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.support.recorded import RUN, a_call, a_word, at, heard
from tests.unit.rules.test_unfinished_calls import a_closed_run
from titan.model.actions import Outcome, RunEnd
from titan.model.run_control import RunStatus
from titan.model.runs import Note, Run, Stops
from titan.rules.runs.attention import (
    DEFAULTS,
    Reason,
    ReasonKind,
    Thresholds,
    acknowledgement,
    depends_on_agent,
    reasons,
)


def a_run(*, stopped: int = 0, good: int = 0) -> Run:
    """Return a run of which so many calls were stopped and so many went well."""
    entries = [a_call(f"s{n}", outcome=(Outcome.BLOCKED, Outcome.REJECTED)[n % 2]) for n in range(stopped)]
    return heard([a_word(), *entries, *(a_call(f"g{n}") for n in range(good))]).run


def a_note(name: str, seconds: float) -> Note:
    """Return a note on a run that says nothing of whether it needs attention."""
    return Note(id=name, project_id="p", run_id=RUN, action_id=None, author="ann", at=at(seconds))


def test_a_run_that_went_well_needs_nobody() -> None:
    assert reasons(a_run(good=3), has_unrecovered_error=False) == ()


def test_a_failed_run_shows_its_reason_or_else_its_first_error() -> None:
    failed = heard([a_call(error="nope"), a_word(seconds=2, end=RunEnd.FAILED, reason="gave up")]).run

    assert reasons(failed, has_unrecovered_error=True) == (Reason(kind=ReasonKind.ERROR, text="gave up"),)
    [why] = reasons(replace(failed, reason=None), has_unrecovered_error=False)
    assert why.text == "ValueError: nope"
    [silent] = reasons(replace(failed, first_error=None, reason=None), has_unrecovered_error=False)
    assert silent.text == "failed without an error message"


def test_of_a_run_whose_calls_never_ended_the_reason_says_more() -> None:
    run = a_closed_run([a_call(ends=None), a_word(seconds=2, end=RunEnd.FAILED, reason="killed by hand")]).run

    [why] = reasons(run, has_unrecovered_error=False)
    [without] = reasons(replace(run, reason=None), has_unrecovered_error=False)

    assert (why.text, without.text) == ("killed by hand", run.first_error)


def test_an_unrecovered_error_counts_in_an_active_run() -> None:
    run = replace(heard([a_call(error="nope")]).run, reason="its word is not its end")

    assert reasons(run, has_unrecovered_error=True) == (Reason(kind=ReasonKind.ERROR, text="ValueError: nope"),)
    assert reasons(run, has_unrecovered_error=False) == ()


def test_a_run_that_somebody_cancelled_needs_nobody() -> None:
    run = heard([a_call(error="KeyboardInterrupt"), a_word(seconds=2, end=RunEnd.CANCELLED)]).run

    assert reasons(run, has_unrecovered_error=True) == ()


def test_many_stopped_calls_are_a_reason_and_one_of_one_is_none() -> None:
    assert reasons(a_run(stopped=1), has_unrecovered_error=False) == ()
    assert reasons(a_run(stopped=2), has_unrecovered_error=False) == ()
    assert reasons(a_run(stopped=3, good=13), has_unrecovered_error=False) == ()
    assert reasons(a_run(stopped=3, good=12), has_unrecovered_error=False) == (
        Reason(kind=ReasonKind.HIGH_INTERVENTION, text="3 of 15 actions were stopped"),
    )


def test_the_thresholds_can_be_set_and_shares_are_exact() -> None:
    def is_often(run: Run, thresholds: Thresholds) -> bool:
        return reasons(run, has_unrecovered_error=False, thresholds=thresholds) != ()

    assert is_often(a_run(stopped=1), Thresholds(least=1))
    assert not is_often(a_run(stopped=4), Thresholds(least=5))
    assert is_often(a_run(stopped=7, good=93), Thresholds(rate=Decimal("0.07")))  # a float of it times 100 is above 7
    assert not is_often(a_run(stopped=7, good=94), Thresholds(rate=Decimal("0.07")))


def beside(run: Run, stopped: int, attempts: int, thresholds: Thresholds = DEFAULTS) -> list[str]:
    """Return what is told of a run before which its agent's made so many attempts."""
    of_agent = Stops(stopped=stopped, attempts=attempts)
    return [
        reason.text for reason in reasons(run, has_unrecovered_error=False, thresholds=thresholds, of_agent=of_agent)
    ]


def test_a_run_stopped_over_three_times_as_often_as_others_of_its_agent_needs_attention() -> None:
    run = a_run(stopped=5, good=40)  # 11 %, and by chance 5 % at least

    assert beside(run, 4, 600) == [
        "5 of 45 actions were stopped, over 3 times as often as in its agent's other runs of 30 days: 4 of 600"
    ]
    assert beside(run, 0, 30) != []


@pytest.mark.parametrize(
    ("stopped", "attempts", "why"),
    [
        (100, 2700, "three times as often is not over three times"),
        (0, 29, "too few attempts show no rate"),
        (0, 0, "it is the first run"),
    ],
)
def test_a_run_like_others_of_its_agent_or_with_too_few_of_them_is_nothing_unusual(
    stopped: int, attempts: int, why: str
) -> None:
    assert beside(a_run(stopped=5, good=40), stopped, attempts) == [], why


def test_few_attempts_are_no_proof_that_a_run_is_unlike_others() -> None:
    thresholds = Thresholds(rate=Decimal(1), times=Decimal("1.5"))

    assert beside(a_run(stopped=3, good=7), 15, 100, thresholds) == []  # 30 % against 15 %, but by chance 11 % at least
    assert beside(a_run(stopped=30, good=70), 15, 100, thresholds) != []


def test_others_of_the_agent_are_asked_for_only_where_they_decide() -> None:
    asked = replace(a_run(stopped=3), status=RunStatus.CANCELLED), a_run(stopped=2, good=40), a_run(stopped=3, good=12)
    assert [depends_on_agent(run, DEFAULTS) for run in asked] == [False, False, False]

    run = a_run(stopped=5, good=40)
    assert depends_on_agent(run, DEFAULTS)
    assert not depends_on_agent(run, never := Thresholds(times=Decimal(0)))
    assert beside(run, 0, 600, never) == []
    assert reasons(run, has_unrecovered_error=False) == ()


def test_a_run_that_lost_entries_needs_attention_beside_its_other_errors() -> None:
    lossy = replace(a_run(good=3), lost=38_001)
    lost = Reason(kind=ReasonKind.ENTRIES_LOST, text="38,001 entries were not recorded")

    assert reasons(lossy, has_unrecovered_error=False) == (lost,)
    assert reasons(replace(lossy, first_error="no"), has_unrecovered_error=True) == (
        Reason(kind=ReasonKind.ERROR, text="no"),
        lost,
    )
    [one] = reasons(replace(lossy, lost=1), has_unrecovered_error=False)
    assert one.text == "1 entry was not recorded"


def test_a_note_takes_attention_away_until_a_new_error() -> None:
    run = replace(a_run(stopped=3), troubles=3)
    early, late, other = (
        replace_note(a_note(name, seconds), acknowledges=is_it, troubles=troubles)
        for name, seconds, is_it, troubles in (("early", 9, True, 2), ("late", 10, True, 3), ("other", 11, False, 9))
    )

    assert acknowledgement(run, [other, late, early]) == late
    assert acknowledgement(replace(run, troubles=4), [other, late, early]) is None
    assert acknowledgement(run, []) is None


def test_a_note_takes_attention_away_for_good_where_it_mutes() -> None:
    run = replace(a_run(stopped=3), troubles=3)
    first, second = (replace_note(a_note(name, 1 + n), mutes=True) for n, name in enumerate(("first", "second")))
    acknowledges = replace_note(a_note("acknowledges", 11), acknowledges=True, troubles=3)

    assert acknowledgement(run, [second, acknowledges, first]) == second
    assert acknowledgement(replace(run, troubles=9), [first]) == first
