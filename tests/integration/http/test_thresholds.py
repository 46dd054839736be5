"""What makes a run a critical intercept can be set where the server starts, and is told with the list."""

from __future__ import annotations

from pathlib import Path

from tests.support.raw_http import ask, ask_json
from tests.support.running_titan import running_titan

AT_NS = 1_772_366_400_000_000_000
SET = {"TITAN_INTERVENTIONS_LEAST": "2", "TITAN_INTERVENTIONS_RATE": "0.5"}


def a_run(port: int, run: str, *, stopped: int, good: int) -> None:
    outcomes = ["blocked"] * stopped + ["success"] * good
    entries = [
        {"type": "action", "id": f"{run}-{n}", "name": "send", "kind": "tool", "outcome": outcome}
        | {"started_at_ns": AT_NS + n, "ended_at_ns": AT_NS + n + 1}
        for n, outcome in enumerate(outcomes)
    ]
    answer = ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "agent_id": "ann", "entries": entries})
    assert answer.status == 200, answer.body


def test_a_server_goes_by_the_thresholds_that_it_was_started_with(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", offers=(), environment=SET) as titan:
        a_run(titan.sdk_port, "half", stopped=2, good=2)
        a_run(titan.sdk_port, "fewer", stopped=3, good=4)
        a_run(titan.sdk_port, "one", stopped=1, good=0)

        answer = ask(titan.sdk_port, "GET", "/api/v1/intercepts?window=all").value

    assert [one["run"]["run_id"] for one in answer["data"]] == ["half"]
    assert answer["thresholds"] == {"least": 2, "rate": 0.5}


def test_others_are_those_of_the_specification(port: int) -> None:
    assert ask(port, "GET", "/api/v1/intercepts").value["thresholds"] == {"least": 3, "rate": 0.2}
