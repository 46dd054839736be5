"""Messages of a call that come part by part: each is kept, and none twice."""

from msgspec.structs import replace

from tests.support.recorded import Memory, a_span
from titan.model.actions import SHARED_MARK, ActionEntry, Payload


def a_part(text: str, *, seconds: float = 0) -> ActionEntry:
    """Return what a request of log records tells of a call."""
    return replace(a_span(begins=seconds, ends=None), inputs=Payload(SHARED_MARK, (text,)), is_part=True)


SYSTEM, USER = a_part('"sys"'), a_part('"user"', seconds=1)


def test_parts_that_come_apart_are_kept_each_once() -> None:
    memory = Memory()

    repeated = [memory.hear(*parts).repeated for parts in ([SYSTEM], [USER, USER], [SYSTEM, USER])]

    assert repeated == [0, 1, 2]
    assert [new.entry for new in memory.kept] == [SYSTEM, USER]
    assert len(memory.all) == 1


def test_the_same_words_at_another_time_are_another_part() -> None:
    memory = Memory()

    told = memory.hear(USER, a_part('"user"', seconds=5))

    assert told.repeated == 0


def test_a_whole_report_of_a_call_is_stored_once() -> None:
    memory = Memory()

    told = memory.hear(SYSTEM, replace(SYSTEM, is_part=False), a_span(), a_span())

    assert told.repeated == 2
