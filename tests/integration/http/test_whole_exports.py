"""Exports hold what people said and pinned, and an import brings it back, as often as it is repeated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.raw_http import Answer, ask, ask_json
from tests.support.running_titan import Two, two_titans
from tests.support.submissions import a_name

AT_NS = 1_772_366_400_000_000_000
SECRET = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"


def a_run(port: int, *, place: int = 0) -> str:
    """Record a run that has ended, of two calls; return its id."""
    run_id, at = a_name("run"), AT_NS + place * 10**9
    call = {"type": "action", "name": "search", "kind": "tool", "started_at_ns": at, "ended_at_ns": at + 1000}
    entries = [
        {**call, "id": "a1", "inputs": {"q": "cats"}, "cost_usd": 0.25},
        {**call, "id": "a2", "outcome": "error"},
        {"type": "run", "at_ns": at + 10**6, "end": "completed", "name": "cats"},
    ]
    answer = ask_json(port, "POST", "/api/v1/actions", {"run_id": run_id, "agent_id": "ann", "entries": entries})
    assert answer.status == 200, answer.body
    return run_id


def say(port: int, run: str, **said: object) -> None:
    answer = ask_json(port, "POST", f"/api/v1/runs/{run}/notes", said)
    assert answer.status == 201, answer.body


def notes_of(port: int, run: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(port, "GET", f"/api/v1/runs/{quote(run)}/notes").value["data"]
    return found


def export(port: int, query: str) -> bytes:
    return ask(port, "GET", f"/api/v1/runs/export?window=all&{query}").body


def bring(port: int, content: bytes, *, is_partial: bool = False) -> Answer:
    return ask(port, "POST", f"/api/v1/import{'?partial=true' if is_partial else ''}", content)


def test_an_export_of_an_import_is_the_same_to_the_byte(tmp_path: Path) -> None:
    with two_titans(tmp_path) as two:
        source, target = two.source, two.target
        runs = [a_run(source, place=place) for place in range(3)]
        say(source, runs[0], name="quality", score=0.5, text="fair", author="ann")
        say(source, runs[0], text="ask first", action_id="a2")
        score = {"name": "tone", "value": "friendly", "traceId": runs[1], "observationId": "never heard of"}
        assert ask_json(source, "POST", "/api/public/scores", score).status == 200
        assert ask(source, "POST", f"/api/v1/runs/{runs[2]}/pin").status == 200
        before = {form: export(source, f"format={form}") for form in ("jsonl", "csv", "json")}

        came = bring(target, before["jsonl"])

        after = {form: export(target, f"format={form}") for form in ("jsonl", "csv", "json")}
        assert (came.value["runs"], came.value["notes"]) == (3, 3)
        assert after["jsonl"] == before["jsonl"]
        assert after["csv"] == before["csv"]
        documents = [json.loads(content["json"]) for content in (before, after)]
        assert documents[1]["runs"] == documents[0]["runs"]
        assert documents[1]["counts"] == {"runs": 3, "actions": 6, "notes": 3}
        assert b"ask first" in before["csv"]


def test_an_import_brings_notes_and_a_pin_back_and_repeats_none(two: Two) -> None:
    run = a_run(two.source)
    say(two.source, run, name="quality", score=0.5, text="fair", author="ann", action_id="a1")
    say(two.source, run, text="a rehearsal", mutes=True)
    ask(two.source, "POST", f"/api/v1/runs/{run}/pin")
    content = export(two.source, f"run_id={run}")

    first, again = bring(two.target, content), bring(two.target, content)

    assert (first.value["notes"], again.value["notes"]) == (2, 0)
    assert [note["mutes"] for note in notes_of(two.target, run)] == [True, False]
    assert notes_of(two.target, run) == notes_of(two.source, run)
    assert ask(two.target, "GET", f"/api/v1/runs/{run}").value["is_pinned"]


def test_an_import_takes_nothing_back_that_was_said_since(two: Two) -> None:
    run, score_id = a_run(two.source), a_name("score")
    score = {"id": score_id, "name": "quality", "traceId": run}
    ask_json(two.source, "POST", "/api/public/scores", {**score, "value": 0.25})
    say(two.source, run, text="before")
    content = export(two.source, f"run_id={run}")
    say(two.source, run, text="since")
    ask_json(two.source, "POST", "/api/public/scores", {**score, "value": 0.75})
    ask(two.source, "POST", f"/api/v1/runs/{run}/pin")
    said = notes_of(two.source, run)

    came = bring(two.source, content)

    assert came.value["notes"] == 0
    assert notes_of(two.source, run) == said
    assert ask(two.source, "GET", f"/api/v1/runs/{run}").value["is_pinned"]


def in_need(port: int, run: str) -> bool:
    """Tell whether a run is a critical intercept."""
    found = ask(port, "GET", f"/api/v1/intercepts?window=all&limit=100&q={run}").value["data"]
    return run in [one["run"]["run_id"] for one in found]


def go_wrong(port: int, run: str, call_id: str, outcome: str = "error") -> None:
    """Record a call that ended so in a run, after all that is in it."""
    call = {"type": "action", "id": call_id, "name": call_id, "kind": "tool", "outcome": outcome}
    times = {"started_at_ns": AT_NS + 10**10, "ended_at_ns": AT_NS + 10**10}
    assert ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "entries": [{**call, **times}]}).status == 200


def test_an_acknowledged_run_is_imported_as_acknowledged_until_a_new_error(two: Two) -> None:
    run = a_run(two.source)
    end_as_failed = [{"type": "run", "at_ns": AT_NS + 10**7, "end": "failed"}]
    ask_json(two.source, "POST", "/api/v1/actions", {"run_id": run, "entries": end_as_failed})
    go_wrong(two.source, run, "late", "success")  # it goes on: less is wrong in it than went wrong
    ask_json(
        two.source, "POST", "/api/v1/actions", {"run_id": run, "entries": [{**end_as_failed[0], "at_ns": AT_NS * 2}]}
    )
    say(two.source, run, text="known", acknowledges=True)
    assert not in_need(two.source, run)
    content = export(two.source, f"run_id={run}")

    bring(two.target, content)

    assert not in_need(two.target, run)
    assert export(two.target, f"run_id={run}") == content
    go_wrong(two.target, run, "later")
    assert in_need(two.target, run)


@pytest.mark.parametrize("knows_it_first", [True, False])
def test_errors_not_acknowledged_at_the_source_need_attention_at_the_import(two: Two, knows_it_first: bool) -> None:
    run = a_run(two.source)
    say(two.source, run, text="known", acknowledges=True)
    content = export(two.source, f"run_id={run}")
    go_wrong(two.source, run, "later")
    if knows_it_first:
        lines = export(two.source, f"run_id={run}").splitlines(keepends=True)
        bring(two.target, b"".join(line for line in lines if b'"type":"action"' in line), is_partial=True)
    else:
        content = export(two.source, f"run_id={run}")

    assert bring(two.target, content).value["notes"] == 1

    assert in_need(two.target, run)


def test_a_deleted_run_is_restored_with_its_notes(two: Two) -> None:
    run = a_run(two.source)
    say(two.source, run, text="good")
    said, content = notes_of(two.source, run), export(two.source, f"run_id={run}")
    assert ask(two.source, "DELETE", f"/api/v1/runs/{run}").status == 200

    bring(two.source, content)

    assert notes_of(two.source, run) == said


def test_an_edited_copy_of_a_run_has_its_notes_and_leaves_those_of_the_run(two: Two) -> None:
    run, copy = a_run(two.source), a_name("copy")
    say(two.source, run, text="good")
    said = notes_of(two.source, run)
    lines = export(two.source, f"run_id={run}").replace(run.encode(), copy.encode()).splitlines(keepends=True)
    content = b"".join(lines[:-1])  # its manifest is of other bytes

    came = [bring(two.source, content, is_partial=True).value["notes"] for _ in range(2)]

    assert came == [1, 0]
    assert notes_of(two.source, run) == said
    assert [note["text"] for note in notes_of(two.source, copy)] == ["good"]


def test_secrets_are_taken_out_of_imported_notes(two: Two) -> None:
    run = a_run(two.source)
    said = {"author": SECRET, "name": SECRET, "text": f"it used {SECRET} here", "action_id": SECRET, "id": SECRET}
    note = {"type": "note", "run_id": run, "at": "2026-03-01T12:00:00Z", **said}
    lines = export(two.source, f"run_id={run}").splitlines(keepends=True)

    came = bring(two.target, b"".join([*lines[:-1], json.dumps(note).encode()]), is_partial=True)

    [kept] = notes_of(two.target, run)
    assert came.value["notes"] == 1
    assert kept["text"].startswith("it used [redacted:")
    assert SECRET not in json.dumps(kept)


@pytest.mark.parametrize(
    "broken",
    [
        b'"score":"high"',
        b'"score":1e999',
        b'"score":NaN',
        b'"score":0.5,"troubles":9223372036854775808',
        b'"score":0.5,"troubles":-1',
    ],
)
def test_an_import_with_a_bad_note_names_its_line_and_keeps_nothing(two: Two, broken: bytes) -> None:
    run, name = a_run(two.source), a_name("bad")
    say(two.source, run, name="quality", score=0.5)
    content = export(two.source, f"run_id={run}").replace(run.encode(), name.encode())

    answer = bring(two.target, content.replace(b'"score":0.5', broken))

    assert answer.refusal == (400, "InvalidInput")
    assert "line 4 of the import" in answer.message
    assert ask(two.target, "GET", f"/api/v1/runs/{name}").status == 404


def test_the_last_line_of_an_export_reveals_missing_notes(two: Two) -> None:
    run, name = a_run(two.source), a_name("cut")
    say(two.source, run, text="good")
    lines = export(two.source, f"run_id={run}").replace(run.encode(), name.encode()).splitlines(keepends=True)

    answer = bring(two.target, b"".join(line for line in lines if b'"type":"note"' not in line))

    assert "1 runs, 2 actions and 0 notes" in answer.message
    assert ask(two.target, "GET", f"/api/v1/runs/{name}").status == 404
