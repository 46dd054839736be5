"""A tape is read in parts: what is about the run itself, and entries by their numbers, no more than so many bytes."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import actions_of, record, tape_of
from tests.support.recorded import RUN, a_call, a_word
from tests.support.stores import StandingClock
from titan.model.actions import SHARED_MARK, Payload, RunEnd
from titan.ports.runs_store import CallReader, CallStore, StoredEntry

KILOBYTE = Payload(f'"{"x" * 1022}"')
ALL = 2**30


def a_conversation(store: CallStore) -> list[StoredEntry]:
    """Record calls with 1 KB of outputs, which share what was said before, told late and early; return the tape."""
    said = [f'"{letter * 1022}"' for letter in "abcdefgh"]
    record(store, replace(a_word(), details='{"first":1}'))
    record(store, a_call("a8", begins=8, ends=None))
    for number in range(1, 9):
        body = Payload(f'{{"messages":{SHARED_MARK}}}', tuple(said[:number]))
        record(store, replace(a_call(f"a{number}", begins=number, ends=9), inputs=body, outputs=KILOBYTE))
    record(store, replace(a_word(seconds=10, end=RunEnd.COMPLETED), details='{"last":1}'))
    return tape_of(store)


@pytest.fixture(params=[False, True], ids=["as rows", "packed"])
def tape(calls: CallStore, clock: StandingClock, request: pytest.FixtureRequest) -> list[StoredEntry]:
    """What was recorded, in the order it was told."""
    told = a_conversation(calls)
    if request.param:
        calls.pack(before=clock.now() + timedelta(days=1), limit=100)
    return told


def entries_at(store: CallStore, numbers: list[int], limit_bytes: int) -> list[StoredEntry]:
    return store.read(lambda reader: reader.entries_at(PROJECT, RUN, numbers, limit_bytes=limit_bytes))


def test_places_are_those_of_actions_as_they_started(calls: CallStore, tape: list[StoredEntry]) -> None:
    places = calls.read(lambda reader: reader.places_in_tape(PROJECT, RUN))

    actions = actions_of(calls)
    assert list(dict.fromkeys(action for action, _ in places)) == [action.number for action in actions]
    told = {stored.number: stored.action_number for stored in tape if stored.action_number is not None}
    assert {number: action for action, number in places} == told
    assert [number for _, number in places[-2:]] == [tape[1].number, tape[-2].number]


def test_entries_come_in_the_order_asked_for(calls: CallStore, tape: list[StoredEntry]) -> None:
    turned = tape[::-1]

    assert entries_at(calls, [stored.number for stored in turned], ALL) == turned
    assert entries_at(calls, [tape[3].number, 10**9], ALL) == [tape[3]]


@pytest.mark.parametrize(("limit", "expected"), [(1, 1), (2048, 1), (2200, 2), (6000, 3)])
def test_no_more_comes_than_so_many_bytes_hold(calls: CallStore, limit: int, expected: int) -> None:
    tape = a_conversation(calls)  # each of whose calls brings 1 KB of its own, and a message of 1 KB that is new

    found = entries_at(calls, [stored.number for stored in tape[2:-1]], limit)

    assert found == tape[2 : 2 + expected]


def test_a_packed_recording_is_read_in_parts_that_make_the_whole(calls: CallStore, tape: list[StoredEntry]) -> None:
    left, found = [stored.number for stored in tape], list[StoredEntry]()
    while left:
        part = entries_at(calls, left, 1024)
        found, left = found + part, left[len(part) :]

    assert found == tape


def test_entries_about_the_run_are_read_apart(calls: CallStore, tape: list[StoredEntry]) -> None:
    def read(reader: CallReader) -> list[StoredEntry]:
        [first] = reader.entries_about_run(PROJECT, RUN, limit=1)
        return [first, *reader.entries_about_run(PROJECT, RUN, after=first.number, limit=9)]

    assert calls.read(read) == [tape[0], tape[-1]]


def test_of_a_run_that_nobody_recorded_there_is_nothing(calls: CallStore) -> None:
    def ask(reader: CallReader) -> list[object]:
        return [
            reader.entries_about_run(PROJECT, "x", limit=9),
            reader.places_in_tape(PROJECT, "x"),
            reader.entries_at(PROJECT, "x", [1], limit_bytes=9),
        ]

    assert calls.read(ask) == [[], [], []]
