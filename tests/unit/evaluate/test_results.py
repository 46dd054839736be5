"""What an evaluation came to."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest

from titan.evaluate.results import as_csv, as_json_lines, junit, results_by_field, suite_faults
from titan.wire.evaluations import AgentRunView

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


def _run(task: str, verdict: str = "PASS", **fields: Any) -> AgentRunView:
    given: dict[str, Any] = {
        "run_id": f"eval-{task}",
        "field": "desk",
        "status": "completed",
        "error_class": None,
        "error": None,
        "attempt": 1,
        "failure_mode": None,
        "failure_detail": None,
        **fields,
    }
    return AgentRunView(
        workflow_id="shop",
        task_id=task,
        agent_id="desk",
        agent_version=3,
        trigger="seed",
        source_run_id=None,
        seed_digest="d",
        queued_at=NOON,
        started_at=NOON,
        agent_done_at=NOON,
        ended_at=NOON,
        latency_ms=1500.0,
        verdict=verdict,
        tool_calls=2,
        sources={"odyssey": 2},
        violations=0,
        cost_usd=None,
        **given,
    )


RUNS = [
    _run("good"),
    _run("bad", "FAIL", failure_mode="missing_action", failure_detail="refund 'R1' is missing"),
    _run("away", "PENDING", status="failed", error_class="agent_unreachable", failure_detail="nobody there"),
    _run("broken", "PENDING", status="failed", error_class="agent_5xx", failure_detail="the agent answered 500"),
    _run("ungraded", "NOT APPLICABLE"),
]


def test_results_without_a_verdict_on_the_agent_are_counted_apart() -> None:
    [found] = results_by_field(RUNS)

    assert (found.agent, found.passed, found.failed, found.infrastructure, found.ungraded) == ("desk v3", 1, 2, 1, 1)
    assert found.failure_modes == {"missing_action": 1, "agent_5xx": 1}
    assert found.pass_rate == 1 / 3


def test_runs_that_are_not_counted_are_listed_with_their_reasons() -> None:
    cancelled = _run("stopped", "PENDING", status="cancelled")

    [found] = results_by_field([*RUNS, cancelled])

    assert found.not_counted == {"agent_unreachable": 1, "ungraded": 1, "cancelled": 1}
    assert sum(found.not_counted.values()) == found.runs - found.graded


@pytest.mark.parametrize(
    ("passed", "of", "percent"), [(49, 50, "90–100"), (50, 50, "93–100"), (28, 30, "79–98"), (0, 10, "0–28")]
)
def test_the_interval_is_wilsons_with_one_try_a_task(passed: int, of: int, percent: str) -> None:
    [found] = results_by_field([_run(f"t{n}", "PASS" if n < passed else "FAIL") for n in range(of)])

    first = found.reliability[0]
    assert (f"{100 * first.low:.0f}–{100 * first.high:.0f}", first.tasks) == (percent, of)


def test_more_tries_of_the_same_tasks_do_not_narrow_the_interval() -> None:
    runs = [_run(task, verdict) for task, verdict in (("a", "PASS"), ("b", "FAIL"), ("c", "PASS"))]

    [once], [often] = results_by_field(runs), results_by_field(runs * 20)

    assert (often.reliability[0].low, often.reliability[0].high) == (once.reliability[0].low, once.reliability[0].high)
    assert (often.tries, often.pass_rate) == (20, once.pass_rate)


def test_a_fault_of_the_suite_is_listed_once() -> None:
    detail = "the suite: reference call 1, cancel_order, is refused: Order O2 is shipped."
    runs = [_run("a", "NOT APPLICABLE", failure_detail=detail, field=field) for field in ("one", "two")]

    assert suite_faults([*runs, *RUNS]) == [("a", detail.removeprefix("the suite: "))]


def test_pass_k_needs_all_of_k_tries() -> None:
    tries = [_run("a"), _run("a", attempt=2), _run("b"), _run("b", "FAIL", attempt=2)]

    [found] = results_by_field(tries)

    assert [(one.k, one.share) for one in found.reliability] == [(1, 0.75), (2, 0.5)]


def test_runs_are_written_as_csv_and_json_lines() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(RUNS))))
    lines = [json.loads(line) for line in as_json_lines(RUNS).splitlines()]

    assert [row["task_id"] for row in rows] == [line["task_id"] for line in lines] == [run.task_id for run in RUNS]
    assert (rows[1]["failure_mode"], rows[1]["error_class"]) == ("missing_action", "")
    assert json.loads(rows[0]["sources"]) == lines[0]["sources"] == {"odyssey": 2}


def test_junit_distinguishes_failures_errors_and_skipped() -> None:
    suite = ElementTree.fromstring(junit("shop", RUNS)).find("testsuite")

    assert suite is not None
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["5", "2", "1", "1"]
    kinds = {case.get("name"): [child.tag for child in case] for case in suite}
    assert kinds == {"good": [], "bad": ["failure"], "away": ["error"], "broken": ["failure"], "ungraded": ["skipped"]}
    failure = suite.find("testcase[@name='bad']/failure")
    assert failure is not None
    assert (failure.get("type"), "refund 'R1' is missing" in (failure.text or "")) == ("missing_action", True)
