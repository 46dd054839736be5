"""Runs of evaluations stand apart from those of production: in lists, totals, the ledger, DAGs and notifications."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.evaluations import a_workflow, dispatched, ended, python_agent, tried
from tests.support.forked import run_forked
from tests.support.raw_http import a_key, ask, ask_json, given
from tests.support.receiver import a_receiver
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.sources import PACKAGES
from tests.support.submissions import a_dag_body, submit

FAILS = 'raise ValueError(call("get_order", order_id="O1")["status"])'

GATE = {"id": "stage", "kind": "gate", "filename": "", "hitl_message": "Go on?"}
#: What lists evaluated runs or what comes of them, as `?origin=` narrows it: path → the ids in its answer.
LISTS: Final[Mapping[str, Callable[[Any], list[str]]]] = {
    "/api/v1/runs?window=all": lambda answer: [run["run_id"] for run in answer["data"]],
    "/api/v1/intercepts?window=all": lambda answer: [one["run"]["run_id"] for one in answer["data"]],
    "/api/v1/ledger?": lambda answer: [action["run_id"] for action in answer["data"]],
    "/api/dags?": lambda answer: [dag["agent_run_id"] for dag in answer["dags"]],
    "/api/v1/agents?": lambda answer: [agent["agent_id"] for agent in answer["data"] if agent["runs"]],
}


def record(port: int, run_id: str, agent_id: str) -> None:
    """Record a run of one call of a tool, which failed."""
    now = time.time_ns()
    call = {"type": "action", "id": "look", "name": "look", "kind": "tool", "started_at_ns": now, "ended_at_ns": now}
    call |= {"outcome": "error", "failure": {"type": "ValueError", "message": "no"}}
    named = {"type": "run", "run_id": run_id, "at_ns": now, "agent_id": agent_id}
    body = {"run_id": run_id, "entries": [named, call]}
    answer = ask_json(port, "POST", "/api/v1/actions", body, a_key())
    assert answer.status == 200, answer.body


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server with one failed run of production and one of an evaluation, each of a DAG and a call."""
    with running_titan(tmp_path_factory.mktemp("origin") / "home") as titan:
        port = titan.sdk_port
        found = tried(port, "tried", python_agent(FAILS))
        assert found["status"] == "failed"
        record(port, "live-1", "live")
        submit(port, a_dag_body([GATE], agent_run_id="live-1"))
        yield titan, found["run_id"]


@pytest.mark.parametrize("path", LISTS)
def test_lists_show_production_unless_asked_for_evaluations(apart: tuple[RunningTitan, str], path: str) -> None:
    titan, evaluated = apart
    ids = LISTS[path]
    live, tried_one = ("live", "tried") if path == "/api/v1/agents?" else ("live-1", evaluated)

    assert set(ids(given(titan.sdk_port, path))) == {live}
    assert set(ids(given(titan.sdk_port, f"{path}&origin=production"))) == {live}
    assert set(ids(given(titan.sdk_port, f"{path}&origin=evaluation"))) == {tried_one}
    assert set(ids(given(titan.sdk_port, f"{path}&origin=all"))) == {live, tried_one}


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/runs/{run}",
        "/api/v1/runs?window=all&ids={run}",
        "/api/v1/ledger?run_id={run}",
        "/api/dags?run={run}",
        "/api/dags?name={run}-agent",
        "/api/v1/runs/export?window=all",
        "/api/v1/ledger/export?",
    ],
)
def test_lookups_by_name_and_exports_include_both_origins(apart: tuple[RunningTitan, str], path: str) -> None:
    titan, evaluated = apart

    answer = ask(titan.sdk_port, "GET", path.format(run=evaluated))

    assert answer.status == 200, answer.body
    assert evaluated.encode() in answer.body


def test_a_run_says_its_origin(apart: tuple[RunningTitan, str]) -> None:
    titan, evaluated = apart

    assert given(titan.sdk_port, f"/api/v1/runs/{evaluated}")["origin"] == "evaluation"
    assert given(titan.sdk_port, "/api/v1/runs/live-1")["origin"] == "production"
    [dag] = given(titan.sdk_port, f"/api/dags?run={evaluated}")["dags"]
    assert dag["origin"] == "evaluation"


def test_an_agent_has_totals_of_its_runs_of_either_origin(apart: tuple[RunningTitan, str]) -> None:
    titan, _ = apart
    port = titan.sdk_port

    production = given(port, "/api/v1/agents/tried/stats")
    evaluation = given(port, "/api/v1/agents/tried/stats?origin=evaluation")

    assert (production["agent"]["runs"], production["days"], production["errors"]) == (0, [], [])
    assert (evaluation["agent"]["runs"], evaluation["agent"]["failed"]) == (1, 1)
    assert [day["runs"] for day in evaluation["days"]] == [1]
    assert given(port, "/api/v1/agents/tried/versions?origin=all")["data"] is not None


