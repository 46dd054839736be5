"""Live events: all that happens, in order, and resumed without a gap or a repeat."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.event_stream import events
from tests.support.raw_http import a_key, ask, ask_json
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.submissions import WireWorker, a_dag_body, a_job_body, a_name, submit

UNKNOWN_CURSORS = [str(10**15), "9" * 400, "-1", "yesterday", "", "%C2%B2", "1.5"]


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    """A server of its own: on the shared one, a retry that another test left may come due between two events."""
    with running_titan(tmp_path_factory.mktemp("events") / "home", offers=()) as running:
        yield running


def present_cursor(port: int) -> int:
    """Return the number of the newest event."""
    with events(port, "?after=unknown") as stream:
        (resync,) = stream.take(1)
    return int(resync.data["cursor"])


def run_a_job(port: int) -> str:
    """Submit a job, run it, and return its id."""
    worker = WireWorker(port)
    job_id, lease_id = worker.a_running_job()
    worker.report(lease_id)
    return job_id


def test_events_are_sent_in_order_as_they_happen(port: int) -> None:
    with events(port) as stream:
        stream.wait_until_connected()
        job_id = run_a_job(port)
        seen = stream.until("DagEnded")

    kinds = [event.kind for event in seen if event.kind != "WorkerJoined"]
    assert kinds == ["DagSubmitted", "JobReady", "JobLeased", "JobSucceeded", "DagEnded"]
    assert [event.id for event in seen] == list(range(seen[0].id, seen[0].id + len(seen)))
    assert {event.data["job_id"] for event in seen} == {None, job_id}
    assert all(event.data["cursor"] == str(event.id) and event.data["kind"] == event.kind for event in seen)


@pytest.mark.parametrize("how", ["after", "Last-Event-ID"])
def test_a_stream_continues_after_a_cursor_without_a_gap_or_repeat(port: int, how: str) -> None:
    start = present_cursor(port)
    run_a_job(port)
    end = present_cursor(port)
    cursor = start

    seen: list[int] = []
    while cursor < end:  # as a client whose connection breaks after every second event
        query, headers = (f"?after={cursor}", {}) if how == "after" else ("", {"Last-Event-ID": str(cursor)})
        with events(port, query, headers) as stream:
            seen += [event.id for event in stream.take(min(2, end - cursor))]
        cursor = seen[-1]

    assert seen == list(range(start + 1, end + 1))


def test_after_takes_precedence_over_last_event_id(port: int) -> None:
    start = present_cursor(port)
    run_a_job(port)

    with events(port, f"?after={start + 1}", {"Last-Event-ID": str(start)}) as stream:
        (first,) = stream.take(1)

    assert first.id == start + 2


def test_more_events_than_one_batch_come_all(port: int) -> None:
    start = present_cursor(port)
    submit(port, a_dag_body([a_job_body(str(number)) for number in range(1200)]))

    with events(port, f"?after={start}") as stream:
        seen = [event.id for event in stream.take(1201)]

    assert seen == list(range(start + 1, start + 1202))


@pytest.mark.parametrize("cursor", UNKNOWN_CURSORS)
def test_a_stream_with_a_cursor_unknown_to_this_journal_gets_a_resync_and_then_new_events(
    port: int, cursor: str
) -> None:
    before = present_cursor(port)

    with events(port, f"?after={cursor}") as stream:
        (resync,) = stream.take(1)
        submit(port, a_dag_body())
        news = stream.take(2)

    assert (resync.kind, resync.id, resync.data) == ("resync", before, {"cursor": str(before)})
    assert [(event.id, event.kind) for event in news] == [(before + 1, "DagSubmitted"), (before + 2, "JobReady")]


def test_the_events_of_one_dag_are_sent_alone(port: int) -> None:
    start = present_cursor(port)
    dag_id, other_id = submit(port, a_dag_body()), submit(port, a_dag_body())
    for each in (other_id, dag_id):
        ask(port, "POST", f"/api/dags/{each}/cancel", headers=a_key())

    with events(port, f"?after={start}&dag={dag_id}") as stream:
        seen = stream.until("DagEnded")

    assert {event.data["dag_id"] for event in seen} == {dag_id}
    assert [event.kind for event in seen] == ["DagSubmitted", "JobReady", "JobCancelled", "DagEnded"]


def test_the_events_of_one_run_are_sent_alone(port: int) -> None:
    start = present_cursor(port)
    run_id, other_id = a_name("run"), a_name("run")
    for each in (run_id, other_id, run_id):
        submit(port, a_dag_body(agent_run_id=each))
    end = {"status": "completed"}
    ask(port, "POST", f"/api/v1/runs/{run_id}/cancel", headers=a_key())
    ask_json(port, "POST", f"/api/v1/runs/{other_id}/end", end, a_key())

    with events(port, f"?after={start}&run={run_id}") as stream:
        seen = stream.until("RunEnded")

    assert {event.data["agent_run_id"] for event in seen} == {run_id}
    assert [event.kind for event in seen].count("DagSubmitted") == 2


def test_an_event_stream_is_not_to_be_kept_by_anybody(port: int) -> None:
    answer = ask(port, "GET", "/api/events?unknown=1")

    assert answer.refusal == (400, "InvalidInput")
