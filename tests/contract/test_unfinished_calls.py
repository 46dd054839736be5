"""Calls that never ended, as every store keeps them: how long they took, what an export says, and late ends."""

from pathlib import Path

from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import count, kept, record
from tests.support.recorded import RUN, a_call, a_word, at
from titan.ingest.jsonl import read_lines
from titan.insight.export import json_lines
from titan.model.actions import ActionEntry, RunEnd, RunEntry
from titan.model.runs import Action, Run
from titan.ports.runs_store import CallStore, CallTransaction
from titan.rules.runs.merge_reports import NEVER_ENDED, closed
from titan.server.views.runs import exported_runs
from titan.store.blobs import FolderBlobs

END = a_word(seconds=50, end=RunEnd.FAILED, reason="killed by hand")


def break_off(calls: CallStore) -> None:
    """Record a run whose program was killed during two calls, one within the other, and that was ended by hand."""
    outer, inner = a_call("a1", begins=1, ends=None), a_call("a2", begins=3, ends=None, parent_id="a1")
    record(calls, a_word(agent_id="ada"), outer, inner, END)
    kept(calls, close)
    count(calls)


def close(tx: CallTransaction) -> None:
    """Do as the recorder does some seconds after a run has ended."""
    run = tx.run(PROJECT, RUN)
    assert run is not None
    at = run.ended_at or run.last_event_at
    over = [closed(action, at=at) for action in tx.open_actions(PROJECT, RUN)]
    tx.keep(PROJECT, runs=[run], actions=over, entries=[])


def run_of(calls: CallStore) -> Run:
    run = calls.read(lambda reader: reader.run(PROJECT, RUN))
    assert run is not None
    return run


def actions_of(calls: CallStore) -> list[Action]:
    return calls.read(lambda reader: reader.actions_of_run(PROJECT, RUN))


def export(calls: CallStore, folder: Path) -> list[bytes]:
    return list(json_lines(exported_runs(calls, FolderBlobs(folder / "blobs"), [run_of(calls)])))


def test_an_unfinished_call_lasts_until_its_run_ended(calls: CallStore) -> None:
    break_off(calls)

    assert [(action.ended_at, action.duration_ns) for action in actions_of(calls)] == [
        (at(50), 49 * 10**9),
        (at(50), 47 * 10**9),
    ]
    run = run_of(calls)
    assert (run.first_error_id, run.first_error_at) == ("a1", None)


def test_exporting_an_imported_run_with_unfinished_calls_gives_the_same_bytes(calls: CallStore, tmp_path: Path) -> None:
    break_off(calls)
    before = run_of(calls)
    lines = export(calls, tmp_path)
    assert kept(calls, lambda tx: tx.forget_run(PROJECT, RUN))

    settled = record(calls, *(told for told in read_lines(lines) if isinstance(told, ActionEntry | RunEntry)))

    assert settled.repeated == 0
    assert export(calls, tmp_path) == lines
    assert b'"error":{"type":"NeverEnded"' in lines[1]
    assert run_of(calls) == replace(before, entry_count=len(settled.kept))


def test_a_late_end_leaves_the_first_error_to_the_other_call_that_never_ended(calls: CallStore) -> None:
    break_off(calls)

    record(calls, a_call("a1", begins=1, ends=4))
    after_one = run_of(calls)
    record(calls, a_call("a2", begins=3, ends=4, parent_id="a1"))

    assert (after_one.first_error_id, (after_one.first_error or "").split(":")[0]) == ("a2", NEVER_ENDED)
    assert (run_of(calls).first_error_id, run_of(calls).first_error) == (None, None)
    assert [action.duration_ns for action in actions_of(calls)] == [3 * 10**9, 10**9]


def test_late_ends_of_all_calls_leave_no_first_error_and_a_failure_its_own(calls: CallStore) -> None:
    break_off(calls)

    record(calls, a_call("a1", begins=1, ends=4), a_call("a2", begins=3, ends=4, parent_id="a1", error="no"))

    assert (run_of(calls).first_error_id, run_of(calls).first_error_at) == ("a2", at(3))
