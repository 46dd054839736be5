"""Times that sources report are bounded: by their receipt, and by what the server itself watched."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.recorded import RUN, Memory, a_call, a_span, a_word, at
from titan.model.actions import CLOCK_SKEW, Entry, RunEnd, Source, Standing
from titan.model.run_control import RunStatus
from titan.ports.runs_store import KnownCalls
from titan.rules.runs.clocks import bounded, offset_of, placed

FAR = datetime(2036, 1, 1, tzinfo=UTC)
PAST = datetime(1999, 1, 1, tzinfo=UTC)


class Watched(Memory):
    """What entries of an evaluated run have come to; the server began it at 0, and ended it when `ended` says."""

    ended: datetime | None = None

    def known(self, entries: Any) -> KnownCalls:
        """Return what is known."""
        return replace(super().known(entries), watched={RUN: (at(0), self.ended)})


# --- any run: nothing is later than its receipt ---


def test_a_run_that_is_dated_2036_began_and_ended_when_it_was_received_and_is_marked() -> None:
    memory, ahead = Memory(), (FAR - at(10)).total_seconds()
    root = a_span("root", begins=ahead, ends=ahead + 5)
    first = a_span("first", begins=ahead + 1, ends=ahead + 2)
    second = a_span("second", begins=ahead + 3, ends=ahead + 4)

    memory.hear(first, second, root, a_word(seconds=ahead + 5, source=Source.OTLP, end=RunEnd.COMPLETED), now=at(60))

    run = memory.run
    assert (run.started_at, run.last_event_at, run.ended_at) == (at(55), at(60), at(60))
    assert run.tags == (CLOCK_SKEW,)
    assert {one.id: (one.started_at, one.ended_at, one.duration_ns) for one in memory.all} == {
        "root": (at(55), at(60), 5 * 10**9),
        "first": (at(56), at(57), 10**9),
        "second": (at(58), at(59), 10**9),
    }
    assert all(one.tags == (CLOCK_SKEW,) for one in memory.all)


def test_the_recording_holds_the_reported_times() -> None:
    memory = Memory()
    entries: list[Entry] = [a_call(begins=7200, ends=7201), a_word(seconds=7200)]

    memory.hear(*entries, now=at(0))

    assert [kept.entry for kept in memory.kept] == entries


def test_a_clock_that_is_a_few_seconds_ahead_is_bounded_and_not_marked() -> None:
    memory = Memory()
    memory.hear(a_call(begins=13, ends=None), now=at(10))
    memory.hear(a_call(begins=13, ends=18), now=at(15))

    [action] = memory.all
    assert (action.started_at, action.ended_at, action.duration_ns, action.tags) == (at(10), at(15), 5 * 10**9, ())
    assert (memory.run.started_at, memory.run.last_event_at) == (at(10), at(15))


def test_a_call_that_ends_in_2036_ends_when_it_was_received() -> None:
    memory = Memory()
    memory.hear(replace(a_call(begins=2), ended_at=FAR), a_call("a2", begins=3, ends=4), now=at(9))

    call, other = memory.all
    assert (call.started_at, call.ended_at, call.duration_ns, call.tags) == (at(2), at(9), 7 * 10**9, (CLOCK_SKEW,))
    assert (other.started_at, other.ended_at, other.tags) == (at(3), at(4), ())


def test_one_absurd_time_does_not_move_other_times_of_its_source() -> None:
    memory = Memory()
    memory.hear(
        replace(a_call(), started_at=FAR, ended_at=FAR),
        a_call("late", begins=8, ends=11),
        a_call("ahead", begins=11, ends=13),
        now=at(10),
    )

    absurd, late, ahead = memory.all
    assert (absurd.started_at, absurd.ended_at) == (at(10), at(10))
    assert (late.started_at, late.ended_at, late.duration_ns) == (at(8), at(10), 3 * 10**9)
    assert (ahead.started_at, ahead.ended_at) == (at(8), at(10))
    assert memory.run.started_at == at(8)


def test_a_repeated_report_changes_nothing_though_it_is_received_later() -> None:
    memory = Memory()
    entries: list[Entry] = [
        a_word(seconds=7200),
        a_call(begins=7200, ends=7201),
        a_word(seconds=7202, end=RunEnd.COMPLETED),
    ]
    memory.hear(*entries, now=at(0))
    before = (memory.run, memory.all)

    again = memory.hear(*entries, now=at(30))

    assert (again.repeated, list(again.kept)) == (3, [])
    assert (memory.run, memory.all) == before


def test_a_spool_and_an_import_of_long_ago_keep_their_times() -> None:
    memory, long_ago = Memory(), -400 * 86400
    call = replace(a_call(begins=long_ago, ends=long_ago + 9), source=Source.SENTINEL)
    standing = Standing(last_event_at=at(long_ago + 9), last_started_at=at(long_ago))
    word = replace(a_word(seconds=long_ago, source=Source.IMPORT), standing=standing)

    assert list(bounded([call, word], memory.known([call, word]), at(0))) == [call, word]


def test_an_import_that_says_2036_is_bounded_too() -> None:
    memory = Memory()
    standing = Standing(last_event_at=FAR, last_started_at=FAR, progress_at=FAR)
    word = replace(a_word(source=Source.IMPORT, end=RunEnd.COMPLETED), at=FAR, standing=standing)

    memory.hear(word, now=at(60))

    run = memory.run
    assert (run.started_at, run.last_event_at, run.last_started_at, run.ended_at) == (at(60),) * 4
    assert run.status is RunStatus.COMPLETED


# --- a run of an evaluation: nothing of it lies outside of what the server watched ---


@pytest.mark.parametrize("says", [PAST, FAR, at(-1320)])
def test_the_server_begins_and_ends_a_run_of_an_evaluation(says: datetime) -> None:
    memory, world = Watched(), Source.WORLD
    memory.hear(a_word(source=world), now=at(0))
    wrong = replace(a_call(), started_at=says, ended_at=says + timedelta(milliseconds=400))
    memory.hear(replace(a_word(), at=says), wrong, now=at(0.5))
    assert (memory.run.started_at, memory.run.last_event_at) == (at(0), at(0.5))
    memory.ended = at(0.797)
    memory.hear(a_word(seconds=0.8, source=world, end=RunEnd.COMPLETED), now=at(0.8))

    run = memory.run
    assert (run.status, run.started_at, run.ended_at, run.last_event_at) == (
        *(RunStatus.COMPLETED, at(0), at(0.797), at(0.797)),
    )
    [action] = memory.all
    assert (action.started_at, action.ended_at, action.tags) == (at(0.1), at(0.5), (CLOCK_SKEW,))


def test_an_agent_ends_no_run_of_an_evaluation_and_nothing_late_continues_it() -> None:
    memory = Watched()
    memory.hear(a_word(source=Source.WORLD), a_word(seconds=1, end=RunEnd.FAILED), now=at(1))
    assert memory.run.status is RunStatus.RUNNING
    memory.ended = at(5)
    memory.hear(a_word(seconds=5, source=Source.WORLD, end=RunEnd.COMPLETED), now=at(5))

    memory.hear(a_call(begins=6, ends=7), replace(a_call("a2"), started_at=FAR, ended_at=None), now=at(8))

    assert (memory.run.status, memory.run.ended_at, memory.run.last_event_at) == (RunStatus.COMPLETED, at(5), at(5))
    assert memory.all[0].ended_at == at(5)


# --- events of its agent, as they come ---


def test_the_times_of_an_agents_events_order_them_though_its_clock_is_shifted() -> None:
    shift = timedelta(minutes=22)
    offset = offset_of(at(1) - shift, began=at(0), now=at(1))

    times = [placed(at(s) - shift, offset, began=at(0), now=at(now)) for s, now in ((1, 1), (3, 3.1), (2, 3.2))]

    assert times == [at(1), at(3), at(2)]


def test_an_event_within_its_run_keeps_its_time_and_one_beyond_any_offset_is_marked() -> None:
    assert placed(at(3), timedelta(), began=at(0), now=at(4)) == at(3)
    assert placed(at(3), offset_of(FAR, began=at(0), now=at(1)), began=at(0), now=at(4)) == at(3)
    assert placed(at(6), timedelta(), began=at(0), now=at(4)) == at(4)  # a few seconds ahead
    assert placed(FAR, timedelta(), began=at(0), now=at(4)) is None
    assert placed(datetime.max.replace(tzinfo=UTC), timedelta(days=1), began=at(0), now=at(4)) is None
