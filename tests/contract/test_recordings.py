"""What a check of a run's tape finds out: every change of what was recorded, made behind the store's back."""

import zlib
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import check, kept, record, run_of, tamper, tape_of
from tests.support.recorded import a_call, a_word
from tests.support.stores import StandingClock
from titan.model.actions import SHARED_MARK, ActionEntry, Payload, RunEnd
from titan.ports.runs_store import CallStore, TapeBlob, TapeBreak, TapeCheck
from titan.store.runs.sqlite_store import SqliteCallStore
from titan_sdk.tape import CHAIN_START

DIGEST = "d" * 64


def a_conversation(store: CallStore, *, length: int = 4) -> None:
    """Record calls that share what was said before, one with a payload that is a blob, and an end."""
    said = [f'{{"role":"user","content":"message {number}"}}' for number in range(length)]
    for number in range(1, length + 1):
        body = Payload(f'{{"messages":{SHARED_MARK}}}', tuple(said[:number]))
        record(store, replace(a_call(f"a{number}", begins=number, ends=number), inputs=body, outputs=Payload('"done"')))
    stand_in = Payload(f'{{"$blob":{{"sha256":"{DIGEST}"}}}}', blob=DIGEST)
    record(store, replace(a_call("large", begins=8, ends=8), outputs=stand_in))
    record(store, a_word(seconds=9, end=RunEnd.COMPLETED), a_call(run_id="elsewhere"))


def pack(store: CallStore, clock: StandingClock) -> None:
    """Compress all runs that have ended, where the store does that."""
    store.pack(before=clock.now() + timedelta(days=1), limit=100)


@pytest.mark.parametrize("is_packed", [False, True], ids=["as rows", "packed"])
def test_an_unchanged_recording_is_valid(calls: CallStore, clock: StandingClock, is_packed: bool) -> None:
    a_conversation(calls)
    if is_packed:
        pack(calls, clock)
        record(calls, replace(a_call("late"), inputs=Payload(SHARED_MARK, ('"new"',))))

    found = check(calls)

    tape = tape_of(calls)
    blobs = (TapeBlob(digest=DIGEST, place=5, action_id="large"),)
    assert found == TapeCheck(entries=len(tape), link=tape[-1].link, broken=None, blobs=blobs)


def test_a_run_without_reports_has_a_valid_empty_recording(calls: CallStore) -> None:
    record(calls, a_call())
    run = run_of(calls)
    assert run is not None
    kept(calls, lambda tx: tx.save_run(replace(run, id="quiet")))

    assert check(calls, "quiet") == TapeCheck(entries=0, link=CHAIN_START, broken=None, blobs=())
    assert calls.read(lambda reader: reader.check_tape(PROJECT, "nobody")) is None


OF_A3 = "(select max(number) from entries where action_number = (select number from actions where id = 'a3'))"
CHANGED = TapeBreak(place=3, action_id="a3", found="it is not what was recorded")
GONE = TapeBreak(place=3, action_id="a3", found="its content is gone")
LAST = "(select max(entries.number) from entries join runs using (run_no) where runs.id = 'R_1')"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (f"update bodies set outputs = '\"TAMPERED\"' where number = {OF_A3}", CHANGED),
        (f"update bodies set outputs = null where number = {OF_A3}", CHANGED),
        (f"update bodies set outputs = inputs, inputs = outputs where number = {OF_A3}", CHANGED),
        (f"update bodies set facts = replace(facts, 'a3', 'b3') where number = {OF_A3}", CHANGED),
        (f"update bodies set facts = 'no JSON' where number = {OF_A3}", CHANGED),
        (f"update bodies set inputs_shared = '1' where number = {OF_A3}", CHANGED),
        (f"update bodies set inputs_shared = 'x-y' where number = {OF_A3}", CHANGED),
        (f"update bodies set inputs_shared = '1-2,77' where number = {OF_A3}", GONE),
        (f"delete from bodies where number = {OF_A3}", GONE),
        ("update texts set content = '\"not said\"' where text_no = 3", CHANGED),
        ("delete from texts where text_no = 3", GONE),
        (f"delete from entries where number = {OF_A3}", TapeBreak(place=3, action_id="a4", found=CHANGED.found)),
        (
            "update bodies set outputs_shared = 'blob:' || inputs_shared where inputs_shared is not null",
            TapeBreak(place=1, action_id="a1", found=CHANGED.found),
        ),
        (
            f"delete from entries where number = {LAST}",
            TapeBreak(place=6, action_id=None, found="entries at its end are gone"),
        ),
        (
            f"update bodies set facts = replace(facts, 'completed', 'failed') where number = {LAST}",
            TapeBreak(place=6, action_id=None, found=CHANGED.found),
        ),
    ],
)
def test_any_change_in_a_row_is_detected(calls: CallStore, change: str, expected: TapeBreak) -> None:
    a_conversation(calls)

    tamper(calls, change)

    assert check(calls).broken == expected
    assert check(calls, "elsewhere").broken is None


def test_the_link_of_a_broken_recording_is_the_one_before_its_break(calls: CallStore) -> None:
    a_conversation(calls)
    tape = tape_of(calls)

    tamper(calls, f"update bodies set outputs = '1' where number = {OF_A3}")

    found = check(calls)
    assert (found.entries, found.link, found.blobs) == (6, tape[1].link, ())


def without_a_change(rows: bytes) -> bytes:
    """Return rows with another message in them."""
    return rows.replace(b"message 2", b"message 7").replace(b'\\"done\\"', b'\\"none\\"')


@pytest.mark.parametrize("kind", ["entries", "texts"])
@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda data: zlib.compress(without_a_change(zlib.decompress(data))), "it is not what was recorded"),
        (lambda data: zlib.compress(b"[[1]]"), "its content is gone"),
        (lambda data: zlib.compress(b"no JSON"), "its content is gone"),
        (lambda data: data[:-9], "its content is gone"),
    ],
    ids=["changed", "other rows", "no JSON", "cut"],
)
def test_any_change_in_a_pack_is_detected(
    tmp_path: Path, clock: StandingClock, kind: str, change: Callable[[bytes], bytes], found: str
) -> None:
    with closing(SqliteCallStore(tmp_path / "calls.db", clock=clock)) as calls:  # PostgreSQL packs nothing
        a_conversation(calls)
        pack(calls, clock)

        tamper(calls, f"update packs set data = changed(data) where kind = '{kind}'", changed=change)

        place = 3 if kind == "texts" and found == CHANGED.found else 1
        assert check(calls).broken == TapeBreak(place=place, action_id=f"a{place}", found=found)


def test_a_blob_that_an_entry_was_pointed_at_afterwards_is_found(calls: CallStore) -> None:
    a_conversation(calls)

    tamper(calls, f"update bodies set outputs_shared = 'blob:{'e' * 64}' where outputs_shared is not null")

    assert check(calls).broken == TapeBreak(place=5, action_id="large", found="it is not what was recorded")


def test_a_long_recording_is_checked_in_parts_and_its_break_has_its_place(calls: CallStore) -> None:
    def recorded(number: int) -> ActionEntry:
        body = Payload(SHARED_MARK, (f'"said {number}"',))
        return replace(a_call(f"c{number}", begins=number, ends=number), inputs=body)

    record(calls, *map(recorded, range(1, 1201)))
    assert check(calls).broken is None

    tamper(calls, "update texts set content = 'x' where text_no = 1100")

    assert check(calls).broken == TapeBreak(place=1100, action_id="c1100", found="it is not what was recorded")
