"""What an agent run was tried with stays known, whatever becomes of its workflow and task."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.support.agent_server import Asked, agent_server
from tests.support.command_line import run_titan
from tests.support.evaluations import PROJECT, a_workflow, dispatched, ended, http_agent, python_agent
from tests.support.older_stores import older_database, older_home
from tests.support.raw_http import ask, ask_json, given
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.waiting import wait_until
from tests.unit.world.a_shop import DEFINITION

CANCEL = 'call("get_order", order_id="O1")\n    return call("cancel_order", order_id="O1")["message"]'


def world(**orders: Any) -> dict[str, Any]:
    """Return the world with other orders beside O1, and a tool less."""
    state = DEFINITION["initial_state"]["entities"]
    orders = {**state["order"], **orders}
    tools = [tool for tool in DEFINITION["tools"] if tool["name"] != "search_products"]
    return {**DEFINITION, "tools": tools, "initial_state": {"entities": {**state, "order": orders}}}


OTHER = world(O1={"order_id": "O1", "status": "placed", "total": 99}, O9={"order_id": "O9", "status": "shipped"})


def put_world(port: int, path: str, other: dict[str, Any], **changed: Any) -> None:
    """Replace the world of a workflow."""
    definition = given(port, path)["definition"]
    answer = ask_json(port, "PUT", path, {"definition": {**definition, "world": other, **changed}})
    assert answer.status == 200, answer.body


def history(port: int, run: str) -> list[Any]:
    """Return what is shown of a run's seed and of its ledger after each call."""
    calls = given(port, f"{run}/tool-calls")["tool_calls"]
    assert len(calls) == 2
    return [given(port, f"{run}/seed"), *(given(port, f"{run}/tool-calls/{one['sequence']}") for one in calls)]


def reseed(port: int, path: str, **seed: Any) -> dict[str, Any]:
    answer = ask_json(port, "POST", f"{path}/tasks/t0/re-seed", {"odyssey_seed": seed})
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.value
    return found


def test_a_changed_workflow_changes_nothing_of_an_earlier_run(port: int) -> None:
    path = a_workflow(port, "rewritten", python_agent(CANCEL))
    [run_id] = dispatched(port, path)
    ended(port, path, run_id)
    run = f"{path}/tasks/t0/agent-runs/{run_id}"
    before, shown = history(port, run), given(port, run)

    put_world(port, path, OTHER, fields=[])

    assert history(port, run) == before
    assert given(port, run) == shown
    assert before[1]["ledger"]["entities"]["order"]["O1"]["attrs"]["total"] == 30.3
    assert before[2]["ledger"]["entities"]["order"]["O1"]["attrs"]["status"] == "cancelled"
    assert before[0]["odyssey_seed"]["initial_state"]["entities"] == DEFINITION["initial_state"]["entities"]


def test_a_task_that_is_seeded_again_changes_nothing_of_an_earlier_run(port: int) -> None:
    path = a_workflow(port, "reseeded-history", python_agent(CANCEL))
    [run_id] = dispatched(port, path)
    ended(port, path, run_id)
    run = f"{path}/tasks/t0/agent-runs/{run_id}"
    before = history(port, run)

    reseed(port, path, user_instruction="Another one.", initial_state=OTHER["initial_state"])

    assert history(port, run) == before
    assert before[0]["odyssey_seed"]["user_instruction"] == "Cancel my order O1."
    assert before[0]["seed_digest"] == given(port, run)["seed_digest"]


def test_a_task_keeps_the_state_that_it_took_from_its_world_until_it_is_seeded_again(port: int) -> None:
    path = a_workflow(port, "frozen-state", python_agent(CANCEL))
    first = given(port, f"{path}/tasks/t0")
    put_world(port, path, OTHER)

    def totals() -> Any:
        [run_id] = dispatched(port, path)
        ended(port, path, run_id)
        ledger = given(port, f"{path}/tasks/t0/agent-runs/{run_id}/tool-calls/0")["ledger"]
        return ledger["entities"]["order"]["O1"]["attrs"]["total"]

    assert totals() == 30.3
    kept = given(port, f"{path}/tasks/t0")
    assert (kept["seed_digest"], first["warnings"]) == (first["seed_digest"], [])
    assert [line for line in kept["warnings"] if "re-seed the task" in line]
    seeded = reseed(port, path)
    assert totals() == 99
    assert seeded["seed_digest"] != first["seed_digest"]
    assert not [line for line in seeded["warnings"] if "re-seed the task" in line]


