"""Calls that never ended, as every store keeps them: how long they took, what an export says, and late ends."""

from collections.abc import Sequence
from dataclasses import replace as with_fields
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import kept, record
from tests.support.recorded import RUN, a_call, a_word, at
from titan.ingest.jsonl import read_lines
from titan.insight.export import json_lines
from titan.model.actions import ActionEntry, RunEnd, RunEntry
from titan.model.recorded import Action, RecordedRun
from titan.ports_calls import CallStore, CallTransaction
from titan.rules.broken_off import NEVER_ENDED, is_broken_off, without_open_calls
from titan.rules.recording import settle
from titan.server.exported import exported
from titan.store.blobs import FolderBlobs

END = a_word(seconds=50, end=RunEnd.FAILED, reason="killed by hand")


def broken_off(calls: CallStore) -> None:
    """Record a run whose program was killed during two calls, one within the other, and that was ended by hand."""
    outer, inner = a_call("a1", begins=1, ends=None), a_call("a2", begins=3, ends=None, parent_id="a1")
    record(calls, a_word(agent_id="ada"), outer, inner, END)
    kept(calls, close)


def close(tx: CallTransaction) -> None:
    """Do as the recorder does some seconds after a run has ended."""
    run = tx.recorded_run(PROJECT, RUN)
    assert run is not None
    ended, closed = without_open_calls(run, tx.open_actions(PROJECT, RUN))
    tx.keep(PROJECT, runs=[ended], actions=closed, entries=[])


class Asking:
    """Records, and counts how often and how many calls that never ended are read for it."""

    def __init__(self) -> None:
        self.asked = self.read = 0

    def record(self, tx: CallTransaction, entries: Sequence[ActionEntry]) -> None:
        known = tx.known(PROJECT, entries)

        def never_ended(run_id: str, limit: int) -> Sequence[Action]:
            found = known.never_ended(run_id, limit)
            self.asked, self.read = self.asked + 1, self.read + len(found)
            return found

        settled = settle(entries, with_fields(known, never_ended=never_ended), project_id=PROJECT, now=tx.now)
        tx.keep(PROJECT, runs=settled.runs, actions=settled.actions, entries=settled.kept)


def run_of(calls: CallStore) -> RecordedRun:
    run = calls.read(lambda reader: reader.recorded_run(PROJECT, RUN))
    assert run is not None
    return run


def many(ends: float | None) -> list[ActionEntry]:
    return [a_call(f"a{place:04}", begins=1 + place / 10_000, ends=ends) for place in range(2000)]


def actions_of(calls: CallStore) -> list[Action]:
    return calls.read(lambda reader: reader.actions_of_run(PROJECT, RUN))


def export(calls: CallStore, folder: Path) -> list[bytes]:
    return list(json_lines(exported(calls, FolderBlobs(folder / "blobs"), [run_of(calls)])))


def test_what_never_ended_took_until_its_run_ended(calls: CallStore) -> None:
    broken_off(calls)

    assert [(action.ended_at, action.duration_ns) for action in actions_of(calls)] == [
        (at(50), 49 * 10**9),
        (at(50), 47 * 10**9),
    ]
    run = run_of(calls)
    assert (run.first_error_id, run.first_error_at) == ("a1", None)


def test_what_was_kept_without_a_duration_is_told_with_that_of_its_times(calls: CallStore) -> None:
    broken_off(calls)
    told = actions_of(calls)
    without = [replace(action, duration_ns=None) for action in told]

    kept(calls, lambda tx: tx.keep(PROJECT, runs=[run_of(calls)], actions=without, entries=[]))

    assert actions_of(calls) == told


def test_an_export_of_an_import_of_what_never_ended_is_the_same_to_the_byte(calls: CallStore, tmp_path: Path) -> None:
    broken_off(calls)
    before = run_of(calls)
    lines = export(calls, tmp_path)
    assert kept(calls, lambda tx: tx.forget_run(PROJECT, RUN))

    settled = record(calls, *(told for told in read_lines(lines) if isinstance(told, ActionEntry | RunEntry)))

    assert settled.repeated == 0
    assert export(calls, tmp_path) == lines
    assert b'"error":{"type":"NeverEnded"' in lines[1]
    assert run_of(calls) == replace(before, entry_count=len(settled.kept))


def test_a_late_end_leaves_the_first_error_to_the_other_call_that_never_ended(calls: CallStore) -> None:
    broken_off(calls)

    record(calls, a_call("a1", begins=1, ends=4))
    after_one = run_of(calls)
    record(calls, a_call("a2", begins=3, ends=4, parent_id="a1"))

    assert (after_one.first_error_id, (after_one.first_error or "").split(":")[0]) == ("a2", NEVER_ENDED)
    assert (run_of(calls).first_error_id, run_of(calls).first_error) == (None, None)
    assert [action.duration_ns for action in actions_of(calls)] == [3 * 10**9, 10**9]


@pytest.mark.parametrize("at_once", [2000, 500])
def test_of_many_late_ends_the_next_first_error_is_looked_for_once_in_each_request(
    calls: CallStore, at_once: int
) -> None:
    record(calls, a_word(agent_id="ada"), *many(None), a_call("last", begins=9, ends=None), END)
    kept(calls, close)
    told, asking = many(40), Asking()

    for first in range(0, len(told), at_once):
        kept(calls, partial(asking.record, entries=told[first : first + at_once]))

    requests = len(told) // at_once
    assert asking.asked == requests
    assert asking.read <= len(told) + requests
    assert run_of(calls).first_error_id == "last"
    assert [action.id for action in actions_of(calls) if is_broken_off(action)] == ["last"]


def test_late_ends_of_all_calls_leave_no_first_error_and_a_failure_its_own(calls: CallStore) -> None:
    broken_off(calls)

    record(calls, a_call("a1", begins=1, ends=4), a_call("a2", begins=3, ends=4, parent_id="a1", error="no"))

    assert (run_of(calls).first_error_id, run_of(calls).first_error_at) == ("a2", at(3))
