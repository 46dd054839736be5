"""What several entries told of one action, put together."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from tests.support.builders import NOON
from titan.insight.bodies import Bodies, bodies_of
from titan.model.actions import SHARED_MARK, ActionEntry, ActionKind, Failure, Payload, Redaction, Source

TAKEN = Redaction(path="$.inputs", name="aws_key", fingerprint="f")


def an_entry(
    *,
    inputs: Payload | None = None,
    outputs: Payload | None = None,
    failure: Failure | None = None,
    redacted: tuple[Redaction, ...] = (),
    details: str | None = None,
) -> ActionEntry:
    return ActionEntry(
        id="a",
        run_id="r",
        source=Source.SDK,
        kind=ActionKind.CALL,
        name="search",
        started_at=NOON,
        inputs=inputs,
        outputs=outputs,
        failure=failure,
        redacted=redacted,
        details=details,
    )


def test_no_reports_give_empty_bodies() -> None:
    assert bodies_of([]) == Bodies()
    assert bodies_of([an_entry()]) == Bodies()


def test_the_first_that_knows_a_part_says_it() -> None:
    began = an_entry(inputs=Payload("1"), redacted=(TAKEN,))
    ended = an_entry(inputs=Payload("2"), outputs=Payload("3"), failure=Failure(type="E"), redacted=(TAKEN,))

    told = bodies_of([began, ended, an_entry()])

    assert (told.inputs, told.outputs, told.failure) == (Payload("1"), Payload("3"), Failure(type="E"))
    assert told.redacted == (TAKEN,)


def a_part(seconds: int, *messages: str, text: str = SHARED_MARK) -> ActionEntry:
    told = an_entry(inputs=Payload(text, messages))
    return replace(told, is_part=True, started_at=NOON + timedelta(seconds=seconds))


def test_messages_reported_separately_are_joined_in_order_of_time() -> None:
    parts = [a_part(2, '"and"'), a_part(1, '"sys"', '"user"'), a_part(3, '"?"', text="[]")]

    assert bodies_of(parts).inputs == Payload(SHARED_MARK, ('"sys"', '"user"', '"and"'))
    assert bodies_of([*parts, an_entry(inputs=Payload("whole"))]).inputs == Payload("whole")


def test_details_of_all_entries_are_merged_and_the_first_value_wins() -> None:
    entries = [an_entry(details='{"a":1,"b":{"$tuple":[]}}'), an_entry(), an_entry(details='{"a":2,"c":"é"}')]

    assert bodies_of(entries).details == '{"a":1,"c":"é","b":{"$tuple":[]}}'


def test_details_that_are_no_object_break_nothing() -> None:
    """They were once taken in; see `titan.wire.actions`."""
    entries = [an_entry(details='"str"'), an_entry(details='{"a":1}'), an_entry(details="null")]

    assert bodies_of(entries).details == '{"a":1,"details":"str"}'
    assert bodies_of(entries[:1]).details == '{"details":"str"}'
    assert bodies_of(entries[2:]).details is None