def test_applying_a_suite_with_another_state_seeds_its_tasks_again_and_a_plan_says_so(port: int) -> None:
    own = {"user_instruction": "Go.", "initial_state": DEFINITION["initial_state"]}
    suite: dict[str, Any] = {
        "workflow": "state-of-a-suite",
        "definition": {"world": DEFINITION},
        "tasks": [{"id": "takes", "odyssey_seed": {"user_instruction": "Go."}}, {"id": "has", "odyssey_seed": own}],
    }

    def changed(*, plan: bool) -> set[str]:
        answer = ask_json(port, "POST", f"{PROJECT}/apply", {**suite, "plan": plan})
        assert answer.status == 200, answer.body
        return {one["id"] for one in answer.value["changes"] if one["change"] != "unchanged"}

    assert changed(plan=False) == {"state-of-a-suite", "takes", "has"}
    takes, has = (given(port, f"{PROJECT}/workflows/state-of-a-suite/tasks/{one}") for one in ("takes", "has"))
    assert takes["seed_digest"] == has["seed_digest"]  # the same instruction, in the same state
    suite["definition"] = {"world": OTHER}

    assert changed(plan=True) == changed(plan=False) == {"state-of-a-suite", "takes"}
    assert changed(plan=True) == set()
    after = given(port, f"{PROJECT}/workflows/state-of-a-suite/tasks/takes")
    assert after["seed_digest"] != takes["seed_digest"]


def test_a_waiting_run_is_tried_as_it_was_dispatched(port: int) -> None:
    may_end, policies = threading.Event(), []

    def agent(asked: Asked) -> object:
        may_end.wait(60)
        policies.append(asked.body["input"]["policy"])
        return {"final_response": json.dumps(asked.call("get_order", order_id="O1")["response"])}

    with agent_server(agent) as url:
        path = a_workflow(port, "waiting-history", http_agent(url), concurrency_cap=1)
        first, second = dispatched(port, path, repeat=2)
        put_world(port, path, {**OTHER, "policy": "Be quick."}, fields=[])
        task = {"id": "t0", "odyssey_seed": {"user_instruction": "Other."}, "scorers": []}
        assert ask_json(port, "POST", f"{path}/tasks", {"tasks": [task], "reseed": True}).value["reseeded"] == 1
        may_end.set()
        runs = [ended(port, path, one) for one in (first, second)]

    assert [json.loads(run["final_response"])["total"] for run in runs] == [30.3, 30.3]
    assert [len(run["scorers"]) for run in runs] == [1, 1]
    assert policies == ["", ""]


def test_a_changed_cap_is_for_the_runs_that_wait_too(port: int) -> None:
    is_first, may_end, both = threading.Lock(), threading.Event(), threading.Barrier(2)

    def agent(asked: Asked) -> object:
        if is_first.acquire(blocking=False):
            may_end.wait(60)
        else:
            both.wait(60)  # the two others, at once
        return {"final_response": "done"}

    with agent_server(agent) as url:
        path = a_workflow(port, "cap-of-those-that-wait", http_agent(url), concurrency_cap=1)
        runs = dispatched(port, path, repeat=3)
        field = {"name": "agent", "agent": "cap-of-those-that-wait", "concurrency_cap": 2}
        put_world(port, path, DEFINITION, fields=[field])
        may_end.set()

        assert [ended(port, path, one)["status"] for one in runs] == ["completed"] * 3


def test_a_rerun_says_which_parts_of_its_world_state_seed_and_scorers_differ(port: int) -> None:
    path = a_workflow(port, "differing", python_agent(CANCEL))
    [run_id] = dispatched(port, path)
    ended(port, path, run_id)

    def differing() -> set[str]:
        again = ask_json(port, "POST", f"{path}/tasks/t0/agent-runs/{run_id}/re-run", {}).value["run_id"]
        changes = ended(port, path, again)["config_changes"]
        assert all(one["before"] != one["after"] for one in changes)
        return {one["path"] for one in changes}

    assert differing() == set()
    put_world(port, path, OTHER)
    assert differing() == {"world", "tool_modes.search_products"}
    reseed(port, path)
    assert differing() == {"world", "tool_modes.search_products", "state", "seed"}
    task = {"id": "t0", "odyssey_seed": {"user_instruction": "Cancel my order O1."}, "scorers": []}
    ask_json(port, "POST", f"{path}/tasks", {"tasks": [task], "reseed": True})
    assert differing() == {"world", "tool_modes.search_products", "state", "seed", "scorers"}


