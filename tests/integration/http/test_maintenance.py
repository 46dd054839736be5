"""Keeping house over the wire: pins, cleaning, the disk, figures, and cursors of a journal that was cut."""

from __future__ import annotations

import re

import pytest

from tests.support.event_stream import events
from tests.support.raw_http import ask, ask_json, given
from tests.support.submissions import WireWorker, a_dag_body, a_name, submit


def figure(port: int, name: str) -> float:
    """Return a metric's value; 0 when it is not there yet."""
    text = ask(port, "GET", "/metrics").body.decode()
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
    return float(found[1]) if found else 0.0


def test_a_pinned_run_says_so_until_it_is_unpinned_and_its_next_stage_changes_nothing_of_that(port: int) -> None:
    run_id = a_name("run")
    submit(port, a_dag_body(agent_run_id=run_id))

    answers = [
        ask(port, "POST", f"/api/v1/runs/{run_id}/{verb}").value["is_pinned"]
        for verb in ("pin", "pin", "unpin", "unpin", "pin")
    ]
    submit(port, a_dag_body(agent_run_id=run_id))
    kept = given(port, f"/api/v1/runs/{run_id}")
    ask(port, "POST", f"/api/v1/runs/{run_id}/unpin")
    submit(port, a_dag_body(agent_run_id=run_id))

    assert answers == [True, True, False, False, True]
    assert (kept["is_pinned"], kept["stage_count"]) == (True, 2)
    assert given(port, f"/api/v1/runs/{run_id}")["is_pinned"] is False


def test_a_run_nobody_knows_cannot_be_pinned(port: int) -> None:
    assert ask(port, "POST", "/api/v1/runs/nobody/pin").refusal == (404, "UnknownRun")


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_clean_reports_the_deleted_objects_and_keeps_young_ones(port: int, query: str) -> None:
    dag_id = submit(port, a_dag_body())

    answer = ask(port, "POST", f"/api/clean{query}").value

    assert answer["is_dry_run"] is bool(query)
    assert (answer["runs"], answer["dags"], answer["jobs"]) == (0, 0, 0)
    assert answer["blobs"] >= 0  # tests before this one may have left some
    assert answer["database_unused_bytes"] >= 0
    assert ask(port, "GET", f"/api/dags/{dag_id}").status == 200


def test_health_says_how_much_room_there_is(port: int) -> None:
    storage = ask(port, "GET", "/api/health").value["storage"]

    assert storage["free_bytes"] > 0
    assert storage["is_low"] is False


def test_the_figures_count_jobs_attempts_and_requests(port: int) -> None:
    names = (
        'titan_jobs_ended_total{status="COMPLETED"}',
        'titan_attempts_ended_total{outcome="succeeded"}',
        "titan_job_queue_wait_seconds_count",
        "titan_attempt_run_seconds_count",
        'titan_http_requests_total{method="POST",route="/api/dags",status="201"}',
    )
    before = [figure(port, name) for name in names]
    worker = WireWorker(port)
    _job_id, lease_id = worker.a_running_job()
    running = figure(port, 'titan_jobs{status="RUNNING"}')
    slots = [figure(port, f'{name}{{label="{worker.label}"}}') for name in ("titan_slots", "titan_slots_busy")]
    worker.report(lease_id)

    assert [figure(port, name) - old for name, old in zip(names, before, strict=True)] == [1.0] * len(names)
    assert running >= 1.0  # the attempts of other tests' workers are counted until their leases have run out
    assert slots == [1.0, 1.0]


def test_the_figures_are_prometheus_text_without_a_label_that_grows(port: int) -> None:
    ask(port, "GET", f"/api/jobs/{a_name('job')}")
    ask(port, "GET", "/no/such/route")

    answer = ask(port, "GET", "/metrics")
    text = answer.body.decode()

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'route="/api/jobs/{job}",status="404"' in text
    assert "/no/such/route" not in text
    assert "process_resident_memory_bytes" in text
    assert "titan_store_commit_seconds_bucket" in text
    assert "titan_store_commit_transactions_bucket" in text


def test_clients_of_live_events_are_counted(port: int) -> None:
    before = figure(port, "titan_event_stream_clients")
    with events(port) as stream:
        stream.wait_until_connected()
        during = figure(port, "titan_event_stream_clients")

    assert during == before + 1


def test_a_worker_learns_which_of_its_idle_workspaces_are_old(port: int) -> None:
    worker = WireWorker(port)
    live = submit(port, a_dag_body())
    idle = {f"dag-{live}": 1e8, "dag-unknown": 1e8, "run-young": 1.0, "strange": 1e8, "run-forever": 1e300}

    answer = ask_json(port, "POST", f"{worker.path}/workspaces", {"idle_seconds": idle})

    assert answer.value == {"old": ["dag-unknown"]}


def test_an_unknown_worker_is_refused_when_it_lists_workspaces(port: int) -> None:
    answer = ask_json(port, "POST", "/api/workers/nobody/workspaces", {"idle_seconds": {}})

    assert answer.refusal == (404, "UnknownWorker")
