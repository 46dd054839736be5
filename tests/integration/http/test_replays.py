"""Replays over HTTP: a run checked by itself, and compared with another."""

from __future__ import annotations

from typing import Any

from tests.support.raw_http import ask, ask_json
from tests.support.replayed import AT_NS, a_call, record, report_a_replay
from tests.support.submissions import a_name

OVER = {"type": "run", "at_ns": AT_NS + 2000, "end": "completed"}


def a_run(port: int, *, made_id: str, is_over: bool = True) -> str:
    """Record the run of the seed's example; return its id."""
    run = a_name("run")
    call_llm = a_call("a1", name="call_llm", inputs={"prompt": "Hello"}, outputs="Hi there!", cost_usd=0.5)
    generate_id = a_call("a2", name="generate_id", inputs={}, outputs=made_id, started_at_ns=AT_NS + 1000)
    record(port, run, call_llm, generate_id, *([OVER] if is_over else []))
    return run


def replayed(port: int, run: str, body: dict[str, object]) -> dict[str, Any]:
    """Start a replay and return it as soon as it has ended."""
    started = ask_json(port, "POST", f"/api/v1/runs/{run}/replays", body)
    assert started.status == 202, started.body
    path = f"/api/v1/runs/{run}/replays/{started.value['id']}?wait_seconds=30"
    ended: dict[str, Any] = ask(port, "GET", path).value
    return ended


def test_two_runs_are_compared_and_the_seeds_table_comes_out(port: int) -> None:
    run, other = a_run(port, made_id="uuid-123"), a_run(port, made_id="uuid-456")

    replay = replayed(port, run, {"level": "compare", "with_run": other})

    assert (replay["state"], replay["level"], replay["with_run"]) == ("completed", "compare", other)
    assert replay["metrics"]["match_rate"] == 0.5
    assert replay["metrics"]["divergences"] == 1
    assert [replay["metrics"][name] for name in ("original_cost_usd", "replay_cost_usd", "savings_usd")] == [
        *("0.500000000000", "0.500000000000"),
        "0E-12",
    ] or float(replay["metrics"]["savings_usd"]) == 0
    comparison = replay["result"]["comparison"]
    assert [
        (row["action"], row["part"], row["original"], row["replay"], row["status"]) for row in comparison["rows"]
    ] == [
        ("call_llm", "input", '"Hello"', '"Hello"', "match"),
        ("call_llm", "output", '"Hi there!"', '"Hi there!"', "match"),
        ("generate_id", "output", '"uuid-123"', '"uuid-456"', "diverged"),
    ]
    [divergence] = comparison["divergences"]
    assert (divergence["kind"], divergence["is_root"], divergence["original_id"]) == ("output_mismatch", True, "a2")


def test_a_run_that_can_be_replayed_says_so_and_one_that_goes_on_says_why_not(port: int) -> None:
    over, running = a_run(port, made_id="x"), a_run(port, made_id="x", is_over=False)

    able, unable = (replayed(port, run, {"level": "self_check"}) for run in (over, running))

    assert (able["metrics"]["is_available"], able["metrics"]["replayable"]) == (True, 2)
    assert able["result"]["self_check"]["findings"] == []
    assert unable["metrics"]["is_available"] is False
    assert [one["reason"] for one in unable["result"]["self_check"]["findings"]] == ["run_incomplete"]


def test_a_comparison_needs_another_run_that_has_ended(port: int) -> None:
    over, running = a_run(port, made_id="x"), a_run(port, made_id="x", is_over=False)

    def refusal(body: dict[str, object]) -> tuple[int, str]:
        return ask_json(port, "POST", f"/api/v1/runs/{over}/replays", body).refusal

    assert refusal({"level": "compare"}) == (400, "InvalidInput")
    assert refusal({"level": "self_check", "with_run": over}) == (400, "InvalidInput")
    assert refusal({"level": "live"}) == (400, "InvalidInput")
    assert refusal({"level": "compare", "with_run": "nobody"}) == (404, "UnknownRun")
    assert refusal({"level": "compare", "with_run": running}) == (409, "Conflict")


def test_the_history_has_the_newest_first_and_replays_of_foreign_clients(port: int) -> None:
    run = a_run(port, made_id="x")
    check, again = (replayed(port, run, {"level": "self_check"}) for _ in range(2))
    report_a_replay(port, run, canary="words")

    listed = ask(port, "GET", f"/api/v1/runs/{run}/replays").value["data"]

    assert sorted(one["level"] for one in listed) == ["reported", "self_check", "self_check"]
    assert {one["id"] for one in listed} >= {check["id"], again["id"]}
    assert [one["created_at"] for one in listed] == sorted((one["created_at"] for one in listed), reverse=True)


def test_a_replay_that_has_ended_stays_as_it_is_when_it_is_cancelled(port: int) -> None:
    run = a_run(port, made_id="x")
    replay = replayed(port, run, {"level": "self_check"})

    cancelled = ask_json(port, "POST", f"/api/v1/runs/{run}/replays/{replay['id']}/cancel", {})
    unknown = ask(port, "GET", f"/api/v1/runs/{run}/replays/nothing")

    assert (cancelled.status, cancelled.value["state"]) == (200, "completed")
    assert unknown.refusal == (404, "UnknownReplay")


def test_replays_go_with_the_run(port: int) -> None:
    run, other = a_run(port, made_id="uuid-123"), a_run(port, made_id="uuid-456")
    replay = replayed(port, run, {"level": "compare", "with_run": other})

    assert ask(port, "DELETE", f"/api/v1/runs/{other}").status == 200

    assert ask(port, "GET", f"/api/v1/runs/{run}/replays/{replay['id']}").refusal == (404, "UnknownReplay")