def test_a_submitted_program_is_of_the_world_that_it_ran_in(port: int, tmp_path: Path) -> None:
    path = a_workflow(port, "submitted-history", python_agent(CANCEL))
    program = tmp_path / "program.py"
    program.write_text(
        'import titan_sdk\n\n\n@titan_sdk.action(kind="tool")\ndef get_order(order_id): ...\n\n\n'
        'titan_sdk.set_result(get_order(order_id="O1"))\nget_order(order_id="O2")\n'
    )
    server = ("--server", f"http://127.0.0.1:{port}")
    done = run_titan("run", *server, "--world", "submitted-history", "--task", "t0", str(program))
    [run] = given(port, f"{path}/tasks/t0/agent-runs")["agent_runs"]
    place = f"{path}/tasks/t0/agent-runs/{run['run_id']}"
    before = history(port, place)

    put_world(port, path, OTHER)
    reseed(port, path, user_instruction="Other.")

    assert done.exit_code == 1  # nothing was cancelled
    assert history(port, place) == before
    assert before[1]["ledger"]["entities"]["order"]["O1"]["attrs"]["total"] == 30.3


def test_nothing_of_a_workflow_is_left_when_all_that_named_it_is_deleted(titan: RunningTitan) -> None:
    port, place = titan.sdk_port, "/api/projects/left-over"
    definition = {"world": DEFINITION, "fields": [{"name": "agent", "agent": "agent"}]}
    seeds = ({"user_instruction": "Go."}, {"user_instruction": "Go.", "initial_state": OTHER["initial_state"]})
    tasks = [{"id": f"t{number}", "odyssey_seed": seed} for number, seed in enumerate(seeds)]

    def done(method: str, target: str, body: Any = None) -> Any:
        answer = ask_json(port, method, target, body, {"X-Titan-Project": "left-over"})
        assert answer.status in (200, 202), answer.body
        return answer.value

    def stored() -> int:
        with closing(apsw.Connection(str(titan.home / "calls.db"), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            found = connection.execute("select count(*) from definitions where project_id = 'left-over'")
            return int(str(found.get))

    done("PUT", f"{place}/agents/agent", {"definition": python_agent("return 'done'")})
    done("PUT", f"{place}/workflows/shop", {"definition": definition})
    done("POST", f"{place}/workflows/shop/tasks", {"tasks": tasks})
    assert stored() == 2  # states
    first, second = done("POST", f"{place}/workflows/shop/agent-runs", {})["run_ids"]
    for number, run_id in enumerate((first, second)):
        run = f"{place}/workflows/shop/tasks/t{number}/agent-runs/{run_id}?wait_seconds=20"
        wait_until(lambda run=run: done("GET", run)["ended_at"] is not None, "the end of a run", seconds=60)  # type: ignore[misc]
    assert stored() == 2 + 1 + 2 + 1  # with the world, a seed of each, and the scorers
    done("POST", f"{place}/workflows/shop/tasks/t1/re-seed", {"odyssey_seed": {"initial_state": None}})
    assert stored() == 6  # the second run names them still
    done("DELETE", f"/api/v1/runs/{second}")
    assert stored() == 4
    done("DELETE", f"{place}/workflows/shop/tasks/t0")
    assert stored() == 1  # what the other task took from the world
    done("DELETE", f"{place}/workflows/shop")
    assert stored() == 0


LAMP = f"{PROJECT}/workflows/lamp"


@pytest.mark.parametrize("is_postgres", [False, True], ids=["sqlite", "postgres"])
def test_a_run_stored_before_the_upgrade_shows_only_known_fields(tmp_path: Path, *, is_postgres: bool) -> None:
    with older_database() as url:
        home = tmp_path / "beside" if is_postgres else older_home(tmp_path)
        with running_titan(home, offers=(), store=url if is_postgres else None) as server:
            port = server.sdk_port
            tried = given(port, f"{LAMP}/tasks/light/agent-runs")["agent_runs"]
            run = next(f"{LAMP}/tasks/light/agent-runs/{one['run_id']}" for one in tried if one["tool_calls"])

            assert given(port, f"{run}/seed")["odyssey_seed"]["initial_state"] == {"entities": {}, "flags": {}}
            assert given(port, f"{run}/tool-calls/0")["ledger"]["flags"].keys() == {"on"}
            other = {**given(port, LAMP)["definition"]["world"], "initial_state": {"flags": {"dim": True}}}
            put_world(port, LAMP, other)
            assert given(port, f"{run}/seed")["odyssey_seed"]["initial_state"] is None
            assert given(port, f"{run}/tool-calls/0")["ledger"] is None
            reseeded = {"odyssey_seed": {"user_instruction": "Other."}}
            assert ask_json(port, "POST", f"{LAMP}/tasks/light/re-seed", reseeded).status == 200
            refused = ask(port, "GET", f"{run}/seed")
            assert (refused.status, "before seeds were stored" in refused.message) == (404, True)
            assert given(port, run)["seed_digest"] == tried[0]["seed_digest"]
