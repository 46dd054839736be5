"""Lists are filtered, go on behind a row, and are read anew by id."""

from __future__ import annotations

import pytest

from tests.support.raw_http import a_key, ask, ask_json, given
from tests.support.submissions import WireWorker, a_dag_body, a_job_body, a_name, submit


def ids(port: int, target: str) -> list[str]:
    """Return the ids in a list, whatever it lists."""
    value = given(port, target)
    if "jobs" in value:
        return [job["job_id"] for job in value["jobs"]]
    return [dag["dag_id"] for dag in value["dags"]]


def all_of(port: int, target: str, what: str, name: str) -> list[str]:
    """Return the ids of a whole list that is read in pages."""
    found: list[str] = []
    page = given(port, target)
    while True:
        found += [row[name] for row in page[what]]
        if not page["more"]:
            assert page["next"] is None
            return found
        page = given(port, f"{target}&before={page['next']}")


def some_runs(port: int, count: int) -> list[str]:
    """Submit runs of two stages under one name of their own; return their ids, the newest first."""
    prefix = a_name("agent")
    runs = [f"{prefix}_{number}" for number in range(count)]
    for run in runs:
        for stage in ("PLAN", "WRITE"):
            submit(port, a_dag_body(name=f"{run}_{stage}", agent_run_id=run))
    return runs[::-1]


def test_lists_by_id_keep_the_given_order_without_unknown_ids(port: int) -> None:
    first, second = submit(port, a_dag_body()), submit(port, a_dag_body())

    assert ids(port, f"/api/dags?ids={second},nowhere,{first}") == [second, first]
    assert ids(port, f"/api/jobs?ids={second}.00000,{first}.00009,{first}.00000") == [
        f"{second}.00000",
        f"{first}.00000",
    ]


def test_lists_by_id_apply_other_filters_too(port: int) -> None:
    worker = WireWorker(port)
    job_id, _ = worker.a_running_job()
    waiting = f"{submit(port, a_dag_body())}.00000"

    assert ids(port, f"/api/jobs?ids={waiting},{job_id}&status=RUNNING") == [job_id]
    assert ids(port, f"/api/jobs?ids={waiting},{job_id}&worker={worker.worker_id}") == [job_id]
    assert ids(port, f"/api/dags?ids={job_id[:-6]},{waiting[:-6]}&status=RUNNING") == [job_id[:-6]]


@pytest.mark.parametrize("query", ["ids=", "ids=a,,b", "ids=" + ",".join(map(str, range(201))), "q=", "before="])
@pytest.mark.parametrize("what", ["jobs", "dags"])
def test_a_query_that_means_nothing_is_refused(port: int, what: str, query: str) -> None:
    assert ask(port, "GET", f"/api/{what}?{query}").refusal == (400, "InvalidInput")


@pytest.mark.parametrize("target", ["/api/dags?status=DONE", "/api/v1/runs?status=running,", "/api/jobs?status=ready"])
def test_a_status_that_there_is_not_is_refused(port: int, target: str) -> None:
    assert ask(port, "GET", target).refusal == (400, "InvalidInput")


def test_runs_with_stages_are_found_by_a_part_of_their_id_and_read_in_pages(port: int) -> None:
    runs = some_runs(port, 5)
    part = runs[0].rpartition("_")[0].upper()

    def found(query: str) -> list[str]:
        """Return the ids of a whole list of runs, read in pages."""
        target = f"/api/v1/runs?has_stages=true&q={part}{query}"
        page = given(port, target)
        ids = [run["run_id"] for run in page["data"]]
        while page["next_cursor"] is not None:
            page = given(port, f"{target}&cursor={page['next_cursor']}")
            ids += [run["run_id"] for run in page["data"]]
        return ids

    assert found("&limit=2") == found("&limit=5") == runs
    assert found("&status=running&limit=2") == runs
    assert found("&status=pending,failed") == []
    assert found(f"&ids={runs[1]},nobody") == [runs[1]]


