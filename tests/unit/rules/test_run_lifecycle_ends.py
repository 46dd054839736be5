"""A run that goes on after an end that was told: the end is kept, and stands again when the run falls silent."""

import pytest
from msgspec.structs import replace

from tests.support.recorded import Memory, a_call, a_word, at, heard, in_any_order
from titan.model.actions import Outcome, RunEnd, RunEntry
from titan.model.errors import Conflict
from titan.model.run_control import RunStatus, StatusSource
from titan.model.runs import ReportedEnd, Run
from titan.rules.runs.lifecycle import end_by_hand, fallen_silent

FAILED = a_word(seconds=5, end=RunEnd.FAILED, reason="the agent failed")
FLUSH = a_call("flush", begins=6, ends=7)
TOLD = ReportedEnd(status=RunStatus.FAILED, source=StatusSource.EXPLICIT, at=at(5), reason="the agent failed")


def silent(memory: Memory) -> Run:
    """Return the run once nothing was heard of it for long, and keep it so."""
    ended = fallen_silent(memory.run)
    memory.runs[ended.id] = ended
    return ended


def how(run: Run) -> tuple[RunStatus, StatusSource, str | None]:
    return run.status, run.status_source, run.reason


def test_a_failure_followed_by_more_entries_holds_again_when_the_run_falls_silent() -> None:
    for memory in in_any_order(FAILED, FLUSH):
        assert (memory.run.status, memory.run.ended_at, memory.run.reported_end) == (RunStatus.RUNNING, None, TOLD)

        ended = silent(memory)

        assert how(ended) == (RunStatus.FAILED, StatusSource.EXPLICIT, "the agent failed")
        assert ended.ended_at == at(7)


def test_a_repeated_end_changes_nothing_before_and_after_the_silence() -> None:
    memory = heard([FAILED, FLUSH])
    going_on = memory.hear(FAILED)
    silent(memory)

    again = memory.hear(FAILED, FLUSH)

    assert (going_on.repeated, again.repeated) == (1, 2)
    assert memory.run.status is RunStatus.FAILED


def test_a_run_that_continues_once_more_keeps_its_reported_end() -> None:
    memory = heard([FAILED, FLUSH])
    silent(memory)

    memory.hear(a_call("more", begins=8, ends=9))

    assert (memory.run.status, memory.run.reported_end) == (RunStatus.RUNNING, TOLD)
    assert how(silent(memory)) == (RunStatus.FAILED, StatusSource.EXPLICIT, "the agent failed")


def test_an_end_that_comes_after_all_that_began_counts_alone() -> None:
    better = a_word(seconds=9, end=RunEnd.COMPLETED)

    for memory in in_any_order(FAILED, FLUSH, better):
        assert how(memory.run) == (RunStatus.COMPLETED, StatusSource.EXPLICIT, None)
        assert (memory.run.ended_at, memory.run.reported_end) == (at(9), None)


def test_an_end_reported_after_the_silence_counts_though_the_run_was_busy_longer() -> None:
    memory = heard([FAILED, a_call("flush", begins=6, ends=20)])
    silent(memory)

    memory.hear(a_word(seconds=9, end=RunEnd.COMPLETED))

    assert (memory.run.status, memory.run.ended_at, memory.run.reported_end) == (RunStatus.COMPLETED, at(9), None)


def test_of_two_ends_before_the_last_entry_the_later_one_is_kept() -> None:
    earlier = a_word(seconds=4, end=RunEnd.COMPLETED)

    for memory in in_any_order(FAILED, earlier, FLUSH):
        assert memory.run.reported_end == TOLD


def test_a_failure_reported_late_corrects_an_inferred_end() -> None:
    memory = heard([FLUSH])
    assert silent(memory).status is RunStatus.COMPLETED

    memory.hear(FAILED)

    assert how(memory.run) == (RunStatus.FAILED, StatusSource.EXPLICIT, "the agent failed")
    assert (memory.run.ended_at, memory.run.reported_end) == (at(7), TOLD)
    assert memory.hear(FAILED).repeated == 1


def test_a_failure_after_a_reported_completion_is_not_hidden() -> None:
    done = a_word(seconds=5, end=RunEnd.COMPLETED, reason="done")
    crashed = heard([done, a_call("next", begins=6, ends=7, outcome=Outcome.ERROR)])
    failed_before = heard([a_call("try", outcome=Outcome.ERROR), done, a_word(seconds=6, name="more")])

    assert how(silent(crashed)) == (RunStatus.FAILED, StatusSource.INFERRED, None)
    assert how(silent(failed_before)) == (RunStatus.COMPLETED, StatusSource.EXPLICIT, "done")


