"""Runs that need attention until somebody says, with a reason, that they need it no more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.raw_http import Answer, ask, ask_json
from tests.support.submissions import a_name

AT_NS = 1_772_366_400_000_000_000


def a_failed_call(port: int, run: str, call_id: str, *, after_ns: int = 0) -> None:
    a_call(port, run, call_id, outcome="error", failure={"type": "Oops", "message": "nope"}, after_ns=after_ns)


def a_call(port: int, run: str, call_id: str, *, after_ns: int = 0, **said: object) -> None:
    entry = {"type": "action", "id": call_id, "name": call_id, "kind": "tool", "outcome": "success"}
    times = {"started_at_ns": AT_NS + after_ns, "ended_at_ns": AT_NS + after_ns + 1}
    body = {"run_id": run, "entries": [{**entry, **times, **said}]}
    assert ask_json(port, "POST", "/api/v1/actions", body).status == 200


def test_a_run_that_lost_entries_says_how_many_and_needs_attention(port: int) -> None:
    run = a_name("run")
    call = {
        "type": "action",
        "id": "a1",
        "name": "a1",
        "kind": "tool",
        "started_at_ns": AT_NS,
        "ended_at_ns": AT_NS + 1,
    }
    lost = {"kind": "event", "name": "titan.entries_lost", "outcome": "error"}
    losses = [
        {**call, **lost, "id": f"l{n}", "details": {"attributes": {"count": n}}, "outputs": "not recorded"}
        for n in (40, 2)
    ]
    assert ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "entries": [call, *losses]}).status == 200

    shown = ask(port, "GET", f"/api/v1/runs/{run}").value
    [intercept] = ask(port, "GET", f"/api/v1/intercepts?window=all&q={run}").value["data"]

    assert (shown["lost"], shown["first_error"], shown["tally"]["success_rate"]) == (42, None, 1)
    assert intercept["reasons"] == [{"kind": "entries_lost", "text": "42 entries were not recorded"}]


def acknowledge(port: int, run: str, **said: object) -> Answer:
    return ask_json(port, "POST", f"/api/v1/runs/{run}/notes", {"acknowledges": True, **said})


def mute(port: int, run: str, **said: object) -> Answer:
    return ask_json(port, "POST", f"/api/v1/runs/{run}/notes", {"mutes": True, **said})


def in_need(port: int, run: str, *, all_of_them: bool = False) -> list[str | None]:
    """Return for each intercept about a run what was said of it."""
    beside = "&include_acknowledged=true" if all_of_them else ""
    found = ask(port, "GET", f"/api/v1/intercepts?window=all&limit=100&q={run}{beside}").value["data"]
    said = [one["acknowledged"] for one in found if one["run"]["run_id"] == run]
    return [note and note["text"] for note in said]


def test_an_acknowledged_run_needs_no_attention_until_a_new_error(port: int) -> None:
    run = a_name("run")
    a_failed_call(port, run, "first")
    assert in_need(port, run) == [None]

    assert acknowledge(port, run, text="known: the site was down").status == 201
    assert (in_need(port, run), in_need(port, run, all_of_them=True)) == ([], ["known: the site was down"])

    a_failed_call(port, run, "second")
    assert in_need(port, run) == in_need(port, run, all_of_them=True) == [None]


def an_end(port: int, run: str, end: str, *, after_ns: int = 2) -> None:
    body = {"run_id": run, "entries": [{"type": "run", "at_ns": AT_NS + after_ns, "end": end}]}
    assert ask_json(port, "POST", "/api/v1/actions", body).status == 200


def test_acknowledging_a_failed_run_hides_no_later_error_of_it(port: int) -> None:
    run = a_name("run")
    a_failed_call(port, run, "first")
    an_end(port, run, "failed")
    acknowledge(port, run, text="known")
    assert in_need(port, run) == []

    a_call(port, run, "second", after_ns=10_000)
    assert ask(port, "GET", f"/api/v1/runs/{run}").value["status"] == "running"
    assert in_need(port, run) == []

    a_failed_call(port, run, "third", after_ns=20_000)
    assert in_need(port, run) == [None]
    an_end(port, run, "completed", after_ns=30_000)
    assert in_need(port, run) == [None]


@pytest.mark.parametrize("end", ["completed", "failed"])
def test_an_acknowledged_run_stays_so_if_it_completes_and_not_if_it_fails(port: int, end: str) -> None:
    run = a_name("run")
    a_failed_call(port, run, "first")
    acknowledge(port, run, text="known")

    an_end(port, run, end)

    assert in_need(port, run) == ([] if end == "completed" else [None])


def test_only_errors_that_were_seen_are_acknowledged(port: int) -> None:
    run = a_name("run")
    a_failed_call(port, run, "first")
    seen = ask(port, "GET", f"/api/v1/runs/{run}").value["troubles"]
    a_failed_call(port, run, "second")

    assert acknowledge(port, run, text="known", troubles=seen).status == 201
    assert in_need(port, run) == [None]
    assert acknowledge(port, run, text="known", troubles=10**6).status == 201
    assert in_need(port, run) == []
    a_failed_call(port, run, "third")
    assert in_need(port, run) == [None]


def test_a_run_in_which_nothing_went_wrong_is_not_acknowledged(port: int) -> None:
    run = a_name("run")
    an_end(port, run, "completed")

    refused = acknowledge(port, run, text="fine")

    assert refused.status == 409
    assert "one in which something went wrong" in refused.body.decode()
    assert ask(port, "GET", f"/api/v1/runs/{run}/notes").value["data"] == []


def test_a_note_that_acknowledges_nothing_changes_nothing_and_one_taken_back_neither(port: int) -> None:
    run = a_name("run")
    a_failed_call(port, run, "first")

    ask_json(port, "POST", f"/api/v1/runs/{run}/notes", {"text": "hm"})
    assert in_need(port, run) == [None]

    said = acknowledge(port, run, text="fine").value
    assert in_need(port, run) == []
    assert ask(port, "DELETE", f"/api/v1/runs/{run}/notes/{said['id']}").status == 200
    assert in_need(port, run) == [None]


def test_a_muted_run_needs_no_attention_until_the_note_is_deleted(port: int) -> None:
    run = a_name("run")
    a_failed_call(port, run, "first")

    said = mute(port, run, text="a rehearsal").value
    a_failed_call(port, run, "second")
    acknowledge(port, run, text="seen")
    assert (in_need(port, run), in_need(port, run, all_of_them=True)) == ([], ["a rehearsal"])
    [note] = [note for note in ask(port, "GET", f"/api/v1/runs/{run}/notes").value["data"] if note["mutes"]]
    assert (note["author"], note["at"], note["text"]) == (said["author"], said["at"], "a rehearsal")

    assert ask(port, "DELETE", f"/api/v1/runs/{run}/notes/{said['id']}").status == 200
    assert in_need(port, run, all_of_them=True) == ["seen"]
    a_failed_call(port, run, "third")
    assert in_need(port, run) == [None]


def unmute(port: int, run: str) -> Answer:
    return ask(port, "POST", f"/api/v1/runs/{run}/unmute")


def notes_of(port: int, run: str) -> list[str]:
    return [note["text"] for note in ask(port, "GET", f"/api/v1/runs/{run}/notes").value["data"]]


def test_all_that_mutes_a_run_is_taken_back_at_once(port: int) -> None:
    run = a_name("run")
    a_failed_call(port, run, "first")
    ask_json(port, "POST", f"/api/v1/runs/{run}/notes", {"text": "hm"})
    said = [mute(port, run, text=text).value for text in ("a rehearsal", "and another")]

    answer = unmute(port, run)

    assert (answer.status, answer.value) == (200, {"run_id": run, "deleted": said[::-1], "acknowledged": None})
    assert (in_need(port, run), notes_of(port, run)) == ([None], ["hm"])


def test_a_run_that_is_not_muted_any_more_may_still_be_acknowledged(port: int) -> None:
    run = a_name("run")
    a_failed_call(port, run, "first")
    said = acknowledge(port, run, text="seen").value
    mute(port, run, text="a rehearsal")

    assert unmute(port, run).value["acknowledged"] == said
    assert in_need(port, run, all_of_them=True) == ["seen"]

    a_failed_call(port, run, "second")
    mute(port, run, text="a rehearsal")

    assert unmute(port, run).value["acknowledged"] is None
    assert in_need(port, run) == [None]


def test_unmuting_a_run_that_is_not_muted_changes_nothing(port: int) -> None:
    run = a_name("run")
    a_failed_call(port, run, "first")
    seen = acknowledge(port, run, text="seen").value

    answers = [unmute(port, run) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 200]
    assert [answer.value for answer in answers] == 2 * [{"run_id": run, "deleted": [], "acknowledged": seen}]
    assert (in_need(port, run), notes_of(port, run)) == ([], ["seen"])
    assert unmute(port, a_name("run")).refusal == (404, "UnknownRun")


@pytest.mark.parametrize("how", [acknowledge, mute])
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"text": " "}, "a text that says why"),
        ({"score": 1}, "a text that says why"),
        ({"text": "fine", "action_id": "first"}, "a note on the run"),
    ],
)
def test_nothing_is_acknowledged_or_muted_without_a_reason_or_of_an_action_alone(
    port: int, how: Callable[..., Answer], said: dict[str, object], expected: str
) -> None:
    run = a_name("run")
    a_failed_call(port, run, "first")

    refused = how(port, run, **said)

    assert refused.status == 400, refused.body
    assert expected in refused.body.decode()
    assert in_need(port, run) == [None]