def test_a_list_that_is_empty_says_how_many_runs_the_other_origin_has(apart: tuple[RunningTitan, str]) -> None:
    titan, _ = apart

    answer = given(titan.sdk_port, "/api/v1/runs?window=all&agent_id=tried")

    assert answer["total"] == 0
    assert answer["elsewhere"]["in_all_origins"] == 1


def test_an_origin_that_there_is_not_is_refused(apart: tuple[RunningTitan, str]) -> None:
    titan, _ = apart

    answer = ask(titan.sdk_port, "GET", "/api/v1/runs?origin=test")

    assert answer.status == 400
    assert "production" in answer.message


def test_the_command_line_lists_production_unless_asked(apart: tuple[RunningTitan, str], tmp_path: Path) -> None:
    titan, evaluated = apart

    def typed(*words: str) -> str:
        environment = {**os.environ, **titan.environment, "TITAN_HOME": str(titan.home), "PYTHONPATH": PACKAGES}
        done = run_forked(*words, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert evaluated not in typed("runs", "list") + typed("dags", "list")
    assert evaluated in typed("runs", "list", "--origin", "evaluation", "--json")
    assert "live-1" not in typed("runs", "list", "--origin", "evaluation", "--json")
    assert evaluated in typed("dags", "list", "--origin", "all", "--json")
    assert "--origin all" in typed("runs", "list", "--agent", "tried")
    assert "evaluation" in typed("runs", "show", evaluated)
    assert evaluated in typed("runs", "export")


def test_a_copy_of_an_evaluated_run_is_of_an_evaluation(apart: tuple[RunningTitan, str], tmp_path: Path) -> None:
    titan, evaluated = apart
    export = ask(titan.sdk_port, "GET", f"/api/v1/runs/export?run_id={evaluated}").body

    with running_titan(tmp_path / "home", offers=()) as other:
        answer = ask(other.sdk_port, "POST", "/api/v1/import", export, a_key())
        assert answer.status == 200, answer.body

        assert given(other.sdk_port, "/api/v1/runs?window=all")["data"] == []
        assert given(other.sdk_port, f"/api/v1/runs/{evaluated}")["origin"] == "evaluation"
        assert given(other.sdk_port, "/api/v1/ledger")["data"] == []


def test_a_program_in_a_world_and_its_fork_are_of_an_evaluation(titan: RunningTitan, tmp_path: Path) -> None:
    (tmp_path / "shop_agent.py").write_text(
        "import titan_sdk\n\n\n@titan_sdk.action(kind='tool')\ndef cancel_order(order_id):\n    return {}\n\n\n"
        "cancel_order('O1')\n"
    )
    path = a_workflow(titan.sdk_port, "origins", python_agent("pass"))

    def typed(*words: str) -> None:
        environment = {**os.environ, **titan.environment, "TITAN_HOME": str(titan.home), "PYTHONPATH": PACKAGES}
        done = run_forked(*words, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr

    typed("run", "--world", "origins", "--task", "t0", "shop_agent.py")
    [run] = given(titan.sdk_port, f"{path}/tasks/t0/agent-runs")["agent_runs"]
    [call] = given(titan.sdk_port, f"{path}/tasks/t0/agent-runs/{run['run_id']}/tool-calls")["tool_calls"]
    edit = ("--at", call["action_id"], "--output", json.dumps({"status": "shipped"}))
    typed("fork", run["run_id"], *edit, "--", sys.executable, "shop_agent.py")

    [fork] = given(titan.sdk_port, f"/api/v1/runs?window=all&parent_run_id={run['run_id']}")["data"]
    [dag] = given(titan.sdk_port, f"/api/dags?run={run['run_id']}")["dags"]
    assert given(titan.sdk_port, f"/api/v1/runs/{run['run_id']}")["origin"] == "evaluation"
    assert dag["origin"] == "evaluation"
    assert fork["origin"] == "evaluation"
    stage = submit(titan.sdk_port, a_dag_body([GATE], agent_run_id=fork["run_id"]))
    assert given(titan.sdk_port, f"/api/dags/{stage}")["origin"] == "evaluation", "a stage of the fork"


def test_a_failed_evaluation_is_not_posted_as_a_failed_run(tmp_path: Path) -> None:
    with a_receiver() as receiver:
        settings = {"TITAN_NOTIFY": receiver.url}
        with running_titan(tmp_path / "home", environment=settings) as titan:
            port = titan.sdk_port
            path = a_workflow(port, "tried", python_agent(FAILS))
            [run_id] = dispatched(port, path)
            assert ended(port, path, run_id)["status"] == "failed"
            submit(port, a_dag_body([GATE], agent_run_id="R_1"))
            receiver.wait_for(1)
            ask_json(port, "POST", "/api/gates/stage/reject", {"by": "me"}, a_key())
            ask_json(port, "POST", "/api/v1/runs/R_1/end", {"status": "failed", "error": "no money"}, a_key())
            posted = receiver.wait_for(2)

    assert [(one.value["kind"], one.value["agent_run_id"]) for one in posted] == [
        ("gate_opened", "R_1"),
        ("run_failed", "R_1"),
    ]
