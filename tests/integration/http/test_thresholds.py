"""What makes a run a critical intercept can be set where the server starts, and is told with the list."""

from __future__ import annotations

from pathlib import Path

from tests.support.raw_http import ask, ask_json
from tests.support.running_titan import running_titan
from tests.support.submissions import a_name

AT_NS = 1_772_366_400_000_000_000
SET = {"TITAN_INTERVENTIONS_LEAST": "2", "TITAN_INTERVENTIONS_RATE": "0.5", "TITAN_INTERVENTIONS_TIMES": "0"}


def a_run(port: int, run: str, *, stopped: int, good: int, agent: str = "ann", hours: int = 0) -> None:
    begins_ns = AT_NS + hours * 3_600_000_000_000
    outcomes = ["blocked"] * stopped + ["success"] * good
    entries = [
        {"type": "action", "id": f"{run}-{n}", "name": "send", "kind": "tool", "outcome": outcome}
        | {"started_at_ns": begins_ns + n, "ended_at_ns": begins_ns + n + 1}
        for n, outcome in enumerate(outcomes)
    ]
    answer = ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "agent_id": agent, "entries": entries})
    assert answer.status == 200, answer.body


def test_a_server_goes_by_the_thresholds_that_it_was_started_with(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", offers=(), environment=SET) as titan:
        a_run(titan.sdk_port, "half", stopped=2, good=2)
        a_run(titan.sdk_port, "fewer", stopped=3, good=4)
        a_run(titan.sdk_port, "one", stopped=1, good=0)

        answer = ask(titan.sdk_port, "GET", "/api/v1/intercepts?window=all").value

    assert [one["run"]["run_id"] for one in answer["data"]] == ["half"]
    assert answer["thresholds"] == {"least": 2, "rate": 0.5, "times": 0}


def test_others_are_those_of_the_specification(port: int) -> None:
    assert ask(port, "GET", "/api/v1/intercepts").value["thresholds"] == {"least": 3, "rate": 0.2, "times": 3}


def test_a_run_that_was_stopped_unlike_others_of_its_agent_needs_attention(port: int) -> None:
    agent = a_name("agent")
    a_run(port, f"{agent}-long-ago", stopped=3, good=300, agent=agent, hours=-31 * 24)
    a_run(port, f"{agent}-usual", stopped=1, good=99, agent=agent, hours=-29 * 24)
    a_run(port, f"{agent}-unlike", stopped=5, good=40, agent=agent)
    a_run(port, f"{agent}-later", stopped=0, good=50, agent=agent, hours=1)

    [found] = ask(port, "GET", f"/api/v1/intercepts?window=all&agent_id={agent}").value["data"]

    assert found["run"]["run_id"] == f"{agent}-unlike"
    [reason] = found["reasons"]
    assert reason["kind"] == "high_intervention"
    assert reason["text"].endswith("over 3 times as often as in its agent's other runs of 30 days: 1 of 100")


def test_an_agents_later_runs_remove_no_finding_even_within_the_hour(port: int) -> None:
    agent = a_name("agent")
    a_run(port, f"{agent}-usual", stopped=1, good=99, agent=agent, hours=-1)
    a_run(port, f"{agent}-unlike", stopped=5, good=40, agent=agent)
    before = ask(port, "GET", f"/api/v1/intercepts?window=all&agent_id={agent}").value["data"]

    a_run(port, f"{agent}-later", stopped=2, good=10, agent=agent)
    a_run(port, f"{agent}-also-later", stopped=2, good=10, agent=agent)

    assert [one["run"]["run_id"] for one in before] == [f"{agent}-unlike"]
    assert ask(port, "GET", f"/api/v1/intercepts?window=all&agent_id={agent}").value["data"] == before