def test_a_list_of_runs_with_stages_holds_no_others(port: int) -> None:
    (run,) = some_runs(port, 1)
    recorded = run + "_recorded"
    act = {"type": "action", "id": "a", "name": "search", "started_at_ns": 1_772_366_400_000_000_000}
    ask_json(port, "POST", "/api/v1/actions", {"run_id": recorded, "entries": [act]})

    def found(query: str) -> list[str]:
        return sorted(each["run_id"] for each in given(port, f"/api/v1/runs?window=all&q={run}{query}")["data"])

    assert (found(""), found("&has_stages=true")) == ([run, recorded], [run])
    assert "stage_count" not in given(port, f"/api/v1/runs/{recorded}")


def test_runs_come_with_their_stages_in_submission_order(port: int) -> None:
    (run,) = some_runs(port, 1)

    (with_stages,) = given(port, f"/api/v1/runs?ids={run}&stages=true")["data"]
    (without,) = given(port, f"/api/v1/runs?ids={run}")["data"]
    alone = given(port, f"/api/v1/runs/{run}")

    assert [stage["name"] for stage in with_stages["stages"]] == [f"{run}_PLAN", f"{run}_WRITE"]
    assert "jobs" not in with_stages["stages"][0]
    assert "stages" not in without
    assert {**with_stages, "stages": None} == {**without, "stages": None}
    assert [len(stage["jobs"]) for stage in alone["stages"]] == [1, 1]
    assert [without[name] for name in ("stage_count", "job_count", "live_job_count")] == [2, 2, 2]


def test_a_run_is_found_as_soon_as_its_stage_is_acknowledged(port: int) -> None:
    for number in range(20):
        run = f"{a_name('run')}_{number}"
        submit(port, a_dag_body(agent_run_id=run))

        assert ask(port, "GET", f"/api/v1/runs/{run}").status == 200
        submit(port, a_dag_body(agent_run_id=run))
        assert given(port, "/api/v1/runs?limit=1")["data"][0]["stage_count"] == 2
        assert ask(port, "POST", f"/api/v1/runs/{run}/cancel", headers=a_key()).status == 200
        assert given(port, f"/api/v1/runs/{run}")["status"] == "cancelled"


def test_a_stage_that_somebody_cancelled_keeps_its_status_and_says_who_until_it_is_tried_again(port: int) -> None:
    (run,) = some_runs(port, 1)
    ask(port, "POST", f"/api/v1/runs/{run}/cancel", headers=a_key())

    cancelled = given(port, f"/api/v1/runs/{run}")["stages"]
    ask(port, "POST", f"/api/dags/{cancelled[0]['dag_id']}/retry", headers=a_key())
    retried = given(port, f"/api/v1/runs/{run}")["stages"]

    assert [stage["status"] for stage in cancelled] == ["FAILED", "FAILED"]
    assert [stage["cancelled_by"] for stage in cancelled] == ["somebody without a token"] * 2
    assert [stage["cancelled_by"] for stage in retried] == [None, "somebody without a token"]


def test_a_stage_that_had_ended_is_not_cancelled_by_who_cancels_its_run(port: int) -> None:
    worker, run = WireWorker(port), a_name("run")
    submit(port, a_dag_body([a_job_body(requirement=worker.label)], agent_run_id=run))
    (taken,) = worker.claim(wait_seconds=10)
    worker.report(taken["lease_id"])
    submit(port, a_dag_body(agent_run_id=run))

    ask(port, "POST", f"/api/v1/runs/{run}/cancel", headers=a_key())

    stages = given(port, f"/api/v1/runs/{run}")["stages"]
    assert [stage["cancelled_by"] for stage in stages] == [None, "somebody without a token"]


