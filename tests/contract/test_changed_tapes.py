"""A tape that was changed on purpose is whole, says nothing of what was left out, and goes on as any other."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.support.builders import NOON, PROJECT
from tests.support.call_stores import actions_of, check, everything_in, kept, record, recorded_in, run_of, tape_of
from tests.support.recorded import RUN, a_call, a_word
from tests.support.stores import StandingClock
from tests.support.waiting import wait_until
from titan.model.actions import SHARED_MARK, ActionEntry, Entry, Payload, RunEnd
from titan.model.recorded import Note
from titan.ports_calls import CallStore, CallTransaction
from titan.rules.contentless import without_bodies

BLOB = "d" * 64
CANARY = "zebracrossing"
NOTE = Note(id="n", project_id=PROJECT, run_id=RUN, action_id="a1", author="Ada", at=NOON, text="fine")


def a_talk(number: int) -> ActionEntry:
    shared = tuple(f'{{"content":"{CANARY} {place}"}}' for place in range(number))
    body = Payload(f'{{"messages":{SHARED_MARK}}}', shared)
    return replace(a_call(f"a{number}", begins=number, ends=number), inputs=body, outputs=Payload(f'"{CANARY}"'))


def leave_out(store: CallStore, *more: Entry, change: Callable[[Entry], Entry] = without_bodies) -> set[str]:
    """Change a run's tape and record more of it, in one transaction."""

    def write(tx: CallTransaction) -> set[str]:
        left = tx.change_tape(PROJECT, RUN, change)
        recorded_in(tx, *more)
        return left

    return kept(store, write)


@pytest.mark.parametrize("is_packed", [False, True], ids=["as rows", "packed"])
def test_what_is_left_out_leaves_no_byte_and_all_else_stays(
    calls: CallStore, clock: StandingClock, is_packed: bool
) -> None:
    in_blob = replace(a_call("large"), outputs=Payload(f'{{"$blob":{{"head":"{CANARY}"}}}}', blob=BLOB))
    record(calls, *(a_talk(number) for number in range(1, 4)), in_blob, a_word(seconds=9, end=RunEnd.COMPLETED))
    kept(calls, lambda tx: tx.save_note(NOTE))
    kept(calls, lambda tx: tx.put_trace(PROJECT, "t1", RUN))
    if is_packed:
        calls.pack(before=clock.now() + timedelta(days=1), limit=9)
    before, actions = run_of(calls), actions_of(calls)
    assert is_packed or CANARY.encode() in everything_in(calls)

    left = leave_out(calls, a_word(seconds=9, end=RunEnd.COMPLETED, name="titled"))

    wait_until(lambda: CANARY.encode() not in everything_in(calls), "nothing is left", seconds=30)
    assert left == {BLOB}
    after = run_of(calls)
    assert before is not None
    assert after == replace(before, name="titled", entry_count=before.entry_count + 1)
    assert actions_of(calls) == actions
    told = [stored.entry for stored in tape_of(calls)]
    assert [entry.inputs or entry.outputs for entry in told if isinstance(entry, ActionEntry)] == [None] * 4
    assert check(calls).broken is None
    assert calls.read(lambda reader: reader.find_in_run(PROJECT, RUN, CANARY, limit=9)) == []
    assert len(calls.read(lambda reader: reader.find_in_run(PROJECT, RUN, "look_up", limit=9))) == 4
    assert calls.read(lambda reader: reader.notes_of_run(PROJECT, RUN)) == [NOTE]
    assert calls.read(lambda reader: reader.runs_of_traces(PROJECT, ["t1"])) == {"t1": RUN}


def test_its_tape_goes_on_with_texts_of_its_own(calls: CallStore, reopen_calls: Callable[[], CallStore]) -> None:
    record(calls, a_talk(2))
    leave_out(calls, a_word(name="titled"))

    record(calls, a_talk(3))

    found = tape_of(reopen_calls())[-1].entry
    assert found == a_talk(3)


def test_what_changes_nothing_leaves_the_tape_as_it_was(calls: CallStore) -> None:
    record(calls, a_talk(2), a_word(name="hunt"))
    before = tape_of(calls)

    left = leave_out(calls, change=lambda entry: entry)

    assert (left, tape_of(calls)) == (set(), before)
    assert kept(calls, lambda tx: tx.change_tape(PROJECT, "nobody", without_bodies)) == set()


def test_what_another_run_has_too_is_named_still(calls: CallStore) -> None:
    stand_in = Payload('{"$blob":{}}', blob=BLOB)
    record(calls, *(replace(a_call(run_id=run_id), outputs=stand_in) for run_id in (RUN, "other")))

    leave_out(calls, a_word(name="titled"))

    assert calls.read(lambda reader: reader.named_blobs([BLOB])) == {BLOB}