def test_an_end_set_by_the_stages_holds_again_too() -> None:
    memory = heard([a_call("a1")])
    memory.runs[memory.run.id] = replace(
        memory.run, status=RunStatus.FAILED, status_source=StatusSource.STAGES, ended_at=at(5)
    )

    memory.hear(FLUSH)
    early: RunEntry = a_word(seconds=1, end=RunEnd.COMPLETED)

    assert memory.hear(early).repeated == 1
    assert how(silent(memory)) == (RunStatus.FAILED, StatusSource.STAGES, None)


def test_an_end_before_that_of_the_stages_is_not_the_end() -> None:
    memory = heard([a_call("a1"), a_call("a2", begins=3, ends=4)])
    memory.runs[memory.run.id] = replace(
        memory.run, status=RunStatus.FAILED, status_source=StatusSource.STAGES, ended_at=at(5)
    )

    again = memory.hear(a_word(seconds=1, end=RunEnd.COMPLETED))

    assert (again.repeated, memory.run.status) == (1, RunStatus.FAILED)


def test_a_reported_end_explains_unfinished_calls_only_if_it_was_a_failure() -> None:
    for told, reason in (
        (FAILED, "the agent failed"),
        (a_word(seconds=5, end=RunEnd.COMPLETED), "broke off: 1 call never ended"),
    ):
        memory = heard([told, a_call("late", begins=6, ends=None)])

        ended = fallen_silent(memory.run, memory.all)

        assert (ended.status, ended.reason) == (RunStatus.FAILED, reason)


def by_hand(memory: Memory, end: RunEnd, reason: str | None = None, *, seconds: int = 60) -> Run:
    """Return the run after somebody said how it ended."""
    said = end_by_hand(memory.run, end=end, reason=reason, now=at(seconds))
    memory.hear(*([] if said is None else [said]))
    return memory.run


def test_an_active_run_is_ended_by_hand() -> None:
    killed = heard([a_call("search", begins=1, ends=2)])
    gone_on = heard([FAILED, FLUSH])

    assert how(by_hand(killed, RunEnd.FAILED, "kill -9")) == (RunStatus.FAILED, StatusSource.EXPLICIT, "kill -9")
    assert by_hand(gone_on, RunEnd.COMPLETED).status is RunStatus.COMPLETED
    assert killed.run.ended_at == gone_on.run.ended_at == at(60)


def test_an_end_by_hand_is_not_before_the_latest_reported_time_of_the_program() -> None:
    ahead = heard([a_call("search", begins=1, ends=90)])

    assert by_hand(ahead, RunEnd.FAILED).ended_at == at(90)


def test_a_run_that_fell_silent_is_said_to_have_ended_when_it_did() -> None:
    memory = heard([a_call("search", begins=1, ends=2)])
    silent(memory)

    ended = by_hand(memory, RunEnd.FAILED, "kill -9")

    assert how(ended) == (RunStatus.FAILED, StatusSource.EXPLICIT, "kill -9")
    assert ended.ended_at == at(2)


def test_a_second_different_end_is_refused() -> None:
    memory = heard([a_call("search", begins=1, ends=2), FAILED])
    before = memory.run

    for end, reason in ((RunEnd.COMPLETED, None), (RunEnd.FAILED, "another reason")):
        with pytest.raises(
            Conflict, match=r"found one that ended at .*:05\+00:00, failed: 'the agent failed'\. A reported end"
        ):
            by_hand(memory, end, reason)

    assert by_hand(memory, RunEnd.FAILED) == by_hand(memory, RunEnd.FAILED, "the agent failed") == before


def test_an_end_without_a_reason_may_still_get_one() -> None:
    memory = heard([a_word(seconds=5, end=RunEnd.CANCELLED)])

    with pytest.raises(Conflict, match=r"cancelled\. A reported end"):
        by_hand(memory, RunEnd.COMPLETED)
    ended = by_hand(memory, RunEnd.CANCELLED, "not needed")

    assert how(ended) == (RunStatus.CANCELLED, StatusSource.EXPLICIT, "not needed")
    assert ended.ended_at == at(5)