def test_a_run_with_stages_is_deleted_with_them(port: int) -> None:
    run, other = some_runs(port, 2)
    refused = ask(port, "DELETE", f"/api/v1/runs/{run}")
    ask(port, "POST", f"/api/v1/runs/{run}/cancel", headers=a_key())

    deleted = ask(port, "DELETE", f"/api/v1/runs/{run}")

    assert (refused.refusal, deleted.status) == ((409, "Conflict"), 200)
    assert ask(port, "GET", f"/api/v1/runs/{run}").refusal == (404, "UnknownRun")
    assert ids(port, f"/api/dags?run={run}") == []
    assert len(ids(port, f"/api/dags?run={other}")) == 2


def test_dags_are_found_by_a_part_of_name_or_run_and_by_status(port: int) -> None:
    (run,) = some_runs(port, 1)
    worker = WireWorker(port)
    dag_id = worker.a_running_job()[0].partition(".")[0]
    name = given(port, f"/api/dags/{dag_id}")["name"]

    assert len(all_of(port, f"/api/dags?q={run[6:].upper()}&limit=1", "dags", "dag_id")) == 2
    assert ids(port, f"/api/dags?q=DAG-{name}&status=RUNNING,FAILED") == [dag_id]
    assert ids(port, f"/api/dags?q={name}&status=WAITING") == []


def test_jobs_are_found_by_a_part_of_their_name_and_by_who_tried_them(port: int) -> None:
    dag_id = submit(port, a_dag_body([a_job_body(name) for name in ("train-1", "Train-2", "report")]))
    worker = WireWorker(port)
    tried: list[str] = []
    for _ in range(3):
        job_id, lease_id = worker.a_running_job()
        worker.report(lease_id)
        tried.insert(0, job_id)

    assert all_of(port, f"/api/jobs?dag={dag_id}&q=TRAIN&limit=1", "jobs", "name") == ["Train-2", "train-1"]
    assert all_of(port, f"/api/jobs?worker={worker.worker_id}&limit=2", "jobs", "job_id") == tried
    assert ids(port, f"/api/jobs?worker={worker.worker_id}&status=RUNNING") == []


def test_a_job_shows_its_submitted_fields_but_no_value_of_its_environment(port: int) -> None:
    job = a_job_body(env={"SECRET": "hidden", "LEVEL": "3"}, retries=2, timeout_seconds=9.5, delay_ms=60_000)
    dag_id = submit(port, a_dag_body([job]))

    (shown,) = given(port, f"/api/jobs?dag={dag_id}")["jobs"]

    assert shown["env"] == ["LEVEL", "SECRET"]
    assert (shown["retries"], shown["timeout_seconds"], shown["delay_ms"]) == (2, 9.5, 60_000)
    assert shown["result_is_set"] is False
    assert b"hidden" not in ask(port, "GET", f"/api/dags/{dag_id}").body


def test_a_job_says_when_its_latest_attempt_began(port: int) -> None:
    worker = WireWorker(port)
    job_id, first = worker.a_running_job(retries=1)
    worker.report(first, outcome="failed", exit_code=1)
    assert worker.claim(wait_seconds=10)

    (shown,) = given(port, f"/api/jobs?ids={job_id}")["jobs"]

    attempts = given(port, f"/api/jobs/{job_id}")["attempts"]
    assert [shown["started_at"], shown["leased_at"]] == [each["leased_at"] for each in attempts]


def test_a_dag_gives_the_attempts_of_its_jobs_when_asked(port: int) -> None:
    worker = WireWorker(port)
    job_id, lease_id = worker.a_running_job()
    worker.report(lease_id)
    dag_id = job_id.partition(".")[0]

    (job,) = given(port, f"/api/dags/{dag_id}?attempts=true")["jobs"]

    assert job == given(port, f"/api/jobs/{job_id}")
    assert [(a["attempt"], a["outcome"], a["worker_id"]) for a in job["attempts"]] == [
        (1, "succeeded", worker.worker_id)
    ]
    assert "attempts" not in given(port, f"/api/dags/{dag_id}")["jobs"][0]
