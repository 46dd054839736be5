"""Suites are applied as they differ from what is there: created, changed, unchanged; a plan changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import run_titan
from tests.support.evaluations import python_agent
from tests.support.raw_http import ask_json, given
from tests.unit.world.a_shop import DEFINITION

PROJECT = "/api/projects/default"


def a_suite(workflow: str, **changed: Any) -> dict[str, Any]:
    task = {"id": "t0", "odyssey_seed": {"user_instruction": "Cancel my order O1."}}
    return {
        "workflow": workflow,
        "definition": {"world": DEFINITION, "fields": [{"name": "agent", "agent": f"{workflow}-agent"}]},
        "agents": {f"{workflow}-agent": python_agent("return 'done'")},
        "endpoints": {f"{workflow}-crm": {"kind": "http", "url": "https://crm.example/", "headers": {"X-Key": "s"}}},
        "tasks": [task, {**task, "id": "t1"}],
        **changed,
    }


def applied(port: int, suite: dict[str, Any], *, plan: bool = False) -> dict[str, Any]:
    answer = ask_json(port, "POST", f"{PROJECT}/apply", {**suite, "plan": plan})
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.value
    return found


def counts(answer: dict[str, Any]) -> tuple[int, int, int]:
    return answer["created"], answer["changed"], answer["unchanged"]


def test_a_second_time_there_is_nothing_to_do(port: int) -> None:
    suite = a_suite("twice")

    plan = applied(port, suite, plan=True)
    assert counts(plan) == (5, 0, 0)
    assert ask_json(port, "GET", f"{PROJECT}/workflows/twice").status == 404
    assert counts(applied(port, suite)) == (5, 0, 0)
    before = given(port, f"{PROJECT}/workflows/twice")
    assert counts(applied(port, suite)) == counts(applied(port, suite, plan=True)) == (0, 0, 5)
    assert given(port, f"{PROJECT}/workflows/twice") == before


def test_apply_changes_only_differences(port: int) -> None:
    suite = a_suite("differs")
    applied(port, suite)
    suite["tasks"][1]["odyssey_seed"] = {"user_instruction": "Refund O1."}
    suite["tasks"].append({**suite["tasks"][0], "id": "t2"})
    suite["agents"]["differs-agent"] = python_agent("return 'otherwise'")

    plan, answer = applied(port, suite, plan=True), applied(port, suite)

    assert plan == answer
    assert {(one["kind"], one["id"], one["change"]) for one in answer["changes"] if one["change"] != "unchanged"} == {
        ("task", "t1", "changed"),
        ("task", "t2", "created"),
        ("agent", "differs-agent", "changed"),
    }
    [agent] = [one for one in given(port, f"{PROJECT}/agents")["agents"] if one["id"] == "differs-agent"]
    assert agent["version"] == 2


def test_all_or_none(port: int) -> None:
    suite = a_suite("all-or-none")
    suite["tasks"].append({"id": "t2", "odyssey_seed": {"user_instruction": 3}})

    answer = ask_json(port, "POST", f"{PROJECT}/apply", suite)

    assert answer.status == 400
    assert "tasks[2].odyssey_seed.user_instruction" in answer.message
    assert ask_json(port, "GET", f"{PROJECT}/workflows/all-or-none").status == 404
    assert "all-or-none-agent" not in {one["id"] for one in given(port, f"{PROJECT}/agents")["agents"]}


def test_an_address_that_may_not_be_asked_is_refused(port: int) -> None:
    suite = a_suite("inside", agents={"inside-agent": {"kind": "http", "url": "http://127.0.0.1/"}})

    assert ask_json(port, "POST", f"{PROJECT}/apply", suite).status == 400


@pytest.mark.parametrize("options", [[], ["--plan"]])
def test_apply_prints_its_changes(port: int, tmp_path: Path, options: list[str]) -> None:
    name = f"told{len(options)}"
    (tmp_path / "suite.yaml").write_text(
        f"workflow: {name}\nworld: {{name: w}}\nagents: {{told-{name}: {{kind: python, source: ''}}}}\n"
        "tasks: [{id: t0, odyssey_seed: {user_instruction: Go.}}]\n"
    )
    command = ["apply", "--server", f"http://127.0.0.1:{port}", str(tmp_path)]

    first, second = run_titan(*command, *options), run_titan(*command, *options)

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert f"3 {'would be ' if options else ''}created, 0" in first.text
    assert ("Nothing to do" in second.text) is (not options)
