"""kill -9 of a server while agents are tried: every task is tried to its end, and none twice that changed something."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

from tests.support.agent_server import Asked, Raw, agent_server
from tests.support.evaluations import a_workflow, dispatched, http_agent, python_agent
from tests.support.raw_http import ask_json, given
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.waiting import wait_until

CANCEL = 'return call("cancel_order", order_id="O1")["message"]'
PAGE = 1_000


def rows_of(titan: RunningTitan, path: str) -> list[dict[str, Any]]:
    """Return the agent runs of a workflow, the latest first."""
    rows: list[dict[str, Any]] = []
    before = ""
    while True:
        page = given(titan.sdk_port, f"{path}/agent-runs?limit={PAGE}{before}")["agent_runs"]
        rows += page
        if len(page) < PAGE:
            return rows
        before = f"&before={page[-1]['run_id']}"


def kill_and_finish(titan: RunningTitan, path: str, *, tasks: int, kills: int, seconds: float) -> list[dict[str, Any]]:
    """Kill the server a few times, each when some more runs have ended; return all runs when all have ended."""
    for kill in range(1, kills + 1):
        has_enough = partial(has_ended, titan, path, kill * tasks // (2 * kills))
        wait_until(has_enough, f"enough ended runs for kill {kill}", seconds=seconds)
        titan.kill()
        titan.start_again()
    wait_until(lambda: is_over(rows_of(titan, path)), "all agent runs", seconds=seconds)
    return rows_of(titan, path)


def ended(rows: list[dict[str, Any]]) -> int:
    return sum(row["ended_at"] is not None for row in rows)


def has_ended(titan: RunningTitan, path: str, some: int) -> bool:
    return ended(rows_of(titan, path)) >= some


def is_over(rows: list[dict[str, Any]]) -> bool:
    return ended(rows) == len(rows)


def check_every_task(rows: list[dict[str, Any]], *, tasks: int, most_interrupted: int) -> None:
    """Assert that each task was tried to its end, and that what was repeated had done nothing."""
    newest: dict[str, dict[str, Any]] = {}
    for row in rows:
        newest.setdefault(row["task_id"], row)
    assert len(newest) == tasks
    interrupted = [row for row in newest.values() if row["status"] != "completed"]
    assert {row["error_class"] for row in interrupted} <= {"internal_error"}
    assert all("after it had called tools" in row["error"]["message"] for row in interrupted)
    assert len(interrupted) <= most_interrupted
    assert {row["verdict"] for row in newest.values() if row["status"] == "completed"} == {"PASS"}
    assert all(count == 1 for count in Counter(row["task_id"] for row in rows if row["tool_calls"]).values())
    by_id = {row["run_id"]: row for row in rows}
    for row in rows:
        if row["trigger"] == "auto_redispatch":
            source = by_id[row["source_run_id"]]
            assert (source["error_class"], source["tool_calls"]) == ("internal_error", 0)
            assert "before the agent had called a tool" in source["error"]["message"]


def test_no_task_of_agents_that_run_as_jobs_is_lost(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home") as titan:
        path = a_workflow(titan.sdk_port, "killed", python_agent(CANCEL), tasks=60)
        dispatched(titan.sdk_port, path)

        rows = kill_and_finish(titan, path, tasks=60, kills=1, seconds=90)

    check_every_task(rows, tasks=60, most_interrupted=5)


def a_canceller() -> tuple[Callable[[Asked], object], Counter[str]]:
    """Return an agent that cancels the order, and how often it did for each task."""
    done: Counter[str] = Counter()
    door = threading.Lock()

    def cancel(asked: Asked) -> object:
        try:
            message = asked.call("cancel_order", order_id="O1")["response"]["message"]
        except (URLError, ConnectionError):  # the server is gone
            return Raw(status=503)
        with door:
            done[asked.body["task_id"]] += 1
        return {"final_response": message}

    return cancel, done


@pytest.mark.parametrize(("tasks", "kills"), [(60, 2), pytest.param(1_000, 3, marks=pytest.mark.slow)])
def test_no_task_of_agents_behind_an_address_is_lost_and_none_is_done_twice(
    tmp_path: Path, tasks: int, kills: int
) -> None:
    cap = 20
    cancel, done = a_canceller()
    with running_titan(tmp_path / "home", offers=()) as titan, agent_server(cancel) as url:
        path = a_workflow(titan.sdk_port, "killed", http_agent(url), tasks=tasks, concurrency_cap=cap)
        assert len(dispatched(titan.sdk_port, path)) == tasks

        rows = kill_and_finish(titan, path, tasks=tasks, kills=kills, seconds=60 + tasks / 4)

    check_every_task(rows, tasks=tasks, most_interrupted=kills * cap)
    assert max(done.values()) == 1


def test_a_run_that_ends_is_ended_and_repeated_in_one_step(tmp_path: Path) -> None:
    """A server that is killed while it takes up what it left loses nothing either."""
    cancel, _ = a_canceller()
    with running_titan(tmp_path / "home", offers=()) as titan, agent_server(cancel) as url:
        path = a_workflow(titan.sdk_port, "killed", http_agent(url), tasks=40, concurrency_cap=20)
        dispatched(titan.sdk_port, path)
        for _ in range(4):
            titan.kill()
            titan.start_again()
        wait_until(lambda: is_over(rows_of(titan, path)), "all agent runs", seconds=90)

        check_every_task(rows_of(titan, path), tasks=40, most_interrupted=40)


def test_a_program_in_a_world_has_failed_and_is_not_repeated(tmp_path: Path) -> None:
    script = b"import time; time.sleep(600)"
    digest = hashlib.sha256(script).hexdigest()
    with running_titan(tmp_path / "home") as titan:
        path = a_workflow(titan.sdk_port, "program", python_agent(CANCEL))
        body = {
            "name": "slow",
            "jobs": [{"id": "slow", "filename": "slow.py", "script": digest}],
            "scripts": {digest: base64.b64encode(script).decode()},
            "world": {"workflow": "program", "task": "t0"},
        }
        submitted = ask_json(titan.sdk_port, "POST", "/api/dags", body)
        assert submitted.status == 201
        titan.kill()
        titan.start_again()
        wait_until(lambda: given(titan.sdk_port, f"{path}/agent-runs")["agent_runs"][0]["ended_at"] is not None, "it")
        dag = given(titan.sdk_port, f"/api/dags/{submitted.value['dag_id']}?wait_seconds=30")
        assert [job["status"] for job in dag["jobs"]] == ["CANCELLED"], "nobody would grade it"

        [run] = given(titan.sdk_port, f"{path}/agent-runs")["agent_runs"]
    assert (run["agent_id"], run["status"], run["error_class"]) == ("slow", "failed", "internal_error")


def test_an_agents_job_that_a_restart_gives_back_is_not_begun_again(tmp_path: Path) -> None:
    started, go = tmp_path / "started", tmp_path / "go"
    waits = f"""
    import pathlib, time
    with open({str(started)!r}, "a") as file:
        file.write("x")
    while not pathlib.Path({str(go)!r}).exists():
        time.sleep(0.05)
    return "done"
"""
    with running_titan(tmp_path / "home") as titan:
        path = a_workflow(titan.sdk_port, "restarted", python_agent(waits))
        dispatched(titan.sdk_port, path)
        wait_until(started.exists, "the agent")
        assert titan.terminate() == 0
        go.touch()
        titan.start_again()
        wait_until(lambda: len(rows_of(titan, path)) == 2 and is_over(rows_of(titan, path)), "the repeated run")
        listed = given(titan.sdk_port, "/api/dags?origin=evaluation")["dags"]
        dags = [given(titan.sdk_port, f"/api/dags/{dag['dag_id']}?wait_seconds=30") for dag in listed]
        statuses = sorted(job["status"] for dag in dags for job in dag["jobs"])

    assert statuses == ["CANCELLED", "COMPLETED"], "the interrupted run's job, and the repeated one's"
    assert started.read_text() == "xx"
