"""The predicted determinism of a run over HTTP: its issues, what people accept, and the score in lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.support.raw_http import ask, ask_json
from tests.support.submissions import a_name
from tests.support.waiting import wait_until
from titan_sdk import TitanClient, TitanJob

AT_NS = 1_735_396_200_000_000_000  # 2024-12-28T14:30:00Z
KEY = "timestamp:generate_report:outputs:$.generated_at"

AGENT = """
from datetime import UTC, datetime

from titan_sdk import action


@action
def generate_report(topic):
    return {"topic": topic, "at": datetime.now(UTC).isoformat()}


generate_report("agents")
"""


def a_run(port: int, *, agent: str, **outputs: object) -> str:
    """Record a run of one call that has ended; return its id."""
    run_id = a_name("run")
    call = {"type": "action", "kind": "call", "started_at_ns": AT_NS, "ended_at_ns": AT_NS, "outcome": "success"}
    entries = [
        {"type": "run", "at_ns": AT_NS, "agent_id": agent},
        {**call, "id": "a1", "name": "generate_report", **outputs},
        {"type": "run", "at_ns": AT_NS + 1, "end": "completed"},
    ]
    answer = ask_json(port, "POST", "/api/v1/actions", {"run_id": run_id, "entries": entries})
    assert answer.status == 200, answer.body
    return run_id


def determinism(port: int, run: str) -> dict[str, Any]:
    found: dict[str, Any] = ask(port, "GET", f"/api/v1/runs/{run}/determinism").value
    return found


def listed(port: int, agent: str, more: str = "") -> list[tuple[str, int | None]]:
    runs = ask(port, "GET", f"/api/v1/runs?window=all&agent_id={agent}{more}").value["data"]
    return [(run["run_id"], run["determinism"]) for run in runs]


def test_the_example_of_the_seed(port: int) -> None:
    run = a_run(port, agent=a_name("agent"), outputs={"generated_at": "2024-12-28T14:30:00Z"})

    found = determinism(port, run)

    assert (found["score"], found["band"], found["source"]) == (40, "highly_non_deterministic", "predicted")
    assert (found["measured"], found["unavailable"]) == (None, None)
    [issue] = found["issues"]
    assert (issue["title"], issue["action_name"], issue["severity"]) == (
        "Timestamp in output",
        "generate_report",
        "high",
    )
    assert issue["description"] == (
        'Output contains current timestamp ("2024-12-28T14:30:00Z") which will differ on replay.'
    )
    assert issue["recommendation"]["text"] == "Pass timestamp as input parameter instead."
    assert issue["recommendation"]["docs"] == "/help/determinism#timestamp"


def test_a_run_without_content_or_calls_has_no_score(port: int) -> None:
    bare = a_run(port, agent=a_name("agent"))
    empty = a_name("run")
    ended = {"type": "run", "at_ns": AT_NS, "end": "completed"}
    ask_json(port, "POST", "/api/v1/actions", {"run_id": empty, "entries": [ended]})

    assert [determinism(port, run)["unavailable"] for run in (bare, empty)] == ["outputs_missing", "no_calls"]
    assert determinism(port, bare)["score"] is None
    assert ask(port, "GET", "/api/v1/runs/nowhere/determinism").refusal == (404, "UnknownRun")


def test_an_accepted_issue_counts_in_no_run_of_the_agent_until_that_is_withdrawn(port: int) -> None:
    agent = a_name("agent")
    run, other = (a_run(port, agent=agent, outputs={"generated_at": "2024-12-28T14:30:00Z"}) for _ in range(2))
    path = f"/api/v1/runs/{run}/determinism/accepted/{quote(KEY, safe='')}"
    wait_until(lambda: {score for _, score in listed(port, agent)} == {40}, "the scores of both runs")
    assert len(listed(port, agent, "&determinism_below=70&sort=determinism")) == 2

    accepted = ask_json(port, "PUT", path, {"reason": "only a log"})

    assert accepted.status == 200
    assert accepted.value["reason"] == "only a log"
    found = determinism(port, other)
    assert (found["score"], found["issues"][0]["accepted"]) == (100, accepted.value)
    wait_until(lambda: {score for _, score in listed(port, agent)} == {100}, "new scores of both runs")
    assert ask(port, "DELETE", path).status == 200
    assert determinism(port, run)["score"] == 40
    assert ask(port, "DELETE", path).refusal == (404, "UnknownIssue")


def test_what_is_no_issue_of_the_run_is_not_accepted(port: int) -> None:
    run = a_run(port, agent=a_name("agent"), outputs="done")

    refused = ask_json(port, "PUT", f"/api/v1/runs/{run}/determinism/accepted/none", {"reason": "no"})
    unexplained = ask_json(port, "PUT", f"/api/v1/runs/{run}/determinism/accepted/none", {"reason": ""})

    assert refused.refusal == (404, "UnknownIssue")
    assert unexplained.refusal == (400, "InvalidInput")


def test_the_script_of_a_job_gives_the_line_and_the_line_rewritten(port: int, tmp_path: Path) -> None:
    program = tmp_path / "report.py"
    program.write_text(AGENT, "utf-8")
    run = a_run(port, agent=a_name("agent"), outputs={"at": "2024-12-28T14:30:00Z"})
    client = TitanClient("127.0.0.1", port, announce=lambda _: None)
    client.submit_dag("report", [TitanJob("report", str(program))], agent_run_id=run)

    [issue] = determinism(port, run)["issues"]
    assert issue["code"] == {"file": "report.py", "line": 9, "function": "generate_report"}
    assert issue["recommendation"]["after"].startswith("def generate_report(topic, *, as_of):\n    return {")
    assert "as_of.isoformat()" in issue["recommendation"]["after"]
