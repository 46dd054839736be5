"""Notes on recorded runs: said once under a key, however often they are sent, and gone with their run."""

from __future__ import annotations

from pathlib import Path

from tests.support.raw_http import a_key, ask, ask_json
from tests.support.running_titan import RunningTitan
from tests.support.submissions import a_name
from tests.support.waiting import wait_until

AT_NS = 1_772_366_400_000_000_000
SECRET = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"


def a_run(port: int, *, marker: str = "hello") -> str:
    """Record a run that has ended, with a small and a large payload; return its id."""
    run_id = a_name("run")
    call = {"type": "action", "kind": "tool", "started_at_ns": AT_NS, "ended_at_ns": AT_NS}
    entries = [
        {**call, "id": "a1", "name": "small", "inputs": f"{marker} and words"},
        {**call, "id": "a2", "name": "large", "outputs": f"{marker} " * 20_000},
        {"type": "run", "at_ns": AT_NS + 1, "end": "completed", "name": marker},
    ]
    answer = ask_json(port, "POST", "/api/v1/actions", {"run_id": run_id, "entries": entries})
    assert answer.status == 200, answer.body
    return run_id


def notes_of(port: int, run: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = ask(port, "GET", f"/api/v1/runs/{run}/notes").value["data"]
    return found


def test_the_same_note_again_gets_the_first_answer_and_is_said_once(port: int) -> None:
    run, key = a_run(port), a_key()
    body = {"name": "quality", "score": 0.5, "text": "fair", "action_id": "a1"}

    first, second = (ask_json(port, "POST", f"/api/v1/runs/{run}/notes", body, key) for _ in range(2))

    assert first.status == second.status == 201
    assert first.value == second.value
    assert notes_of(port, run) == [first.value]


def test_a_key_used_for_another_note_is_a_conflict(port: int) -> None:
    run, other, key = a_run(port), a_run(port), a_key()
    ask_json(port, "POST", f"/api/v1/runs/{run}/notes", {"text": "good"}, key)

    words = ask_json(port, "POST", f"/api/v1/runs/{run}/notes", {"text": "bad"}, key)
    elsewhere = ask_json(port, "POST", f"/api/v1/runs/{other}/notes", {"text": "good"}, key)

    assert words.refusal == elsewhere.refusal == (409, "IdempotencyConflict")
    assert (len(notes_of(port, run)), notes_of(port, other)) == (1, [])


def test_a_note_is_taken_back(port: int) -> None:
    run, other = a_run(port), a_run(port)
    first, _ = (ask_json(port, "POST", f"/api/v1/runs/{run}/notes", {"text": text}) for text in ("good", "bad"))
    path = f"notes/{first.value['id']}"

    elsewhere = ask(port, "DELETE", f"/api/v1/runs/{other}/{path}")
    done = ask(port, "DELETE", f"/api/v1/runs/{run}/{path}")
    again = ask(port, "DELETE", f"/api/v1/runs/{run}/{path}")

    assert elsewhere.refusal == again.refusal == (404, "UnknownNote")
    assert done.status == 200
    assert [note["text"] for note in notes_of(port, run)] == ["bad"]


def test_a_score_without_a_name_is_of_the_whole(port: int) -> None:
    run = a_run(port)

    said = ask_json(port, "POST", f"/api/v1/runs/{run}/notes", {"score": 0.5})

    assert (said.status, said.value["name"], said.value["score"]) == (201, "overall", 0.5)


def test_a_note_on_an_action_that_is_not_there_is_refused_by_its_name(port: int) -> None:
    run = a_run(port)

    said = ask_json(port, "POST", f"/api/v1/runs/{run}/notes", {"text": "x", "action_id": "nobody"})

    assert said.refusal == (404, "UnknownAction")


def test_a_note_that_is_too_long_is_refused_in_words(port: int) -> None:
    run = a_run(port)

    refused = ask_json(port, "POST", f"/api/v1/runs/{run}/notes", {"text": "x" * 10_001})

    assert refused.status == 400
    assert b"expected text: a text of at most 10000 characters; found 10001 characters." in refused.body


def test_without_a_key_the_same_note_is_said_twice(port: int) -> None:
    run = a_run(port)

    for _ in range(2):
        ask_json(port, "POST", f"/api/v1/runs/{run}/notes", {"text": "good"})

    assert len(notes_of(port, run)) == 2


def test_a_run_reported_under_a_secret_is_found_by_it_and_does_not_store_it(port: int) -> None:
    secret = f"{SECRET}{a_name('')}".replace("-", "")
    call = {"type": "action", "id": secret, "name": "x", "kind": "tool", "started_at_ns": AT_NS, "ended_at_ns": AT_NS}
    told = ask_json(port, "POST", "/api/v1/actions", {"run_id": secret, "agent_id": secret, "entries": [call]})
    assert told.status == 200, told.body

    note = ask_json(
        port, "POST", f"/api/v1/runs/{secret}/notes", {"text": "good", "author": secret, "action_id": secret}
    )
    run, action = (ask(port, "GET", f"/api/v1/runs/{secret}{path}") for path in ("", f"/actions/{secret}"))
    agent = ask(port, "GET", f"/api/v1/agents/{secret}/stats")

    assert (note.status, run.status, action.status, agent.status) == (201, 200, 200, 200)
    assert note.value["author"] == "[redacted:github_token]"
    assert all(secret.encode() not in answer.body for answer in (note, run, action, agent))


def test_a_note_keeps_no_secret(port: int) -> None:
    run = a_run(port)

    ask_json(port, "POST", f"/api/v1/runs/{run}/notes", {"text": f"it used {SECRET} here"})

    [note] = notes_of(port, run)
    assert SECRET not in str(note["text"])
    assert str(note["text"]).startswith("it used [redacted:")


def test_a_deleted_run_leaves_no_byte_of_its_calls_payloads_words_and_notes(titan: RunningTitan) -> None:
    port, marker = titan.sdk_port, a_name("zebra")
    run = a_run(port, marker=marker)
    note = {"text": f"{marker} was good", "name": marker, "score": 1}
    assert ask_json(port, "POST", f"/api/v1/runs/{run}/notes", note, a_key()).status == 201
    assert holding(titan.home, marker)

    assert ask(port, "DELETE", f"/api/v1/runs/{run}").status == 200

    assert [path for path in holding(titan.home, marker) if path.is_relative_to(titan.home / "blobs")] == []
    wait_until(lambda: not holding(titan.home, marker), "nothing is left", seconds=30)


def test_a_large_payload_that_another_run_has_too_stays_for_that_one(titan: RunningTitan) -> None:
    port, marker = titan.sdk_port, a_name("lion")
    run, other = (a_run(port, marker=marker) for _ in range(2))

    ask(port, "DELETE", f"/api/v1/runs/{run}")

    left = ask(port, "GET", f"/api/v1/runs/{other}/actions/a2/outputs")
    assert (left.status, left.value) == (200, f"{marker} " * 20_000)


def holding(home: Path, marker: str) -> list[Path]:
    """Return the files of a home that hold a text."""
    files = [path for path in home.rglob("*") if path.is_file()]
    return [path for path in files if marker.encode() in path.read_bytes()]
